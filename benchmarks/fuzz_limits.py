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

    handler = signal.signal(signal.SIGALRM, stop)
    before = peak()
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        yield
        if peak() - before > MOST_BYTES:
            raise OverLimitError(f"takes more than {MOST_BYTES:,} bytes of memory")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def peak() -> int:
    """The most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
