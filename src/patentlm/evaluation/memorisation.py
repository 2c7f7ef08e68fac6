"""Finds word sequences of a text in the training set."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

import numpy as np

from patentlm.data.arrays import Ids, Int64Array
from patentlm.data.windows import abstract_starts
from patentlm.data.words import END, UNK

COPIED = 8
"""Minimum length of a word sequence that counts as copied."""

PIECE = 1 << 21
"""Positions of the training set that are processed at once, in about 100 MB of memory."""


class Run(NamedTuple):
    """A sequence of consecutive words of a text: index of the first, and number."""

    first: int
    words: int


class Copied(NamedTuple):
    """The parts of a text that occur in the training set.

    Args:
        runs: maximal sequences of `COPIED` words or more, in order; they may overlap.
        longest: length of the longest sequence, however short.
    """

    runs: list[Run]
    longest: int


def match(ids: Ids, train: Ids) -> Int64Array:
    """Returns the length of the longest sequence from each position on that is in the training set.

    No sequence crosses the end of a text, and none has `<unk>`, which may be any word.

    Args:
        ids: texts as `<end> w1 … wn <end> …`, `(targets + 1,)`; few compared to the training set.
        train: the training set in the same form; may be on disk, is read once in pieces.

    Returns:
        Lengths, `(targets + 1,)`, exact.

    Example:
        >>> ids, train = np.array([0, 5, 6, 7, 0]), np.array([0, 8, 5, 6, 0])
        >>> match(ids, train).tolist()
        [0, 2, 1, 0, 0]
    """
    longest = np.zeros(len(ids), np.int64)
    for start in range(0, len(train), PIECE):
        for length, found in _matches(ids, train, start):
            longest[found] = np.maximum(longest[found], length)
    return longest


def _matches(ids: Ids, train: Ids, start: int) -> Iterator[tuple[int, Int64Array]]:
    """Yields, for lengths 1, 2, …, where common sequences of that length begin.

    Both sides grow by one word at a time. Equal sequences have equal ranks, and those without an
    equal on the other side are dropped, so that little is left after a few words.
    """
    here, there = np.arange(len(ids)), np.arange(start, min(start + PIECE, len(train)))
    ranks, ranks_there = np.zeros_like(here), np.zeros_like(there)
    for length in count(1):
        here, keys = _grown(ids, here, ranks, length)
        there, keys_there = _grown(train, there, ranks_there, length)
        if len(here) == 0 or len(there) == 0:
            return
        known, ranks = np.unique(keys, return_inverse=True)
        ranks_there = np.minimum(np.searchsorted(known, keys_there), len(known) - 1)
        equal = known[ranks_there] == keys_there
        there, ranks_there = there[equal], ranks_there[equal]
        kept = (np.bincount(ranks_there, minlength=len(known)) > 0)[ranks]
        here, ranks = here[kept], ranks[kept]
        yield length, here


def _grown(
    ids: Ids, starts: Int64Array, ranks: Int64Array, length: int
) -> tuple[Int64Array, Int64Array]:
    """Extends sequences by one word to `length` words; returns their starts and keys."""
    words = ids[starts + length - 1].astype(np.int64)
    goes_on = words > UNK
    return starts[goes_on], (ranks[goes_on] << 32) + words[goes_on]


def find_copied(texts: Iterable[Iterable[int]], train: Ids) -> list[Copied]:
    """Finds the parts of each text of word ids that are in the training set."""
    ids = joined(texts)
    matches = match(ids, train)
    parts = np.split(matches, abstract_starts(ids)[1:-1])  # each begins with a 0, for <end>
    return [Copied(_runs(part[1:]), int(part[1:].max(initial=0))) for part in parts]


def _runs(matches: Int64Array) -> list[Run]:
    before = np.append(0, matches[:-1])
    firsts = np.flatnonzero((matches >= COPIED) & (matches >= before))
    return [Run(first, matches.item(first)) for first in firsts.tolist()]


def joined(texts: Iterable[Iterable[int]]) -> Ids:
    """Joins texts of word ids as `<end> w1 … wn <end> …`, `(targets + 1,)`."""
    return np.array([END, *chain.from_iterable((*text, END) for text in texts)], np.uint32)


def cover(runs: Sequence[Run]) -> list[Run]:
    """Merges sequences of a text that overlap or touch.

    Example:
        >>> [tuple(run) for run in cover([Run(0, 8), Run(6, 9), Run(20, 8)])]
        [(0, 15), (20, 8)]
    """
    stretches: list[Run] = []
    for first, words in runs:
        end = first + words
        if stretches and first <= sum(stretches[-1]):
            first = stretches.pop().first
        stretches.append(Run(first, end - first))
    return stretches
