"""Lightning's flags: each gives the right result, or one line before any work is done."""

import json
from pathlib import Path

import pytest
import torch

TINY = (
    "data.count=40", "model.embedding_size=4", "model.hidden_size=4", "trainer=cpu",
    "trainer.precision=32-true", "trainer.max_epochs=2", "trainer.limit_train_batches=5",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1", "windows=abstract",
    "windows.batch_size=2", "trainer.log_every_n_steps=9", "callbacks.early_stopping.patience=9",
    "callbacks.progress.refresh_rate=0", "samples.count=1", "samples.max_words=5",
)  # fmt: skip


@pytest.fixture
def train(run_script, tmp_path):
    def run(*arguments: str, name: str = "run") -> Path:
        run_script("train", *TINY, f"hydra.run.dir={tmp_path}/{name}", *arguments)
        return tmp_path / name

    return run


def metrics(folder: Path) -> dict:
    def strict(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads((folder / "metrics.json").read_text(), parse_constant=strict)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("trainer.max_steps=3", {"steps": 3, "valid/perplexity": float}),
        ("trainer.max_steps=7", {"steps": 7, "valid/perplexity": float}),
        ("trainer.max_epochs=-1 callbacks.early_stopping.patience=0 optimizer.lr=0", {"epochs": 2}),
        ("trainer.limit_val_batches=0", {"epochs": 2, "valid/perplexity": None}),
        ("trainer.limit_test_batches=0", {"test/perplexity": None, "test/targets": None}),
        ("trainer.overfit_batches=2", {"steps": 4}),
        ("trainer.enable_progress_bar=false", {"epochs": 2}),
        ("+trainer.logger=false", {"epochs": 2}),
        ("logger=none", {"epochs": 2}),
        ("callbacks.early_stopping=null callbacks.progress=null", {"epochs": 2}),
        ("callbacks.checkpoint=null", {"epochs": 2, "test/perplexity": float}),
        ("scheduler=plateau trainer.check_val_every_n_epoch=2", {"epochs": 2}),
        ("trainer.max_epochs=3 trainer.check_val_every_n_epoch=2", {"valid/perplexity": float}),
        ("scheduler=plateau trainer.val_check_interval=2", {"epochs": 2}),
        ("trainer.accumulate_grad_batches=2", {"steps": 6}),
        ("trainer.accumulate_grad_batches=2 scheduler=one_cycle", {"steps": 6}),
        ("scheduler=one_cycle scheduler.pct_start=0.25 trainer.max_steps=4", {"steps": 4}),
        ("scheduler=cosine trainer.max_steps=4", {"steps": 4}),
        ("trainer.num_sanity_val_steps=1 callbacks=nt_asgd", {"epochs": 2}),
        ("+trainer.fast_dev_run=true", {"steps": 1}),
        ("callbacks=ema callbacks.averaging.start=4", {"epochs": 2}),
    ],
)
def test_a_flag_gives_the_right_result(train, flags, expected):
    found = metrics(train(*flags.split()))
    for name, value in expected.items():
        if value is float:
            assert found[name] > 1, name
        else:
            assert found[name] == value, name


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("trainer.limit_val_batches=0 scheduler=plateau", "scheduler=plateau follows validation"),
        ("trainer.limit_val_batches=0 callbacks=nt_asgd", "callbacks=nt_asgd follows validation"),
        ("trainer.max_epochs=-1 scheduler=cosine", "set trainer.max_epochs or trainer.max_steps"),
        (
            "trainer.max_epochs=-1 scheduler=one_cycle",
            "set trainer.max_epochs or trainer.max_steps",
        ),
        ("trainer.val_check_interval=6", "an epoch has 5 batches"),
        ("trainer.limit_val_batches=0.0001", "batches have no such part"),
        ("trainer.accumulate_grad_batches=2 trainer.val_check_interval=3", "set it to a multiple"),
        (
            "trainer.accumulate_grad_batches=2 trainer.val_check_interval=2 "
            "trainer.check_val_every_n_epoch=null",
            "set trainer.limit_train_batches=4",
        ),
        ("trainer.max_epochs=0", "trainer.max_epochs=0"),
        ("trainer.limit_train_batches=0", "trainer.limit_train_batches=0"),
        ("+trainer.gradient_clip_algorithm=loud", "trainer.gradient_clip_algorithm"),
    ],
)
def test_what_can_not_work_is_told_in_one_line(train, capsys, tmp_path, flags, told):
    with pytest.raises(SystemExit) as stopped:
        train(*flags.split())
    assert stopped.value.code == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert told in line
    assert not (tmp_path / "run" / "run.json").exists()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def test_accumulated_batches_learn_as_one_large_one(train):
    """Texts of unequal lengths: each of their targets counts alike, in the last group, too."""
    still = ("optimizer=sgd", "shuffle=false", "trainer.max_epochs=1", "data.count=30")
    one = train(*still, "windows.batch_size=4", "trainer.limit_train_batches=3", name="one")
    two = train(
        *still, "windows.batch_size=2", "trainer.limit_train_batches=6",
        "trainer.accumulate_grad_batches=2", name="two",
    )  # fmt: skip
    for name, weight in weights(one).items():
        torch.testing.assert_close(weights(two)[name], weight, rtol=1e-4, atol=1e-6)


def test_an_average_that_begins_later_is_the_weights_until_then(train):
    plain = train("trainer.max_epochs=1", name="plain")
    later = train(
        "trainer.max_epochs=1", "callbacks=ema", "callbacks.averaging.start=99", name="later"
    )
    assert metrics(later)["valid/perplexity"] == metrics(plain)["valid/perplexity"]
    for name, weight in weights(plain).items():
        assert torch.equal(weights(later)[name], weight)
