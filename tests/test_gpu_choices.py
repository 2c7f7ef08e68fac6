"""What is decided about a GPU without touching it."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from patentlm.training.averaging import ExponentialMovingAverage
from patentlm.training.precision import fastest_precision


@pytest.mark.parametrize(
    ("told", "precision"),
    [
        ("9.0\\n9.0", "bf16-mixed"),
        ("12.0", "bf16-mixed"),
        ("8.0", "bf16-mixed"),
        ("7.5", "32-true"),
    ],
)
def test_the_driver_tells_what_a_gpu_can_do(told, precision, tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nprintf '{told}\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: pytest.fail("opens a context"))
    assert fastest_precision("cuda") == precision


def test_averages_are_kept_where_the_network_trains():
    network = nn.Linear(2, 2)
    network.device = torch.device("cpu")
    trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("meta")))
    ExponentialMovingAverage(decay=0.9, start=0).setup(trainer, network, "validate")
    assert network.weight.is_meta
