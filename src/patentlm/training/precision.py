"""Chooses the fastest precision that a device trains well in."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable

import torch
from torch import nn

from patentlm.model.linear_cross_entropy import linear_cross_entropy

FASTER = 1.2
"""bf16 is chosen if it makes a training step faster by at least this factor."""

HOPELESS = 4.0
"""A processor without instructions for bf16 can take hundreds of times as long, so a small product
tells first whether a step is worth the wait: not where bf16 takes so many times as long."""


def fastest_precision(device: str) -> str:
    """Returns Lightning's name of the fastest precision of a device that does no harm.

    It is bf16 with float32 weights if the device has units for bf16, else float32.

    Args:
        device: type of the device, as in `torch.device.type`.
    """
    if device == "cuda":
        has_units = _cuda_capability() >= (8, 0)
    else:
        has_units = device == "cpu" and _cpu_has_units()
    return "bf16-mixed" if has_units else "32-true"


def _cuda_capability() -> tuple[int, ...]:
    """Returns the compute capability of the first GPU.

    It asks the driver's own tool if possible: torch would create a context on the GPU, which a
    process that only starts others would keep.
    """
    tool = shutil.which("nvidia-smi")
    command = [str(tool), "--query-gpu=compute_cap", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True).stdout if tool else ""
    found = re.match(r"(\d+)\.(\d+)$", told.partition("\n")[0])
    return tuple(map(int, found.groups())) if found else torch.cuda.get_device_capability()


def cpu_has_bf16_lstm() -> bool:
    """True if torch can run an LSTM in bf16 on this processor.

    On some processors it calls oneDNN for what oneDNN supports only on others, and raises a
    RuntimeError.
    """
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.random.fork_rng([]):
            nn.LSTM(1, 1)(torch.ones(1, 1, 1))
    except RuntimeError:
        return False
    return True


def _cpu_has_units() -> bool:
    """True if training is faster in bf16, measured in one thread.

    Several threads would wait for each other if other processes keep the cores busy.
    """
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
    """Returns the time of work under autocast to bf16 relative to float32.

    It compares the fastest of a few repetitions each, after one warm-up.
    """
    turns = [(_seconds(work, to_bf16=True), _seconds(work, to_bf16=False)) for _ in range(4)]
    in_bf16, in_float32 = zip(*turns[1:], strict=True)
    return float(min(in_bf16) / min(in_float32))


def _seconds(work: Callable[[], object], *, to_bf16: bool) -> float:
    """Measures the seconds of this thread, excluding those in which others have the processor."""
    with torch.autocast("cpu", torch.bfloat16, enabled=to_bf16), torch.random.fork_rng([]):
        begun = time.thread_time()
        work()
        return time.thread_time() - begun


def _product() -> None:
    torch.ones(128, 128) @ torch.ones(128, 128)


def _training_step() -> None:
    """Runs forward and backward through a small LSTM and a softmax head."""
    hidden, _ = nn.LSTM(128, 128, batch_first=True)(torch.ones(32, 32, 128))
    weight, bias = torch.zeros(2048, 128, requires_grad=True), torch.zeros(2048)
    targets = torch.zeros(32 * 32, dtype=torch.int64)
    loss = linear_cross_entropy(hidden.flatten(0, 1), weight, bias, targets)
    torch.autograd.backward(loss)
