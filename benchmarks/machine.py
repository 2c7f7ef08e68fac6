"""What the measurements run on."""

import platform
import re
from pathlib import Path

import psutil


def machine() -> dict[str, object]:
    """What all of it runs on, and how busy that is beforehand."""
    told = Path("/proc/cpuinfo")
    cpu = re.search("model name.*: (.*)", told.read_text()) if told.exists() else None
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "cores": len(psutil.Process().cpu_affinity()),
        "load": psutil.getloadavg()[0],
        "platform": platform.platform(),
    }
