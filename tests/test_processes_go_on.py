"""Several processes that are ended inside an epoch go on, and end like those left alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.interruption import TIMES, log

TRAIN = Path(__file__).parent.parent / "train.py"
RUN = (
    "data.count=60", "model.embedding_size=8", "model.hidden_size=8", "model.dropout=0.3",
    "windows=stream", "windows.length=10", "windows.random_length=true", "windows.batch_size=6",
    "trainer=ddp_cpu", "trainer.precision=32-true", "trainer.max_epochs=2",
    "trainer.limit_train_batches=24", "trainer.accumulate_grad_batches=2",
    "trainer.log_every_n_steps=1", "scheduler=one_cycle", "callbacks=ema",
    "callbacks.checkpoint.every_n_steps=3", "callbacks.word_vectors=null",
    "callbacks.progress.refresh_rate=0", "samples.count=1", "samples.max_words=10",
)  # fmt: skip
HOOK = """
import os, sys
by, left = int(os.environ["BY"]), 2
def hook(event, arguments):
    global left
    if event == "os.rename" and str(arguments[1]).endswith("last.ckpt"):
        left -= 1
        if not left and by == 9:
            os.killpg(0, by)
        elif not left:
            os.kill(os.getppid(), by)
sys.addaudithook(hook)
"""
"""Ends a run as its second checkpoint takes its place."""


@pytest.fixture
def train(tmp_path):
    """Trains in a folder until the end, or until a signal ends all processes."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)

    def run(name: str, by: int = 0) -> int:
        found = os.pathsep.join([str(hook), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, str(TRAIN), *RUN, f"hydra.run.dir={tmp_path / name}"],
            env=os.environ | ({"PYTHONPATH": found, "BY": str(by)} if by else {}),
            start_new_session=True,
            capture_output=True,
        ).returncode

    return run


def metrics(folder: Path) -> dict[str, float]:
    found = json.loads((folder / "metrics.json").read_text())
    return {name: v for name, v in found.items() if isinstance(v, float) and name not in TIMES}


def checkpoint(folder: Path, name: str) -> dict:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def test_they_end_like_those_left_alone(train, tmp_path):
    assert train("whole") == 0
    assert train("parts", by=signal.SIGTERM) == 128 + signal.SIGTERM
    ended = checkpoint(tmp_path / "parts", "last")
    assert 0 < ended["global_step"] < 12  # of an epoch
    assert train("parts", by=signal.SIGKILL) == -signal.SIGKILL
    assert checkpoint(tmp_path / "parts", "last")["global_step"] > ended["global_step"]
    assert train("parts") == 0
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert metrics(parts) == pytest.approx(metrics(whole), rel=1e-5)
    for name in ("best", "last"):
        one, other = checkpoint(whole, name), checkpoint(parts, name)
        assert one["global_step"] == other["global_step"]
        torch.testing.assert_close(one["state_dict"], other["state_dict"])
    assert log(parts).keys() == log(whole).keys()
    for tag, points in log(whole).items():
        assert [step for step, _ in log(parts)[tag]] == [step for step, _ in points], tag
        values = [value for _, value in points]
        assert [value for _, value in log(parts)[tag]] == pytest.approx(values, rel=1e-4), tag
