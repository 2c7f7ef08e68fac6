"""What runs on CUDA, on a device that computes nothing: no GPU is needed, but a C++ compiler."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
TORCH = Path(torch.__file__).parent
COMPILER = shutil.which("c++") or shutil.which("g++")


@pytest.fixture(scope="module")
def run_checks(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """What `checks.py` says, in a process of its own: the device stays in it for good."""
    if COMPILER is None:
        pytest.skip("no C++ compiler: the checks on a fake CUDA device need one")
    if torch.version.cuda is not None:
        pytest.skip("this torch is compiled for CUDA: a fake device needs one for the CPU")
    library = tmp_path_factory.mktemp("fake_cuda") / "guard.so"
    headers, libraries = TORCH / "include", TORCH / "lib"
    parts = [f"-I{headers}", f"-I{headers}/torch/csrc/api/include", HERE / "guard.cpp"]
    linked = [f"-L{libraries}", "-lc10", "-ltorch_cpu", f"-Wl,-rpath,{libraries}"]
    kind = ["-O0", "-std=c++20", "-fPIC", "-shared"]

    def run(*arguments: str) -> str:
        subprocess.run([COMPILER, *kind, *parts, "-o", library, *linked], check=True)
        command = [sys.executable, "-m", "tests.fake_cuda.checks", str(library), *arguments]
        done = subprocess.run(command, cwd=HERE.parent.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return run


@pytest.fixture(scope="module")
def report(run_checks: Callable[..., str], shared: Callable[..., Path]) -> dict:
    """The checks run in one worker for all."""
    path = shared("fake_cuda.json", lambda path: path.write_text(run_checks()))
    return json.loads(path.read_text())


def test_every_cell_head_and_windowing_trains_scores_writes_and_adapts(report):
    assert report["checks"] > 30
    assert report["failed"] == {}


@pytest.mark.long
def test_every_cell_does_with_every_head(run_checks):
    report = json.loads(run_checks("all"))
    assert report["checks"] > 60
    assert report["failed"] == {}


def test_recurrent_layers_compute_in_float32_where_training_is_in_bf16(report):
    assert list(report["types"]) == ["torch.float32"]


def test_a_training_step_waits_only_for_the_sizes_of_clusters(report):
    waits = dict(report["waits"])
    assert waits.pop("adaptive") == ["values model/adaptive.py:_places"]
    assert set(map(tuple, waits.values())) == {()}, waits
