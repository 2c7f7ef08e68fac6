"""The memory that a command takes."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from time import sleep

import psutil

SECONDS_BETWEEN_LOOKS = 0.02


def peak_memory(command: Sequence[str]) -> int:
    """The most bytes resident while a command runs, which must not fail."""
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
