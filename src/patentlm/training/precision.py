"""The precision that fits the machine at hand."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable

import torch
from torch import nn

from patentlm.model.linear_cross_entropy import linear_cross_entropy

FASTER = 1.2
"""bf16 is taken where a training step takes so many times as long in float32."""

HOPELESS = 4.0
"""A processor without instructions for bf16 can take hundreds of times as long, so a small product
tells first whether a step is worth the wait: not where bf16 takes so many times as long."""


def fastest_precision(device: str) -> str:
    """Lightning's name of the precision in which a device trains fastest without harm: bf16 with
    float32 weights where it has units for that, else float32.

    Args:
        device: type of it, as in `torch.device.type`.
    """
    if device == "cuda":
        has_units = _cuda_capability() >= (8, 0)
    else:
        has_units = device == "cpu" and _cpu_has_units()
    return "bf16-mixed" if has_units else "32-true"


def _cuda_capability() -> tuple[int, ...]:
    """Compute capability of the first GPU, by the driver's own tool where there is one: torch would
    open a context on the GPU, which a process that only starts others would then hold."""
    tool = shutil.which("nvidia-smi")
    command = [str(tool), "--query-gpu=compute_cap", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True).stdout if tool else ""
    found = re.match(r"(\d+)\.(\d+)$", told.partition("\n")[0])
    return tuple(map(int, found.groups())) if found else torch.cuda.get_device_capability()


def cpu_has_bf16_lstm() -> bool:
    """Whether torch can run one there: on some processors it takes oneDNN for what oneDNN has only
    for others, and raises a RuntimeError."""
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.random.fork_rng([]):
            nn.LSTM(1, 1)(torch.ones(1, 1, 1))
    except RuntimeError:
        return False
    return True


def _cpu_has_units() -> bool:
    """In one thread: several wait for each other where other processes keep the cores busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return (
            _slowdown(_product) < HOPELESS
            and cpu_has_bf16_lstm()
            and _slowdown(_training_step) < 1 / FASTER
        )
    finally:
        torch.set_num_threads(threads)


def _slowdown(work: Callable[[], object]) -> float:
    """How many times as long as in float32 work takes under autocast to bf16: the fastest of a few
    turns each, after one that does not count."""
    turns = [(_seconds(work, to_bf16=True), _seconds(work, to_bf16=False)) for _ in range(4)]
    in_bf16, in_float32 = zip(*turns[1:], strict=True)
    return float(min(in_bf16) / min(in_float32))


def _seconds(work: Callable[[], object], *, to_bf16: bool) -> float:
    """Of this thread at work; while others have the processor, its clock stands still."""
    with torch.autocast("cpu", torch.bfloat16, enabled=to_bf16), torch.random.fork_rng([]):
        begun = time.thread_time()
        work()
        return time.thread_time() - begun


def _product() -> None:
    torch.ones(128, 128) @ torch.ones(128, 128)


def _training_step() -> None:
    """Forward and backward through a small LSTM and a softmax head."""
    hidden, _ = nn.LSTM(128, 128, batch_first=True)(torch.ones(32, 32, 128))
    weight, bias = torch.zeros(2048, 128, requires_grad=True), torch.zeros(2048)
    targets = torch.zeros(32 * 32, dtype=torch.int64)
    loss = linear_cross_entropy(hidden.flatten(0, 1), weight, bias, targets)
    torch.autograd.backward(loss)
