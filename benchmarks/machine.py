"""The machine that a measurement runs on."""

import os
import platform
import re
from pathlib import Path


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
