"""Work on all cores: the results of `map`, in order, and nothing left running."""

import os
import signal
from collections.abc import Iterator
from itertools import count, islice
from multiprocessing import active_children

import pytest

from patentlm.data.processes import ALONE, WAITING, in_processes


def square(number: int) -> int:
    return number * number


def halve(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def process_and_interrupts(_: int) -> tuple[int, bool]:
    """The process that works, and whether Ctrl+C leaves it alone."""
    return os.getpid(), signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.parametrize("items", [0, 1, ALONE - 1, ALONE, ALONE + 1, ALONE + 200])
def test_results_are_those_of_map_in_order(items):
    assert list(in_processes(square, range(items))) == [n * n for n in range(items)]
    assert active_children() == []


def test_few_items_are_done_in_this_process_without_reading_ahead():
    items = iter(range(ALONE))
    results = in_processes(process_and_interrupts, items)
    for left in reversed(range(ALONE)):
        assert next(results)[0] == os.getpid()
        assert items.__length_hint__() == left
    assert active_children() == []


def test_many_items_are_done_in_others_which_leave_interrupts_to_this_one():
    results = list(in_processes(process_and_interrupts, range(ALONE + 20)))
    here, elsewhere = results[:ALONE], results[ALONE:]
    assert {process for process, _ in here} == {os.getpid()}
    assert os.getpid() not in {process for process, _ in elsewhere}
    assert all(ignored for _, ignored in elsewhere)


def test_only_few_items_are_read_ahead():
    read: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            read.append(number)
            yield number

    results = in_processes(square, endless())
    for received, result in enumerate(islice(results, 100), start=1):
        assert result == (received - 1) ** 2
        assert len(read) <= received + WAITING * (os.cpu_count() or 1)
    results.close()


@pytest.mark.parametrize("odd", [3, ALONE + 51])
def test_what_goes_wrong_in_the_work_is_raised_where_its_result_is_due(odd):
    results = in_processes(halve, [*range(0, 2 * odd, 2), odd, *range(0, 1000, 2)])
    assert list(islice(results, odd)) == list(range(odd))
    with pytest.raises(ValueError, match=f"{odd} is odd"):
        next(results)
    assert active_children() == []


def test_what_goes_wrong_in_reading_is_raised_and_leaves_no_process_behind():
    def breaking() -> Iterator[int]:
        yield from range(ALONE + 50)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(in_processes(square, breaking()))
    assert active_children() == []


def test_who_stops_early_leaves_no_process_behind():
    results = in_processes(square, count())
    assert list(islice(results, ALONE + 5)) == [n * n for n in range(ALONE + 5)]
    assert active_children()
    results.close()
    assert active_children() == []
