"""Turns records into the interim corpus: query, normalise, clean, tokenize, on all cores."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
from patentlm.data.normalisation import is_plain
from patentlm.data.processes import in_processes
from patentlm.data.query import Query
from patentlm.data.records import Patent
from patentlm.data.scripts import runs_of_letters
from patentlm.data.text import tokenize
from patentlm.progress import progress

BATCH_PATENTS = 1024

_NOTES = pyarrow.schema(
    [
        ("date", pyarrow.string()),
        ("digits", pyarrow.int32()),
        ("id", pyarrow.string()),
        ("digest", pyarrow.uint64()),
        ("split", pyarrow.string()),
        ("row", pyarrow.uint32()),
        ("day", pyarrow.uint32()),
    ]
)

_DATE = re.compile(r"([12]\d{3})(?:-?(0[1-9]|1[0-2])(?:-?(0[1-9]|[12]\d|3[01]))?)?(?!\d)", re.ASCII)
# UTF-8 that was read as Latin-1 or cp1252: two letters for an é, three signs for an apostrophe.
_CONTINUED = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xC0))
_MOJIBAKE = re.compile(f"[\xc2\xc3][\x80-\xbf{_CONTINUED}]|\xe2[\x80\u20ac][\x80-\xbf{_CONTINUED}]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")

_NO_WORDS = str.maketrans({sign: " " for sign in map(chr, range(128)) if not re.match(r"\w", sign)})


@dataclass(frozen=True)
class Recipe:
    """What is done to each abstract.

    Args:
        query: only matching abstracts are kept.
        cleaning: cleans a text; returns `""` if nothing is left.
        tokenised: True if the texts are words separated by blanks already.
    """

    query: Query
    cleaning: Callable[[str], str]
    tokenised: bool

    def words(self, text: str) -> list[str]:
        """Splits a clean text into words."""
        return text.split() if self.tokenised else tokenize(text)


@dataclass(frozen=True)
class Texts:
    """All texts that were kept, with notes on their records.

    Args:
        interim: the texts.
        notes: one row for each text: `date`, `id`, `digits` of the id, `digest` (equal for exact
            duplicates), the `split` that the record names or `""`, the `row` in the source from 0,
            and the `day`, see `day_number`.
        counts: number of records, and of those left out by reason.
        warnings: of the source.
    """

    interim: InterimCorpus
    notes: pyarrow.Table
    counts: Counter[str]
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """Digest of each text, equal for exact duplicates and evenly distributed, `(texts,)`."""
        digests: NDArray[np.uint64] = self.notes["digest"].to_numpy()
        return digests

    def days(self) -> NDArray[np.uint32]:
        """The `day_number` of each text, `(texts,)`."""
        days: NDArray[np.uint32] = self.notes["day"].to_numpy()
        return days

    def order(self) -> Int64Array:
        """The texts from the earliest patent to the latest, `(texts,)`."""
        # Sorts numbers by length first, as their values.
        keys = [(name, "ascending") for name in ("date", "digits", "id", "digest")]
        order: Int64Array = (
            pyarrow.compute.sort_indices(self.notes, keys).to_numpy().astype(np.int64)
        )
        return order


class _Read(NamedTuple):
    """The texts kept of a batch of abstracts, and which abstracts they are."""

    batch: TextBatch
    digests: NDArray[np.uint64]
    kept: list[int]
    counts: Counter[str]


def ingest(patents: Iterable[Patent], recipe: Recipe, path: Path) -> Texts:
    """Reads all records once and writes the words of those that are kept.

    Args:
        patents: the records.
        recipe: what is done to each.
        path: file for the interim corpus.

    Returns:
        The texts.
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
    """Yields the texts that are kept, and adds to `counts` and `notes`."""
    shown = iter(progress("Reading patents", patents, unit="rows"))
    batches, ahead = tee(iter(lambda: list(islice(shown, BATCH_PATENTS)), []))
    read = partial(_read, recipe=recipe)
    for found, batch in zip(in_processes(read, map(_abstracts, ahead)), batches, strict=True):
        counts.update(rows=len(batch), **found.counts)
        first = counts["rows"] - len(batch)
        notes.append(_notes([batch[at] for at in found.kept], first, found))
        yield found.batch


def _notes(kept: Sequence[Patent], first: int, found: _Read) -> pyarrow.RecordBatch:
    """Returns the notes on the patents kept of a batch that begins at row `first`."""
    columns = [
        [_storable(patent.date) for patent in kept],
        [len(patent.id) for patent in kept],
        [_storable(patent.id) for patent in kept],
        found.digests,
        [patent.split for patent in kept],
        [first + at for at in found.kept],
        [day_number(patent.date) for patent in kept],
    ]
    arrays = [pyarrow.array(*some) for some in zip(columns, _NOTES.types, strict=True)]
    return pyarrow.record_batch(arrays, schema=_NOTES)


def _storable(text: str) -> str:
    """Returns the text without lone surrogates, which UTF-8 can't encode."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def day_number(date: str) -> int:
    """Returns a date as a number such as 20010605; 0 if it is not a date.

    Args:
        date: YYYY-MM-DD or YYYYMMDD, possibly followed by a time, or YYYY-MM or YYYY.

    Example:
        >>> [day_number(date) for date in ("2001-06-05", "20010605", "2001", "June")]
        [20010605, 20010605, 20010000, 0]
    """
    found = _DATE.match(date)
    return int("".join(part or "00" for part in found.groups())) if found else 0


def _abstracts(patents: Sequence[Patent]) -> list[str]:
    return [patent.abstract for patent in patents]


def _read(abstracts: Sequence[str], *, recipe: Recipe) -> _Read:
    texts: list[str] = []
    kept: list[int] = []
    counts: Counter[str] = Counter()
    for at, abstract in enumerate(abstracts):
        if abstract.strip() and not recipe.query.matches(abstract):
            counts["outside_query"] += 1
        elif text := recipe.cleaning(abstract):
            texts.append(text)
            kept.append(at)
            counts.update(_suspicions(abstract))
        else:
            counts["without_text"] += 1
    digests = np.array([digest(text) for text in texts], np.uint64)
    return _Read(number_words([recipe.words(text) for text in texts]), digests, kept, counts)


def _suspicions(abstract: str) -> list[str]:
    """Returns the counts to increase for signs of a wrong encoding in a text."""
    if is_plain(abstract):
        return []
    found = {"with_control_characters": _CONTROL, "with_mojibake": _MOJIBAKE}
    return [name for name, pattern in found.items() if pattern.search(abstract)]


def fold(text: str) -> str:
    """Reduces a text to what exact duplicates share: its words, without case and punctuation.

    Example:
        >>> fold("A “Neural” network!")
        'a neural network'
    """
    if text.isascii():  # several times as fast
        return " ".join(text.lower().translate(_NO_WORDS).split())
    return " ".join(runs_of_letters(text.casefold()))


def digest(text: str) -> int:
    """Returns a 64-bit hash that is equal for exact duplicates.

    Two different texts have equal hashes by chance once in 10^19 pairs.
    """
    return int.from_bytes(hashlib.sha256(fold(text).encode()).digest()[:8], "big")
