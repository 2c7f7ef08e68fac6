"""Settings of a process that computes: denormal numbers and freed memory."""

import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def prepare() -> None:
    """Prepares this process for training, scoring or generating."""
    # Denormals slow softmax gradients many-fold on CPUs.
    torch.set_flush_denormal(True)
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Makes glibc keep freed memory instead of returning large blocks to the system.

    Each step of training or generating frees and allocates the same blocks. Without this, the
    system clears all their pages each time, which takes a fifth of a step and more (`python -m
    benchmarks.head_loss`). Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 64 * 2**20)
