"""Signals that end a process: at once, or after a training step is done and saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a process with exit code 128 + number, as shells expect."""
WARNING = (signal.SIGUSR1, signal.SIGUSR2)
"""A batch system's warning before it ends a job: save a checkpoint and continue."""

Handler = Callable[[int, FrameType | None], Any] | int | None


class Interrupted(SystemExit):
    """Raised when a signal ends the process.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number, self.name = number, signal.Signals(number).name
        self.goes_on_with = ""

    def __reduce__(self) -> tuple[type["Interrupted"], tuple[int]]:
        return Interrupted, (self.number,)


class Listener:
    """The signals that this process has received, and when it acts on them."""

    def __init__(self) -> None:
        self.owned: dict[int, Handler] = {}
        self.deferring, self.patient = False, False
        self.pending: int | None = None
        self.warned: int | None = None

    def end(self, number: int, frame: FrameType | None) -> None:
        """Ends the process, or lets a training step finish first; a second signal never waits."""
        if self.deferring and (self.pending is None or self.patient):
            self.pending = number
        else:
            raise Interrupted(number)

    def warn(self, number: int, frame: FrameType | None) -> None:
        """Notes that a checkpoint is wanted."""
        self.warned = number


_listener = Listener()


@contextmanager
def listening(*, patient: bool = False) -> Iterator[None]:
    """Context in which signals that end this process raise `Interrupted`.

    Signals that are ignored (`nohup`) or handled by other code are left alone.

    Args:
        patient: always wait for the end of a step, however often a signal comes.
    """
    if threading.current_thread() is not threading.main_thread() or _listener.owned:
        yield
        return
    default = (signal.SIG_DFL, signal.default_int_handler)
    _listener.patient = patient
    for number in (*ENDING, WARNING[0]):
        if signal.getsignal(number) in default:
            action = _listener.end if number in ENDING else _listener.warn
            _listener.owned[number] = signal.signal(number, action)
    try:
        yield
    finally:
        for owned, before in _listener.owned.items():
            signal.signal(owned, before)
        _listener.__init__()  # type: ignore[misc]


def defer() -> None:
    """From now on, holds signals back until the caller asks `pending` and `warned`.

    A warning that other code listens to reaches that code when `answer` is called.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    _listener.deferring = True
    for owned in _listener.owned:
        if owned in ENDING:
            signal.signal(owned, _listener.end)  # Lightning has installed its own
    for warning in WARNING:
        handler = signal.getsignal(warning)
        if callable(handler) and handler != _listener.warn:
            _listener.owned[warning] = signal.signal(warning, _listener.warn)


def act_at_once() -> None:
    """Ends what `defer` began; a signal that was held back ends the process now."""
    _listener.deferring = False
    if _listener.pending is not None:
        raise Interrupted(_listener.pending)


def pending() -> int:
    """Returns the signal that waits to end this process; 0 if none does."""
    return _listener.pending or 0


def warned() -> int:
    """Returns the warning signal that asks for a checkpoint; 0 if none came."""
    return _listener.warned or 0


def answer() -> None:
    """Passes a warning on to its earlier handler, once the checkpoint is saved."""
    number, _listener.warned = _listener.warned, None
    handler = _listener.owned.get(number) if number else None
    if number and callable(handler):
        handler(number, None)
