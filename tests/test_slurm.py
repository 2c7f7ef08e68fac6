"""Journeys through a real Slurm: a cluster of one node, set up on this machine."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm

ROOT = Path(__file__).parent.parent
TINY = (
    "data.count=60",
    "model.embedding_size=4",
    "model.hidden_size=4",
    "windows=abstract",
    "trainer.max_epochs=1",
    "callbacks.progress.refresh_rate=0",
    "samples.max_words=10",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Path]:
    """A Slurm cluster's configuration file."""
    pytest.importorskip("submitit", reason="no submitit: pip install -e '.[slurm]'")
    folder = tmp_path_factory.mktemp("slurm")
    with (folder / "cluster.log").open("w+") as log:
        script = subprocess.Popen(
            [ROOT / "tests" / "slurm" / "cluster.sh", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests; they end it
        )
        if script.stdout.readline() != "ready\n":
            script.communicate()
            pytest.skip(f"no Slurm cluster: {(folder / 'cluster.log').read_text().strip()}")
        yield folder / "slurm.conf"
        script.communicate()


@pytest.fixture
def launch(cluster, tmp_path, monkeypatch) -> Callable[..., subprocess.Popen]:
    """Starts a sweep into the folder `sweep` with every job on one CPU of the cluster."""
    monkeypatch.setenv("SLURM_CONF", str(cluster))

    def start(*arguments: str) -> subprocess.Popen:
        slurm = ("-m", "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1")
        return subprocess.Popen(
            [sys.executable, ROOT / "train.py", *slurm, *TINY, "hydra.sweep.dir=sweep", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )

    return start


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def test_a_sweep_is_one_job_for_each_setting(launch, tmp_path):
    sweep = launch("trainer=cpu", "seed=1,2")
    _, shown = sweep.communicate()
    assert sweep.returncode == 0, shown
    assert [metrics(tmp_path / "sweep" / job)["seed"] for job in "01"] == [1, 2]


def test_a_mistake_in_a_job_is_one_clear_line_here(launch):
    sweep = launch("trainer=cpu", "data.count=1")
    _, shown = sweep.communicate()
    assert sweep.returncode == 1
    (line,) = [line for line in shown.splitlines() if line.startswith("error: ")]
    assert "no text is left for train" in line
    assert "Traceback" not in shown
