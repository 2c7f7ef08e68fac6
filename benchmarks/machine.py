"""What the measurements run on, and the memory that a command takes of it."""

import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import sleep

import psutil

SECONDS_BETWEEN_LOOKS = 0.02


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


def peak_memory(command: Sequence[str]) -> int:
    """Most bytes resident while a command runs, which must not fail."""
    peak = 0
    # The system's own account of an ended child won't do: on Linux it starts at its parent's size.
    with psutil.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with suppress(psutil.Error):
                peak = max(peak, process.memory_info().rss)
            sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        sys.exit(f"error: {' '.join(command)} failed")
    return peak
