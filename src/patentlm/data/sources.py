"""Where the texts of a corpus come from: the values of the config group `data`.

A source is a frozen dataclass whose fields are its YAML. It tells what its texts depend on
(`identity`, for the cache) and drafts them.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from patentlm.data.cleaning import Cleaning
from patentlm.data.interim import Draft, number, write_draft
from patentlm.data.patents import Patent, read_patents
from patentlm.data.query import Query
from patentlm.data.reading import Reading
from patentlm.data.sample import sample_patents
from patentlm.data.splits import SPLITS, ClusterSplit, Sides
from patentlm.errors import DataError


class Drafted(NamedTuple):
    """Every text of a source, which split each belongs to, and counts of what was found."""

    draft: Draft
    sides: Sides
    counts: dict[str, int]


class Source(Protocol):
    """What the preparation of a corpus asks of a source."""

    tokenised: ClassVar[bool]
    """Whether the texts are words with blanks between them already."""

    @property
    def label(self) -> str:
        """What people call it, in tables and samples."""
        ...

    def identity(self) -> dict[str, Any]:
        """Plain values on which the texts depend: equal identities, equal texts."""
        ...

    def resolved(self) -> dict[str, Any]:
        """What settings such as "latest" came to mean, by the setting's name."""
        ...

    def draft(self, path: Path) -> Drafted:
        """Reads all texts, once; their ids are written to the path.

        Raises:
            DataError: if they can't be read, or there are none.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class PatentSource(ABC):
    """Patents to be cleaned, filtered and split by family.

    Args:
        query: which abstracts to keep, as `Query.parse` takes it.
        cleaning: what is mended in a text.
        split: how texts are divided.
    """

    tokenised: ClassVar[bool] = False
    query: str | Mapping[str, Sequence[str]] | None
    cleaning: Cleaning
    split: ClusterSplit

    @property
    @abstractmethod
    def label(self) -> str: ...

    @abstractmethod
    def patents(self) -> Iterator[Patent]:
        """Every row of the source, those without text included."""

    def left_out(self) -> dict[str, int]:
        """Rows that `patents` did not yield, by reason; known once it came to its end."""
        return {}

    def identity(self) -> dict[str, Any]:
        return {"source": type(self).__name__, **asdict(self)}

    def resolved(self) -> dict[str, Any]:
        return {}

    def draft(self, path: Path) -> Drafted:
        reading = Reading(Query.parse(self.query), self.cleaning)
        draft = write_draft(reading.chunks(_with_progress(self.patents())), path)
        if not len(draft.lengths):
            raise DataError(self._nothing_left(reading.counts))
        sides, found = self.split(draft, reading.digests(), reading.order())
        before = self.left_out()
        reading.counts.update(before, rows=sum(before.values()))
        return Drafted(draft, sides, {**reading.counts, **found})

    def _nothing_left(self, counts: Mapping[str, int]) -> str:
        filled = counts.get("outside_query", 0)
        if not filled:
            return (
                f"{self.label}: none of {counts['rows']:,} rows has an abstract; check data.column"
            )
        return (
            f"{self.label}: none of {filled:,} abstracts holds data.query={self.query!r}; "
            "try a shorter phrase, or data.query=null for all"
        )


@dataclass(frozen=True, kw_only=True)
class SampleSource(PatentSource):
    """The built-in synthetic corpus: `count` patents from a grammar seeded with `seed`."""

    count: int
    seed: int

    @property
    def label(self) -> str:
        return "sample (synthetic text)"

    def patents(self) -> Iterator[Patent]:
        return sample_patents(count=self.count, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class FileSource(PatentSource):
    """A file of patents: CSV, TSV, JSON Lines or Parquet, plain or in .gz or .zip.

    Args:
        path: the file.
        column: where the abstract stands; None finds it by the usual names.
        encoding: of the text formats.
    """

    path: str
    column: str | None
    encoding: str

    @property
    def label(self) -> str:
        return Path(self.path).name

    def identity(self) -> dict[str, Any]:
        file = self._file()
        kind = "".join(file.suffixes[-2:]).lower()  # decides how it is read
        return {**super().identity(), "path": _content_hash(file), "kind": kind}

    def patents(self) -> Iterator[Patent]:
        return read_patents(self._file(), column=self.column, encoding=self.encoding)

    def _file(self) -> Path:
        return Path(self.path).expanduser()


@dataclass(frozen=True, kw_only=True)
class CorpusSource:
    """A folder with train.txt, valid.txt and test.txt: a text a line, tokenised already.

    Args:
        path: the folder.
        encoding: of its files.
    """

    tokenised: ClassVar[bool] = True
    path: str
    encoding: str

    @property
    def label(self) -> str:
        return Path(self.path).expanduser().resolve().name

    def identity(self) -> dict[str, Any]:
        hashes = {name: _content_hash(self._file(name)) for name in SPLITS}
        return {"source": type(self).__name__, "encoding": self.encoding, **hashes}

    def resolved(self) -> dict[str, Any]:
        return {}

    def draft(self, path: Path) -> Drafted:
        texts = [self._lines(name) for name in SPLITS]
        sides = np.repeat(np.arange(len(SPLITS), dtype=np.int8), [len(some) for some in texts])
        chunks = (number([line.split() for line in some]) for some in texts)
        return Drafted(write_draft(chunks, path), sides, {"rows": len(sides)})

    def _lines(self, name: str) -> list[str]:
        try:
            lines = self._file(name).read_text(self.encoding).removeprefix("\ufeff").split("\n")
        except (UnicodeError, LookupError) as error:
            raise DataError(
                f"{self._file(name)} is not {self.encoding} text; try data.encoding=latin-1"
            ) from error
        return [line for line in lines if line.strip()]

    def _file(self, name: str) -> Path:
        return Path(self.path).expanduser() / f"{name}.txt"


def _with_progress(patents: Iterator[Patent]) -> Iterable[Patent]:
    return tqdm(patents, desc="Reading patents", unit=" rows", delay=2, disable=None, leave=False)


def _content_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check data.path") from error
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); check data.path") from error
