"""Texts on disk as provisional ids: words are numbered as they first appear.

So one reading of a source is enough to count its words, compare its texts and index them at last,
and what is held in memory does not grow with the texts, but for some bytes a text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

TEXTS_IN_A_PIECE = 1024  # so that what is computed from one stays in the processor's cache

Numbers = NDArray[np.int64]


class Chunk(NamedTuple):
    """Some texts as ids of a vocabulary of their own.

    Args:
        words: by id.
        ids: of all texts, one after the other, `(words of the texts,)`.
        lengths: words of each text, `(texts,)`.
    """

    words: list[str]
    ids: NDArray[np.uint32]
    lengths: Numbers


class Piece(NamedTuple):
    """Some texts of a draft that follow each other, the first one being text `start`."""

    start: int
    ids: NDArray[np.uint32]
    lengths: Numbers


@dataclass(frozen=True)
class Draft:
    """Texts as ids of one vocabulary that holds every word.

    Args:
        path: the ids, one text after the other.
        words: by id, in order of appearance.
        lengths: words of each text, `(texts,)`.
    """

    path: Path
    words: list[str]
    lengths: Numbers

    def pieces(self, doing: str) -> Iterator[Piece]:
        """The texts in order, some at a time; a progress bar says what is done to them."""
        bounds = [*range(0, len(self.lengths), TEXTS_IN_A_PIECE), len(self.lengths)]
        with self.path.open("rb") as file, _bar(doing, len(self.lengths)) as bar:
            for start, end in pairwise(bounds):
                lengths = self.lengths[start:end]
                yield Piece(start, np.fromfile(file, np.uint32, int(lengths.sum())), lengths)
                bar.update(len(lengths))

    def counts(self, texts: NDArray[np.bool_]) -> Numbers:
        """How often each word occurs in the texts chosen, `(words,)`."""
        counts = np.zeros(len(self.words), np.int64)
        for start, ids, lengths in self.pieces("Counting words"):
            chosen = np.repeat(texts[start : start + len(lengths)], lengths)
            np.add.at(counts, ids[chosen], 1)
        return counts


def number(texts: Sequence[Sequence[str]]) -> Chunk:
    """Texts, each a list of words, as ids in order of appearance."""
    numbers = _numbers()
    lengths = np.array([len(words) for words in texts], np.int64)
    every = map(numbers.__getitem__, chain.from_iterable(texts))
    ids = np.fromiter(every, np.uint32, int(lengths.sum()))
    return Chunk(list(numbers), ids, lengths)


def write_draft(chunks: Iterable[Chunk], path: Path) -> Draft:
    """The draft of all chunks, in order."""
    numbers = _numbers()
    lengths = [np.zeros(0, np.int64)]
    with path.open("wb") as file:
        for chunk in chunks:
            every = map(numbers.__getitem__, chunk.words)
            np.fromiter(every, np.uint32, len(chunk.words))[chunk.ids].tofile(file)
            lengths.append(chunk.lengths)
    return Draft(path, list(numbers), np.concatenate(lengths))


def _bar(doing: str, texts: int) -> "tqdm[Any]":
    return tqdm(desc=doing, total=texts, unit=" texts", delay=2, disable=None, leave=False)


def _numbers() -> defaultdict[Any, int]:
    """A dictionary that numbers what it is asked for in order of appearance."""
    numbers: defaultdict[Any, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers
