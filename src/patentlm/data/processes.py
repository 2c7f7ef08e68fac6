"""Parallel work on all cores, with results in order."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_all_start_methods, get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

ALONE = 4
WAITING = 2


def in_processes(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields `work(item)` for all items, computed on all cores, in order.

    Few items are read ahead. The first `ALONE` items are processed here, since starting processes
    is slow compared to a small input.

    Args:
        work: an importable function.
        items: its arguments.
    """
    rest = iter(items)
    yield from map(work, islice(rest, ALONE))
    for item in islice(rest, 1):
        yield from _pooled(work, item, rest)


def _pooled(work: Callable[[Item], Result], item: Item, rest: Iterator[Item]) -> Iterator[Result]:
    # Not fork, which copies locks that other threads hold.
    method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(
        _cores(),
        mp_context=get_context(method),
        initializer=_leave_interrupts_to_the_parent,
    )
    waiting: deque[Future[Result]] = deque([pool.submit(work, item)])
    try:
        for item in rest:
            waiting.append(pool.submit(work, item))
            if len(waiting) > WAITING * _cores():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
