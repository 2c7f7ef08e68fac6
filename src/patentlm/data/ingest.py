"""From records to the interim corpus: query, normalising and cleaning, words, on all cores."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice, tee
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array
from patentlm.data.interim import InterimCorpus, TextBatch, number_words, write_interim
from patentlm.data.processes import in_processes
from patentlm.data.query import Query
from patentlm.data.records import Patent
from patentlm.data.scripts import letters_pattern
from patentlm.data.words import tokenize
from patentlm.progress import progress

BATCH_PATENTS = 1024

_NOTES = pyarrow.schema(
    [
        ("date", pyarrow.string()),
        ("digits", pyarrow.int32()),
        ("id", pyarrow.string()),
        ("digest", pyarrow.uint64()),
        ("split", pyarrow.string()),
    ]
)

_NO_WORDS = str.maketrans({sign: " " for sign in map(chr, range(128)) if not re.match(r"\w", sign)})


@dataclass(frozen=True)
class Recipe:
    """What happens to each abstract on its way to words.

    Args:
        query: only abstracts that match are kept.
        cleaning: what is mended in a text; it returns `""` where nothing is left.
        tokenised: whether the texts are words with blanks between them already.
    """

    query: Query
    cleaning: Callable[[str], str]
    tokenised: bool

    def words(self, text: str) -> list[str]:
        """The words of a clean text."""
        return text.split() if self.tokenised else tokenize(text)


@dataclass(frozen=True)
class Texts:
    """All texts that were kept, with what their records say of them.

    Args:
        interim: the texts.
        notes: of each text a row: `date`, `id`, `digits` of the id, `digest` (equal for exact
            duplicates), and the `split` that the record names, or `""`.
        counts: of all records, and of those that were left out, by reason.
    """

    interim: InterimCorpus
    notes: pyarrow.Table
    counts: Counter[str]

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """Equal for exact duplicates, evenly spread otherwise, `(texts,)`."""
        digests: NDArray[np.uint64] = self.notes["digest"].to_numpy()
        return digests

    def order(self) -> Int64Array:
        """The texts from the earliest patent to the latest, `(texts,)`."""
        # Numbers grow in length before they grow in the alphabet.
        keys = [(name, "ascending") for name in ("date", "digits", "id", "digest")]
        order: Int64Array = (
            pyarrow.compute.sort_indices(self.notes, keys).to_numpy().astype(np.int64)
        )
        return order


class _Read(NamedTuple):
    """Some abstracts that were read: the texts that are kept, and which abstracts those are."""

    batch: TextBatch
    digests: NDArray[np.uint64]
    kept: list[int]
    left_out: Counter[str]


def ingest(patents: Iterable[Patent], recipe: Recipe, path: Path) -> Texts:
    """Reads all records once and writes the words of those that are kept.

    Args:
        patents: the records.
        recipe: what happens to each.
        path: the file for the interim corpus.
    """
    counts = Counter(rows=0, without_text=0, outside_query=0)
    notes: list[pyarrow.RecordBatch] = []
    interim = write_interim(_batches(patents, recipe, counts, notes), path)
    return Texts(interim, pyarrow.Table.from_batches(notes, _NOTES), counts)


def _batches(
    patents: Iterable[Patent],
    recipe: Recipe,
    counts: Counter[str],
    notes: list[pyarrow.RecordBatch],
) -> Iterator[TextBatch]:
    """The texts that are kept; `counts` and `notes` grow along."""
    shown = iter(progress("Reading patents", patents, unit="rows"))
    batches, ahead = tee(iter(lambda: list(islice(shown, BATCH_PATENTS)), []))
    read = partial(_read, recipe=recipe)
    for found, batch in zip(in_processes(read, map(_abstracts, ahead)), batches, strict=True):
        counts.update(rows=len(batch), **found.left_out)
        notes.append(_notes([batch[at] for at in found.kept], found.digests))
        yield found.batch


def _notes(kept: Sequence[Patent], digests: NDArray[np.uint64]) -> pyarrow.RecordBatch:
    columns = [
        [patent.date for patent in kept],
        [len(patent.id) for patent in kept],
        [patent.id for patent in kept],
        digests,
        [patent.split for patent in kept],
    ]
    arrays = [pyarrow.array(*some) for some in zip(columns, _NOTES.types, strict=True)]
    return pyarrow.record_batch(arrays, schema=_NOTES)


def _abstracts(patents: Sequence[Patent]) -> list[str]:
    return [patent.abstract for patent in patents]


def _read(abstracts: Sequence[str], *, recipe: Recipe) -> _Read:
    texts: list[str] = []
    kept: list[int] = []
    left_out: Counter[str] = Counter()
    for at, abstract in enumerate(abstracts):
        if abstract.strip() and not recipe.query.matches(abstract):
            left_out["outside_query"] += 1
        elif text := recipe.cleaning(abstract):
            texts.append(text)
            kept.append(at)
        else:
            left_out["without_text"] += 1
    digests = np.array([digest(text) for text in texts], np.uint64)
    return _Read(number_words([recipe.words(text) for text in texts]), digests, kept, left_out)


def fold(text: str) -> str:
    """What exact duplicates have in common: words alone, case and punctuation aside.

    Example:
        >>> fold("A “Neural” network!")
        'a neural network'
    """
    if text.isascii():  # several times as fast
        return " ".join(text.lower().translate(_NO_WORDS).split())
    return " ".join(letters_pattern().findall(text.casefold()))


def digest(text: str) -> int:
    """64 bits that are equal for exact duplicates and differ for other texts.

    Two different texts have the same digest by chance once in 10^19 pairs.
    """
    return int.from_bytes(hashlib.sha256(fold(text).encode()).digest()[:8], "big")
