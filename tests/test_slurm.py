"""Journeys through a real Slurm: a cluster of one node, set up on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slurm

ROOT = Path(__file__).parent.parent
TINY = (
    "data.count=60",
    "model.embedding_size=4",
    "model.hidden_size=4",
    "windows=abstract",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=1",
    "callbacks.progress.refresh_rate=0",
    "samples.max_words=10",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Path]:
    """A Slurm cluster's configuration file."""
    pytest.importorskip("submitit", reason="no submitit: pip install -e '.[slurm]'")
    folder = tmp_path_factory.mktemp("slurm")
    with (folder / "cluster.log").open("w") as log:
        script = subprocess.Popen(
            [ROOT / "tests" / "slurm" / "cluster.sh", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests, which then end it
        )
        if script.stdout.readline() != "ready\n":
            script.communicate()
            pytest.skip(f"no Slurm cluster: {(folder / 'cluster.log').read_text().strip()}")
        yield folder / "slurm.conf"
        script.communicate()


@pytest.fixture
def launch(cluster, tmp_path, monkeypatch) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a sweep whose jobs have a CPU for each task and the folders `sweep/0`, `sweep/1`…"""
    monkeypatch.setenv("SLURM_CONF", str(cluster))
    started = []

    def start(*arguments: str) -> subprocess.Popen:
        slurm = ("hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1")
        folders = ("hydra.sweep.dir=sweep", "hydra.sweep.subdir=${hydra.job.num}")
        command = [sys.executable, ROOT / "train.py", "-m", *slurm, *folders, *TINY, *arguments]
        started.append(subprocess.Popen(command, cwd=tmp_path))
        return started[-1]

    yield start
    for sweep in started:
        sweep.kill()
        sweep.wait()


def wait_until(condition: Callable[[], bool], sweep: subprocess.Popen) -> None:
    """Looks for something that must happen while a sweep runs."""
    limit = time.monotonic() + 120
    while not condition():
        assert sweep.poll() is None, "the sweep has ended"
        assert time.monotonic() < limit, "nothing happens"
        time.sleep(0.1)


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def saved(run: Path) -> int:
    """When a run's last checkpoint was written, in ns; 0 where there is none."""
    last = run / "checkpoints" / "last.ckpt"
    return last.stat().st_mtime_ns if last.exists() else 0


def is_queued_again() -> bool:
    queue = ("squeue", "--noheader", "--name=train", "--format=%T")
    return subprocess.check_output(queue, text=True) == "PENDING\n"


def test_a_sweep_is_one_job_for_each_setting(launch, tmp_path):
    assert launch("seed=1,2").wait() == 0
    assert [metrics(tmp_path / "sweep" / job)["seed"] for job in "01"] == [1, 2]


def test_a_job_that_fails_is_told_of(launch, tmp_path):
    assert launch("data.count=1").wait() == 1
    assert "failed: sample (synthetic" in (tmp_path / "sweep" / "leaderboard.md").read_text()


def test_the_tasks_of_a_job_train_together_what_one_process_trains(launch, run_script, tmp_path):
    sweep = launch("trainer=slurm", "hydra.launcher.tasks_per_node=2")
    run_script("train", *TINY, "hydra.run.dir=alone")
    assert sweep.wait() == 0
    (log,) = (tmp_path / "sweep").rglob("train.log")
    assert log.read_text().count("2 processes") == 1
    together, alone = metrics(log.parent), metrics(tmp_path / "alone")
    for name in ("test/perplexity", "valid/perplexity"):
        assert together[name] == pytest.approx(alone[name], rel=1e-5)
    assert together["test/targets"] == alone["test/targets"]


def test_a_job_that_others_take_the_place_of_goes_on_from_its_last_checkpoint(
    launch, run_script, tmp_path
):
    settings = (
        "windows.batch_size=1", "model.dropout=0.3", "trainer.max_epochs=20",
        "callbacks.early_stopping.patience=20",
    )  # fmt: skip
    interruptions = (
        # Slurm makes room for a job that goes before others.
        ("sbatch", "--partition=urgent", "--ntasks=2", "--output=/dev/null", "--wrap=true"),
        # What it sends in good time to a job whose time will be over.
        ("scancel", "--name=train", "--signal=USR2"),
    )
    sweep = launch(*settings)
    job, alone = tmp_path / "sweep" / "0", tmp_path / "alone"
    before = 0
    for interruption in interruptions:
        wait_until(lambda: saved(job) > before, sweep)  # noqa: B023
        subprocess.run(interruption, check=True)
        wait_until(is_queued_again, sweep)
        before = saved(job)
    run_script("train", *TINY, *settings, "hydra.run.dir=alone")
    assert sweep.wait() == 0
    assert (job / "train.log").read_text().count("Going on from sweep/0/checkpoints/last.ckpt") == 2
    for name in ("test/perplexity", "valid/perplexity", "test/accuracy", "epochs"):
        assert metrics(job)[name] == metrics(alone)[name], name
    weights = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in (job, alone)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
