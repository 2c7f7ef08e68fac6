"""Settings of a whole process that computes: denormals and memory."""

import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def prepare() -> None:
    """Makes this process fast at training, scoring and writing."""
    # Denormals slow softmax gradients many-fold on CPUs.
    torch.set_flush_denormal(True)
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Has glibc keep what is freed instead of giving large blocks back to the system.

    A step of training or writing frees and asks for the same blocks again and again, and each time
    the system clears every page of them: a fifth and more of a step
    (`python -m benchmarks.head_loss`). Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 64 * 2**20)
