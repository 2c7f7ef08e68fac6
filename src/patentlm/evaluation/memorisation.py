"""What of a text stands in the training set, word for word."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

import numpy as np

from patentlm.data.arrays import Ids
from patentlm.data.samplers import Rows
from patentlm.data.windows import abstract_starts
from patentlm.data.words import END, UNK

COPIED = 8
"""Words in a row from which on a run counts as copied."""

PIECE = 1 << 21
"""Positions of the training set that are looked at together: some 100 MB of memory."""


class Run(NamedTuple):
    """A run of words of a text: which word is its first, and how many there are."""

    first: int
    words: int


class Copied(NamedTuple):
    """What of a text stands in the training set: its runs of `COPIED` words or more, in order,
    which may overlap, none within another; and how many words the longest run has, however few."""

    runs: list[Run]
    longest: int


def match(ids: Ids, train: Ids) -> Rows:
    """How many words in a row, from each position on, also stand in a row in the training set.

    No run goes beyond its text, here or there, and none holds `<unk>`, which may be any word.

    Args:
        ids: texts as `<end> w1 … wn <end> …`, `(targets + 1,)`; a few beside the training set.
        train: likewise, and may lie on disk; read once, in pieces.

    Returns:
        `(targets + 1,)`; exact.
    """
    longest = np.zeros(len(ids), np.int64)
    for start in range(0, len(train), PIECE):
        for length, found in _matches(ids, train, start):
            longest[found] = np.maximum(longest[found], length)
    return longest


def _matches(ids: Ids, train: Ids, start: int) -> Iterator[tuple[int, Rows]]:
    """For lengths 1, 2, …: where runs of so many words begin that also begin in a piece of train.

    Both sides grow by a word at a time. Equal runs have equal ranks, and what has no equal on the
    other side is dropped, so that after a few words little is left.
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


def _grown(ids: Ids, starts: Rows, ranks: Rows, length: int) -> tuple[Rows, Rows]:
    """The runs that have one more word, which makes them `length` long: starts and keys."""
    words = ids[starts + length - 1].astype(np.int64)
    goes_on = words > UNK
    return starts[goes_on], (ranks[goes_on] << 32) + words[goes_on]


def find_copied(texts: Iterable[Iterable[int]], train: Ids) -> list[Copied]:
    """What of each text of word ids stands in the training set."""
    ids = joined(texts)
    matches = match(ids, train)
    parts = np.split(matches, abstract_starts(ids)[1:-1])  # each with a 0 for its <end> in front
    return [Copied(_runs(part[1:]), int(part[1:].max(initial=0))) for part in parts]


def _runs(matches: Rows) -> list[Run]:
    before = np.append(0, matches[:-1])
    firsts = np.flatnonzero((matches >= COPIED) & (matches >= before))
    return [Run(first, matches.item(first)) for first in firsts.tolist()]


def joined(texts: Iterable[Iterable[int]]) -> Ids:
    """Texts of word ids as `<end> w1 … wn <end> …`, `(targets + 1,)`."""
    return np.array([END, *chain.from_iterable((*text, END) for text in texts)], np.uint32)


def cover(runs: Sequence[Run]) -> list[Run]:
    """Runs of a text, in order, with those that overlap or touch made one."""
    stretches: list[Run] = []
    for first, words in runs:
        end = first + words
        if stretches and first <= sum(stretches[-1]):
            first = stretches.pop().first
        stretches.append(Run(first, end - first))
    return stretches
