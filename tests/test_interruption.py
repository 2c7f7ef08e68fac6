"""A run goes on from the very step, and ends as if nothing had happened, bit by bit."""

import signal
from pathlib import Path

import pytest

from tests.interruption import log, outcome, signal_at

TINY = (
    "data.count=40", "model.embedding_size=4", "model.hidden_size=4", "trainer=cpu",
    "trainer.precision=32-true", "trainer.max_epochs=2", "trainer.limit_train_batches=6",
    "trainer.limit_val_batches=2", "evaluation_batch_size=1", "trainer.limit_test_batches=1",
    "trainer.log_every_n_steps=1", "model.dropout=0.3", "callbacks.early_stopping.patience=9",
    "callbacks.progress.refresh_rate=0", "callbacks.word_vectors=null", "samples.count=1",
    "samples.max_words=5",
)  # fmt: skip
ABSTRACTS = ("windows=abstract", "windows.batch_size=2")
KINDS = {
    "windows": ("windows.length=5", "windows.batch_size=8", "scheduler=one_cycle"),
    "pieces": (
        "windows=every_word", "windows.batch_size=8", "scheduler=cosine", "optimizer=muon",
        "subwords=ngrams",
    ),
    "accumulated": (
        *ABSTRACTS, "trainer.accumulate_grad_batches=2", "scheduler=warmup_cosine",
        "scheduler.warmup_steps=2", "callbacks=ema",
    ),
    "carried": (
        "windows=stream", "windows.random_length=true", "windows.batch_size=4",
        "trainer.val_check_interval=3", "scheduler=plateau", "callbacks=nt_asgd",
        "callbacks.averaging.patience=1", "optimizer=sgd",
    ),
    "steps": (*ABSTRACTS, "trainer.max_epochs=-1", "trainer.max_steps=9",
        "trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=4"),
}  # fmt: skip


@pytest.fixture
def train(run_script, tmp_path):
    def run(name: str, *arguments: str) -> Path:
        run_script("train", *TINY, f"hydra.run.dir={tmp_path}/{name}", *arguments)
        return tmp_path / name

    return run


@pytest.fixture
def interrupt(train):
    """Trains until a signal, and says how the process ended."""

    def run(name: str, *arguments: str, moment: str, count: int, by: int = signal.SIGTERM) -> int:
        with signal_at(moment, count, by), pytest.raises(SystemExit) as stopped:
            train(name, *arguments)
        return stopped.value.code

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_goes_on_from_the_very_step(train, interrupt, kind):
    whole = train("whole", *KINDS[kind])
    for moment, count in (("training_step", 3), ("validation_step", 1)):
        assert interrupt("parts", *KINDS[kind], moment=moment, count=count) == 143
    parts = train("parts", *KINDS[kind])
    assert outcome(parts) == outcome(whole)
    assert log(parts) == log(whole)


@pytest.mark.parametrize(
    ("by", "code", "moment"),
    [
        (signal.SIGTERM, 143, "training_step"),
        (signal.SIGINT, 130, "test_step"),
        (signal.SIGHUP, 129, "validation_step"),
    ],
)
def test_a_signal_ends_a_run_with_its_code_and_one_line(interrupt, capsys, by, code, moment):
    assert interrupt("run", *KINDS["pieces"], moment=moment, count=1, by=by) == code
    shown = capsys.readouterr()
    (line,) = [line for line in shown.err.splitlines() if line.strip()]
    assert line.startswith(f"Interrupted by {signal.Signals(by).name}. The same command with hydra")
    assert "Traceback" not in shown.out


def test_a_warning_has_a_checkpoint_saved_and_the_run_goes_on(train, monkeypatch):
    from patentlm.training.checkpoints import Checkpoints

    saved, save = [], Checkpoints._save
    monkeypatch.setattr(
        Checkpoints, "_save", lambda self, t, m: (saved.append(t.global_step), save(self, t, m))
    )
    with signal_at("training_step", 3, signal.SIGUSR1):
        train("run", *ABSTRACTS)
    assert saved == [3, 6, 12]


def test_a_checkpoint_comes_after_so_many_steps(train, interrupt, monkeypatch):
    from patentlm.training.checkpoints import Checkpoints

    saved, save = [], Checkpoints._save
    monkeypatch.setattr(
        Checkpoints, "_save", lambda self, t, m: (saved.append(t.global_step), save(self, t, m))
    )
    train("run", *ABSTRACTS, "callbacks.checkpoint.every_n_steps=4")
    assert saved == [4, 6, 8, 12]


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path, monkeypatch):
    from patentlm import checkpoint
    from patentlm.errors import CheckpointError

    path = tmp_path / "last.ckpt"
    path.write_bytes(b"as it was")

    def full(*_: object) -> None:
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(CheckpointError, match="can't be written"):
        checkpoint.write({}, path)
    assert path.read_bytes() == b"as it was"
    assert [found.name for found in tmp_path.iterdir()] == ["last.ckpt"]
