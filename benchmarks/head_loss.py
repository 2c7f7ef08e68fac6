"""The head's loss, forward and backward: ours, PyTorch's plain one and its fused one.

    python -m benchmarks.head_loss

Each contender runs in turn, `ROUNDS` times, and the fastest time counts (on a processor its own
time, all threads together); the whole is done twice: first with the C library's usual way with
freed memory, then with freed memory kept, as training keeps it. GFLOP/s are those of the three
matrix products. Prints a table and writes `benchmarks/results/head_loss.json`.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from time import perf_counter, process_time

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import results
from benchmarks.machine import add_device, synchronize
from patentlm.model.linear_cross_entropy import linear_cross_entropy
from patentlm.runtime import keep_freed_memory

ROUNDS = 10
SIZES = ((128, 128, 5963), (2000, 128, 5963), (2000, 400, 5963), (2000, 200, 30000))
"""Targets, hidden size and vocabulary."""

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def plain(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(hidden, weight, bias), targets)


def contenders() -> dict[str, Loss]:
    losses: dict[str, Loss] = {"plain": plain, "ours": linear_cross_entropy}
    fused = getattr(functional, "linear_cross_entropy", None)  # from PyTorch 2.13 on
    if fused is not None:
        losses["torch's fused"] = lambda h, w, b, t: fused(h, w, t, linear_bias=b)
    return losses


def seconds(loss: Loss, inputs: list[Tensor], device: str) -> float:
    """Of one forward and backward pass."""
    for tensor in inputs[:3]:
        tensor.grad = None
    synchronize(device)
    clock = process_time if device == "cpu" else perf_counter
    begun = clock()
    loss(*inputs).backward()
    synchronize(device)
    return clock() - begun


def speeds(targets: int, hidden_size: int, vocabulary: int, device: str) -> dict[str, float]:
    """GFLOP/s of each contender."""
    shapes = [(targets, hidden_size), (vocabulary, hidden_size), (vocabulary,)]
    inputs = [(0.1 * torch.randn(shape, device=device)).requires_grad_() for shape in shapes]
    inputs.append(torch.randint(vocabulary, (targets,), device=device))
    losses = contenders()
    times: dict[str, list[float]] = {name: [] for name in losses}
    for _ in range(ROUNDS):
        for name, loss in losses.items():
            times[name].append(seconds(loss, inputs, device))
    work = 6 * targets * hidden_size * vocabulary / 1e9
    return {name: work / min(measured) for name, measured in times.items()}


def main() -> None:
    """Measures and prints."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add_device(parser)
    device = parser.parse_args().device
    torch.set_flush_denormal(True)
    rows = []
    for memory in ("given back", "kept"):
        if memory == "kept":
            keep_freed_memory()
        for size in SIZES:
            sizes = dict(zip(("targets", "hidden", "vocabulary"), size, strict=True))
            rows.append({"freed memory": memory, **sizes, **speeds(*size, device)})
    title = "The softmax head's loss, forward and backward, in GFLOP/s of a core"
    results.write("head_loss", title, rows, seed=None)


if __name__ == "__main__":
    main()
