"""How long an input of `benchmarks.fuzz` may take, and how much memory."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MOST_SECONDS, MOST_BYTES = 5, 2**29


class OverLimitError(BaseException):
    """An input takes too long or too much; derived so that no code under test catches it."""


@contextmanager
def limits() -> Iterator[None]:
    """Stops what runs inside once it takes too long, or if it took too much memory."""

    def stop(_: int, __: FrameType | None) -> None:
        raise OverLimitError(f"takes more than {MOST_SECONDS} seconds")

    # A busy machine tells nothing about an input, so its seconds are those of the processor; what
    # waits for ever is stopped by the clock.
    timers = {
        signal.ITIMER_PROF: (signal.SIGPROF, MOST_SECONDS),
        signal.ITIMER_REAL: (signal.SIGALRM, 12 * MOST_SECONDS),
    }
    before = peak()
    handlers = [signal.signal(number, stop) for number, _ in timers.values()]
    for timer, (_, seconds) in timers.items():
        signal.setitimer(timer, seconds)
    try:
        yield
        if peak() - before > MOST_BYTES:
            raise OverLimitError(f"takes more than {MOST_BYTES:,} bytes of memory")
    finally:
        for (timer, (number, _)), handler in zip(timers.items(), handlers, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def peak() -> int:
    """The most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
