"""From patents to a draft: the query, cleaning and splitting into words, on all cores."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, tee
from typing import NamedTuple

import numpy as np
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

from patentlm.data.cleaning import Cleaning
from patentlm.data.interim import Chunk, Numbers, number
from patentlm.data.patents import Patent
from patentlm.data.processes import in_processes
from patentlm.data.query import Query
from patentlm.data.words import tokenize

PATENTS_AT_ONCE = 1024

_NO_WORDS = str.maketrans({sign: " " for sign in map(chr, range(128)) if not re.match(r"\w", sign)})


class _Found(NamedTuple):
    """Some patents that were read: what is kept of them, and which those are."""

    chunk: Chunk
    digests: NDArray[np.uint64]
    kept: list[int]
    left_out: Counter[str]


@dataclass
class Reading:
    """Patents read once: their texts as chunks, and beside them what they are compared by.

    Args:
        query: only abstracts that match are kept.
        cleaning: what is mended in a text.
    """

    query: Query
    cleaning: Cleaning
    counts: Counter[str] = field(
        default_factory=lambda: Counter(rows=0, without_text=0, outside_query=0)
    )
    _digests: list[NDArray[np.uint64]] = field(default_factory=list)
    _keys: list[pyarrow.RecordBatch] = field(default_factory=list)

    def chunks(self, patents: Iterable[Patent]) -> Iterator[Chunk]:
        """The texts of the patents that are kept."""
        batches, ahead = tee(_batches(patents))
        read = partial(_read, query=self.query, cleaning=self.cleaning)
        for found, batch in zip(in_processes(read, map(_abstracts, ahead)), batches, strict=True):
            self._note(found, batch)
            yield found.chunk

    def digests(self) -> NDArray[np.uint64]:
        """Equal for copies, `(texts,)`."""
        return np.concatenate(self._digests)

    def order(self) -> Numbers:
        """The texts from the earliest patent to the latest, `(texts,)`."""
        keys = pyarrow.Table.from_batches(self._keys)
        names = [(name, "ascending") for name in keys.column_names]
        order: Numbers = pyarrow.compute.sort_indices(keys, names).to_numpy().astype(np.int64)
        return order

    def _note(self, found: _Found, patents: Sequence[Patent]) -> None:
        kept = [patents[at] for at in found.kept]
        self.counts.update(rows=len(patents), **found.left_out)
        self._digests.append(found.digests)
        self._keys.append(
            pyarrow.record_batch(
                {
                    "date": pyarrow.array([patent.date for patent in kept], pyarrow.string()),
                    # Numbers grow in length before they grow in the alphabet.
                    "digits": pyarrow.array([len(patent.id) for patent in kept], pyarrow.int32()),
                    "id": pyarrow.array([patent.id for patent in kept], pyarrow.string()),
                    "digest": found.digests,
                }
            )
        )


def fold(text: str) -> str:
    """What two exact copies have in common: words alone, case and punctuation aside."""
    if text.isascii():  # several times as fast
        return " ".join(text.lower().translate(_NO_WORDS).split())
    return " ".join(re.findall(r"\w+", text.casefold()))


def digest(text: str) -> int:
    """Equal for copies and, but once in 10^19 times, for nothing else: 64 bits."""
    return int.from_bytes(hashlib.sha256(fold(text).encode()).digest()[:8], "big")


def _batches(patents: Iterable[Patent]) -> Iterator[list[Patent]]:
    rest = iter(patents)
    while batch := list(islice(rest, PATENTS_AT_ONCE)):
        yield batch


def _abstracts(patents: Sequence[Patent]) -> list[str]:
    return [patent.abstract for patent in patents]


def _read(abstracts: Sequence[str], *, query: Query, cleaning: Cleaning) -> _Found:
    texts: list[str] = []
    kept: list[int] = []
    left_out: Counter[str] = Counter()
    for at, abstract in enumerate(abstracts):
        if abstract.strip() and not query.matches(abstract):
            left_out["outside_query"] += 1
        elif text := cleaning(abstract):
            texts.append(text)
            kept.append(at)
        else:
            left_out["without_text"] += 1
    digests = np.array([digest(text) for text in texts], np.uint64)
    return _Found(number([tokenize(text) for text in texts]), digests, kept, left_out)
