"""Settings that fit the machine at hand: precision and memory."""

import ctypes
import sys
import time

import torch

FASTER = 3.0
"""bf16 is taken where its matrix products are so many times as fast as those of float32: matrix
units bring 4 and more, wider vector instructions alone 2 at most, and an LSTM would lose that."""

SIZE = 1024

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Has glibc keep what is freed instead of giving large blocks back to the system.

    A training step frees and asks for the same blocks again and again, and each time the system
    clears every page of them: a fifth and more of a step (`python -m benchmarks.head_loss`).
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
        has_units = device == "cpu" and _seconds(torch.float32) > FASTER * _seconds(torch.bfloat16)
    return "bf16-mixed" if has_units else "32-true"


def _seconds(dtype: torch.dtype) -> float:
    """The fastest of a few products of two square matrices."""
    square = torch.ones(SIZE, SIZE, dtype=dtype)
    square @ square
    return min(_timed(square) for _ in range(5))


def _timed(square: torch.Tensor) -> float:
    begun = time.perf_counter()
    _ = square @ square
    return time.perf_counter() - begun
