"""The machine that a measurement runs on."""

import os
import platform
import re
from argparse import ArgumentParser
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
    parser.add_argument("--device", default=default, help=f"cpu, cuda or mps (default: {default})")


def synchronize(device: str) -> None:
    """Waits until a device has done all that it was told to."""
    if device != "cpu":
        torch.accelerator.synchronize()
