"""Settings that fit the machine at hand: precision and memory."""

import ctypes
import sys
import time

import torch

FASTER = 3.0
"""bf16 is taken where its matrix products are so many times as fast as those of float32: matrix
units bring 4 and more, wider vector instructions alone 2 at most, and an LSTM would lose that."""

SIZE, SMALL_SIZE = 1024, 128
"""Rows and columns of the products that are measured. In bf16 some processors take hundreds of
times as long, so a small product tells first whether a large one is worth the wait."""

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Has glibc keep what is freed instead of giving large blocks back to the system.

    A step of training or writing frees and asks for the same blocks again and again, and each time
    the system clears every page of them: a fifth and more of a step
    (`python -m benchmarks.head_loss`).
    Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 64 * 2**20)


def fastest_precision(device: str) -> str:
    """Lightning's name of the precision in which a device trains fastest without harm: bf16 with
    float32 weights where it has matrix units for it, else float32.

    Args:
        device: type of it, as in `torch.device.type`.
    """
    if device == "cuda":
        has_units = torch.cuda.get_device_capability() >= (8, 0)
    else:
        has_units = device == "cpu" and _cpu_has_units()
    return "bf16-mixed" if has_units else "32-true"


def _cpu_has_units() -> bool:
    """In one thread: several wait for each other where other processes keep the cores busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _speedup(SMALL_SIZE) > 0.25 and _speedup(SIZE) > FASTER
    finally:
        torch.set_num_threads(threads)


def _speedup(size: int) -> float:
    """How many times as fast as in float32 the CPU multiplies square matrices in bf16."""
    return _seconds(size, torch.float32) / _seconds(size, torch.bfloat16)


def _seconds(size: int, dtype: torch.dtype) -> float:
    """The fastest of a few products of two square matrices."""
    square = torch.ones(size, size, dtype=dtype)
    square @ square
    return min(_timed(square) for _ in range(5))


def _timed(square: torch.Tensor) -> float:
    begun = time.perf_counter()
    _ = square @ square
    return time.perf_counter() - begun
