"""Signals that end a process: at once, or where a training step has ended and is saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Each ends a process, with the exit code 128 + its number, as shells expect it."""
WARNING = (signal.SIGUSR1, signal.SIGUSR2)
"""A batch system's warning that time is almost over: save a checkpoint and go on."""

Handler = Callable[[int, FrameType | None], Any] | int | None


class Interrupted(SystemExit):
    """A signal ended the process.

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
    """What signals this process has got, and when it acts on them."""

    def __init__(self) -> None:
        self.owned: dict[int, Handler] = {}
        self.deferring, self.patient = False, False
        self.pending: int | None = None
        self.warned: int | None = None

    def end(self, number: int, frame: FrameType | None) -> None:
        """Ends the process, or lets a training step do so; a second signal never waits."""
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
    """While it lasts, signals that end this process raise `Interrupted`.

    A signal that is ignored (`nohup`) or that somebody else handles is left alone.

    Args:
        patient: a step is always waited for, however often a signal comes.
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
    """From now on a signal waits until `pending` and `warned` are asked for it.

    A warning that somebody else listens to reaches them when `answer` is called.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    _listener.deferring = True
    for owned in _listener.owned:
        if owned in ENDING:
            signal.signal(owned, _listener.end)  # Lightning has put its own in front
    for warning in WARNING:
        handler = signal.getsignal(warning)
        if callable(handler) and handler != _listener.warn:
            _listener.owned[warning] = signal.signal(warning, _listener.warn)


def act_at_once() -> None:
    """Ends what `defer` began; a signal that waits ends the process now."""
    _listener.deferring = False
    if _listener.pending is not None:
        raise Interrupted(_listener.pending)


def pending() -> int:
    """The signal that waits to end this process; 0 for none."""
    return _listener.pending or 0


def warned() -> int:
    """The warning that asks for a checkpoint; 0 for none."""
    return _listener.warned or 0


def answer() -> None:
    """Tells whoever listened before to a warning that the checkpoint is saved."""
    number, _listener.warned = _listener.warned, None
    handler = _listener.owned.get(number) if number else None
    if number and callable(handler):
        handler(number, None)
