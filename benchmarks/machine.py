"""The machine that a measurement runs on."""

import os
import platform
import re
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

import torch


def machine() -> dict[str, object]:
    """The processor, its cores and how busy they are, and the operating system."""
    info = Path("/proc/cpuinfo")
    cpu = re.search("model name.*: (.*)", info.read_text()) if info.exists() else None
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "platform": platform.platform(),
    }


def add_device(parser: ArgumentParser, *, default: str = "cpu") -> None:
    """The argument that says where a benchmark computes."""
    help = f"cpu, cuda or mps (default: {default})"
    parser.add_argument("--device", default=default, type=_present, help=help)


def _present(device: str) -> str:
    found = torch.accelerator.current_accelerator(check_available=True)
    if device != "cpu" and (found is None or device != found.type):
        raise ArgumentTypeError(f"this machine has no {device}")
    return device


def synchronize(device: str) -> None:
    """Waits until a device has done all that it was told to."""
    if device != "cpu":
        torch.accelerator.synchronize()
