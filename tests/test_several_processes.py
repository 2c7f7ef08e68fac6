"""Several processes learn and score what one does."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import patentlm
from patentlm.batch import IGNORE
from patentlm.data.windows import share

SMALL = (
    "data.count=60",
    "model.embedding_size=8",
    "model.hidden_size=8",
    "windows.batch_size=6",
    "optimizer.lr=0.01",
    "trainer.log_every_n_steps=1",
    "trainer.precision=32-true",
    "callbacks.progress.refresh_rate=0",
    "samples.count=1",
    "samples.max_words=10",
)
WINDOWS = {
    "many_to_one": ("windows.length=5", "windows.stride=7"),
    "abstract": ("subwords=ngrams",),
    "stream": ("windows.length=20",),
}
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
TRAIN = Path(__file__).parent.parent / "train.py"


@pytest.fixture
def train(run_script, tmp_path):
    def run(name: str, *arguments: str) -> Path:
        folder = tmp_path / name
        run_script("train", *SMALL, f"hydra.run.dir={folder}", *arguments)
        return folder

    return run


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def losses(folder: Path) -> list[float]:
    """The losses of all training steps, as the run told TensorBoard."""
    return [event.value for event in EventAccumulator(str(folder)).Reload().Scalars("train/loss")]


def until(lines: Iterable[str], words: str) -> Iterator[str]:
    """The lines up to the one that holds these words."""
    for line in lines:
        yield line
        if words in line:
            return


def running(group: int) -> list[str]:
    """Processes of a group that have not ended: one that is ending, or that has ended and nobody
    has asked how, has no command line any more, and its name stands in brackets."""
    shown = subprocess.run(["ps", "-eo", "pgid=,args="], capture_output=True, text=True)
    rows = [line.split(None, 1) for line in shown.stdout.splitlines()]
    return [row[1] for row in rows if int(row[0]) == group and row[1][0] != "["]


def test_each_process_gets_every_so_many_th_row():
    inputs = torch.arange(5)[:, None]
    assert share((inputs, inputs), rank=0, processes=2)[0].tolist() == [[0], [2], [4]]
    assert share((inputs, inputs), rank=1, processes=2)[0].tolist() == [[1], [3]]


def test_a_process_with_no_row_left_is_asked_nothing():
    inputs, targets = share((torch.ones(1, 3), torch.ones(1, 3)), rank=1, processes=2)
    assert inputs.tolist() == [[1, 1, 1]]
    assert targets.tolist() == [[IGNORE] * 3]


@given(rows=st.integers(1, 9), processes=st.integers(1, 9))
def test_together_they_have_each_target_once(rows, processes):
    batch = torch.arange(2 * rows).reshape(rows, 2)
    shares = [share((batch, batch), rank=rank, processes=processes) for rank in range(processes)]
    asked = torch.cat([targets[targets != IGNORE] for _, targets in shares])
    assert sorted(asked.tolist()) == batch.flatten().tolist()
    assert {share.learned for share in shares} == {2 * rows}
    assert sum(len(share.places) for share in shares) == 2 * rows


@pytest.mark.parametrize(
    "windows", ["abstract", "stream", pytest.param("many_to_one", marks=pytest.mark.long)]
)
def test_two_processes_end_like_one(train, windows):
    settings = (f"windows={windows}", *WINDOWS[windows], "trainer.max_epochs=2")
    one = train("one", *settings, "trainer=cpu")
    two = train("two", *settings, "trainer=ddp_cpu")
    assert [metrics(folder)["processes"] for folder in (one, two)] == [1, 2]
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    for name in ("valid/perplexity", "test/perplexity", "test/accuracy"):
        assert metrics(two)[name] == pytest.approx(metrics(one)[name], rel=1e-4), name
    for name in ("test/targets", "parameters", "epochs", "data/fingerprint"):
        assert metrics(two)[name] == metrics(one)[name], name
    assert {path.name for path in two.parent.iterdir()} == {"one", "two"}
    assert (two / "train.log").read_text().count("run folder") == 1
    texts = [patentlm.load(folder).generate("a neural", seed=3) for folder in (one, two)]
    assert texts[0] == texts[1]


def test_the_same_weights_score_the_same_in_any_number_of_processes(train):
    still = ("windows=abstract", "optimizer.lr=0", "trainer.max_epochs=1")
    one = train("one", *still, "trainer=cpu")
    three = train("three", *still, "trainer=ddp_cpu", "trainer.devices=3")
    for name in ("valid/perplexity", "test/perplexity", "test/loss", "test/accuracy"):
        assert metrics(three)[name] == pytest.approx(metrics(one)[name], rel=1e-6), name
    assert metrics(three)["test/targets"] == metrics(one)["test/targets"]


def test_a_run_is_resumed_by_another_number_of_processes(train):
    settings = ("windows=abstract", "scheduler=exponential")
    whole = train("whole", *settings, "trainer=cpu", "trainer.max_epochs=2")
    half = train("half", *settings, "trainer=ddp_cpu", "trainer.max_epochs=1")
    resumed = train(
        "resumed", *settings, "trainer=cpu", "trainer.max_epochs=2",
        f"ckpt_path={half}/checkpoints/last.ckpt",
    )  # fmt: skip
    assert metrics(resumed)["epochs"] == 2
    assert metrics(resumed)["test/perplexity"] == pytest.approx(
        metrics(whole)["test/perplexity"], rel=1e-4
    )


def test_a_sweep_runs_its_jobs_one_after_the_other(run_script, tmp_path):
    settings = ("windows=abstract", "trainer=ddp_cpu", "trainer.max_epochs=1", "seed=1,2")
    run_script("train", "-m", *SMALL, *settings, f"hydra.sweep.dir={tmp_path}/sweep")
    folders = {path.name: path for path in (tmp_path / "sweep").iterdir() if path.is_dir()}
    assert folders.keys() == {"seed=1", "seed=2"}
    assert [metrics(folder)["processes"] for folder in folders.values()] == [2, 2]


def test_a_process_that_fails_ends_the_run_with_its_reason(run_script, tmp_path):
    failing = ("windows=abstract", "trainer=ddp_cpu", "windows.batch_size=100000")
    with pytest.raises(SystemExit) as stopped:
        run_script("train", "-m", *SMALL, *failing, f"hydra.sweep.dir={tmp_path}/sweep")
    assert stopped.value.code == 1
    (error,) = (tmp_path / "sweep").rglob("error.txt")
    assert re.fullmatch(r"sample .* is smaller than one batch; .*\n", error.read_text())


def test_two_machines_train_together(train, tmp_path):
    """Two starts of the script on this one find each other as on two, and learn what one does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    nodes = [
        subprocess.Popen(
            [
                sys.executable, str(TRAIN), *SMALL, "windows=abstract", "trainer.max_epochs=1",
                "trainer=ddp_cpu", "trainer.devices=1", "trainer.num_nodes=2",
                f"hydra.run.dir={tmp_path}/{rank}",
            ],
            env=os.environ | places | {"NODE_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    assert [node.wait() for node in nodes] == [0, 0]
    one = train("one", "windows=abstract", "trainer.max_epochs=1", "trainer=cpu")
    assert metrics(tmp_path / "0")["processes"] == 2
    assert losses(tmp_path / "0") == pytest.approx(losses(one), rel=1e-4)
    assert metrics(tmp_path / "0")["test/targets"] == metrics(one)["test/targets"]
    assert not (tmp_path / "1" / "checkpoints").exists()


@pytest.mark.parametrize(
    ("processes", "kill", "by"),
    [
        (["trainer=ddp_cpu"], os.killpg, signal.SIGINT),
        (JOBLIB, os.kill, signal.SIGTERM),
        pytest.param(["trainer=ddp_cpu"], os.kill, signal.SIGINT, marks=pytest.mark.long),
        pytest.param(JOBLIB, os.killpg, signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_an_interrupted_sweep_leaves_no_process_behind(tmp_path, processes, kill, by):
    """Ctrl-C reaches all processes in front of a terminal, `kill` the first alone."""
    sweep = tmp_path / "sweep"
    arguments = [
        *SMALL, "windows=abstract", *processes, "seed=1,2,3", f"hydra.sweep.dir={sweep}",
        "trainer.max_epochs=1000000", "callbacks.early_stopping.patience=1000000",
    ]  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, str(TRAIN), "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    told = "".join(until(child.stdout, "run folder"))
    kill(child.pid, by)
    told += child.communicate()[0]
    assert child.returncode == 128 + by, told
    assert told.count("The same command with hydra.sweep.dir=") == 1
    assert not (sweep / "seed=3").exists()
    assert running(child.pid) == []
