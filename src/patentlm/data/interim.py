"""The interim corpus: texts on disk as provisional ids, in the order in which words first appear.

A source is read once to count its words, compare its texts and index them. Beside the words, memory
grows by a few bytes for each text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import BoolArray, Int64Array
from patentlm.progress import progress_bar

SHARD_TEXTS = 1024  # results for a shard fit into the processor's cache


class TextBatch(NamedTuple):
    """A batch of texts as ids of its own vocabulary.

    Args:
        words: words by id.
        ids: ids of all texts, one text after the other, `(words of the texts,)`.
        lengths: number of words of each text, `(texts,)`.
    """

    words: list[str]
    ids: NDArray[np.uint32]
    lengths: Int64Array


class Shard(NamedTuple):
    """Consecutive texts of an interim corpus, from text `start` on."""

    start: int
    ids: NDArray[np.uint32]
    lengths: Int64Array


@dataclass(frozen=True)
class InterimCorpus:
    """Texts as ids of one vocabulary that has every word.

    Args:
        path: file of the ids, one text after the other.
        words: words by id, in order of appearance.
        lengths: number of words of each text, `(texts,)`.
    """

    path: Path
    words: list[str]
    lengths: Int64Array

    def shards(self, doing: str) -> Iterator[Shard]:
        """Yields the texts in order, a shard at a time, with a progress bar."""
        bounds = [*range(0, len(self.lengths), SHARD_TEXTS), len(self.lengths)]
        with (
            self.path.open("rb") as file,
            progress_bar(doing, unit="texts", total=len(self.lengths)) as bar,
        ):
            for start, end in pairwise(bounds):
                lengths = self.lengths[start:end]
                yield Shard(start, np.fromfile(file, np.uint32, int(lengths.sum())), lengths)
                bar.update(len(lengths))

    def word_counts(self, texts: BoolArray) -> Int64Array:
        """Counts how often each word occurs in some texts, `(words,)`.

        Args:
            texts: mask of the texts that are counted, `(texts,)`.
        """
        counts = np.zeros(len(self.words), np.int64)
        for start, ids, lengths in self.shards("Counting words"):
            chosen = np.repeat(texts[start : start + len(lengths)], lengths)
            np.add.at(counts, ids[chosen], 1)
        return counts


def number_words(texts: Sequence[Sequence[str]]) -> TextBatch:
    """Encodes texts, each a list of words, as ids in order of appearance.

    Example:
        >>> number_words([["b", "a", "b"], ["c"]]).ids.tolist()
        [0, 1, 0, 2]
    """
    numbers = _numbering()
    lengths = np.array([len(words) for words in texts], np.int64)
    every = map(numbers.__getitem__, chain.from_iterable(texts))
    ids = np.fromiter(every, np.uint32, int(lengths.sum()))
    return TextBatch(list(numbers), ids, lengths)


def write_interim(batches: Iterable[TextBatch], path: Path) -> InterimCorpus:
    """Writes the texts of all batches, in order.

    Args:
        batches: the texts.
        path: file for their ids.

    Returns:
        The corpus.
    """
    numbers = _numbering()
    lengths = [np.zeros(0, np.int64)]
    with path.open("wb") as file:
        for batch in batches:
            every = map(numbers.__getitem__, batch.words)
            np.fromiter(every, np.uint32, len(batch.words))[batch.ids].tofile(file)
            lengths.append(batch.lengths)
    return InterimCorpus(path, list(numbers), np.concatenate(lengths))


def _numbering() -> defaultdict[Any, int]:
    """Returns a dictionary that numbers keys in the order in which they are first looked up."""
    numbers: defaultdict[Any, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers
