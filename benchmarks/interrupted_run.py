"""One training run that is interrupted at a chosen moment, in a process of its own.

A run is a fork of a process that has imported the libraries, so that it starts in a second. From
its arguments on it is `train.py`.
"""

import multiprocessing
import os
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import train
from patentlm.training import run as _whole_run  # noqa: F401 - imported before the fork
from patentlm.training.lightning_module import LanguageModel

STEPS = {"training_step": 12, "validation_step": 4, "test_step": 2}
"""How often a run of this benchmark calls a method."""
CHANGE, ANY_TIME = "change of a file", "any time"
CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink",
    "shutil.rmtree", "shutil.copyfile", "shutil.move",
}  # fmt: skip
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Interruption:
    """A signal and the moment it comes at.

    Args:
        moment: a method of the module (a key of `STEPS`), `CHANGE` or `ANY_TIME`.
        number: of the signal.
        at: which call or change; for `ANY_TIME`, seconds after the start.
    """

    moment: str
    number: signal.Signals
    at: float


def draw(
    moment: str, number: signal.Signals, chance: random.Random, alone: "Place"
) -> Interruption:
    """An interruption at a random one of such moments in a run like the undisturbed one."""
    if moment == ANY_TIME:
        return Interruption(moment, number, chance.uniform(0.05, 1.0) * alone.seconds)
    return Interruption(moment, number, chance.randint(1, STEPS.get(moment, alone.changes)))


@dataclass
class Place:
    """Where a run writes, on two file systems, and what an undisturbed one does there.

    Args:
        base: folder that holds the run's folder and its cache.
        temporary: its TMPDIR.
        seconds: that it takes.
        changes: of files that it makes.
    """

    base: Path
    temporary: Path
    seconds: float = 0
    changes: int = 0

    @property
    def run(self) -> Path:
        return self.base / "run"

    @property
    def log(self) -> Path:
        return self.base / "log"

    def files(self) -> set[str]:
        """Relative names of all files, but for TensorBoard's, which hold the time."""
        found = (p.relative_to(self.base) for p in self.base.rglob("*") if p.is_file())
        return {str(name) for name in found if "tfevents" not in name.name}


def start(place: Place, arguments: Sequence[str], asked: Interruption | None) -> tuple[int, bool]:
    """Starts the run, or lets it go on, and waits until it ends.

    Returns:
        The exit code (minus the signal's number, where a signal ended it), and whether the
        interruption came before the end.
    """
    place.temporary.mkdir(parents=True, exist_ok=True)
    place.base.mkdir(parents=True, exist_ok=True)
    came, changes = FORK.Value("b", 0), FORK.Value("i", 0)
    process = FORK.Process(target=_train, args=(place, arguments, asked, came, changes))
    process.start()
    process.join(asked.at if asked and asked.moment == ANY_TIME else None)
    if process.is_alive() and asked is not None and process.pid is not None:
        came.value = 1
        os.kill(process.pid, asked.number)
        process.join()
    place.changes = max(place.changes, changes.value)
    return process.exitcode or 0, bool(came.value)


def _train(
    place: Place, arguments: Sequence[str], asked: Interruption | None, came: Any, changes: Any
) -> None:
    """The process of a run."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGHUP):  # a shell's background has them ignored
        signal.signal(number, signal.SIG_DFL)
    output = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ |= {"TMPDIR": str(place.temporary), "PATENTLM_CACHE": str(place.base / "cache")}
    tempfile.tempdir = None
    sys.argv = ["train.py", *arguments, f"hydra.run.dir={place.run}"]

    def interrupt() -> None:
        if asked is not None:
            came.value = 1
            os.kill(os.getpid(), asked.number)

    if asked is not None and asked.moment in STEPS:
        _before_call(asked.moment, int(asked.at), interrupt)
    at = int(asked.at) if asked is not None and asked.moment == CHANGE else 0
    _before_change((str(place.base), str(place.temporary)), at, changes, interrupt)
    train.main()


def _before_call(method: str, at: int, interrupt: Any) -> None:
    """Interrupts before the call of that number of a method of the module."""
    original, calls = getattr(LanguageModel, method), [0]

    def counted(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            interrupt()
        return original(*arguments)

    setattr(LanguageModel, method, counted)


def _before_change(under: tuple[str, ...], at: int, changes: Any, interrupt: Any) -> None:
    """Interrupts before the change of that number in some folders; counts them all."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if (event in CHANGES or _writes(event, arguments)) and str(arguments[0]).startswith(under):
            changes.value += 1
            if changes.value == at:
                interrupt()

    sys.addaudithook(hook)


def _writes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event != "open":
        return False
    _, mode, flags = arguments
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
