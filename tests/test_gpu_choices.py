"""What is decided about a GPU without touching it."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from patentlm.data import datamodule
from patentlm.evaluation.metrics import batch_metric_sums
from patentlm.training.averaging import ExponentialMovingAverage
from patentlm.training.precision import fastest_precision
from tests.networks import make_network


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


def test_scores_are_made_without_tf32():
    network = make_network(vocabulary=5, embedding_size=2, hidden_size=2).eval()
    before, seen = torch.backends.cudnn.allow_tf32, []
    for part in (network, network.head.linear):
        part.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    words = torch.tensor([[2, 3, 4]])
    batch_metric_sums(network, (words, words), None)
    assert seen == [False] * len(seen) != []
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.parametrize(("device", "pinned"), [("cpu", False), ("cuda", True)])
def test_memory_is_pinned_only_for_a_gpu_that_trains(device, pinned, monkeypatch):
    monkeypatch.setattr(datamodule, "loader", lambda windows, **settings: settings)
    strategy = SimpleNamespace(root_device=torch.device(device))
    trainer = SimpleNamespace(global_rank=0, world_size=1, strategy=strategy)
    data = SimpleNamespace(trainer=trainer)
    assert datamodule.PatentData._share(data, None, seed=None)["pin_memory"] is pinned
