"""Where the texts of a corpus come from: the values of the config group `data`.

A source is a frozen dataclass whose fields are its YAML. It yields records and says what they
depend on (`identity`, for the cache); what is done to them is in `preparation`.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from patentlm.data.cleaning import Cleaning
from patentlm.data.patents import read_patents
from patentlm.data.records import Patent, Records
from patentlm.data.sample import sample_patents
from patentlm.data.splits import SPLITS, ClusterSplit, GivenSplit, Split
from patentlm.errors import DataError


class Source(Protocol):
    """What the preparation of a corpus asks of a source."""

    tokenised: ClassVar[bool]
    """Whether the texts are words with blanks between them already."""

    @property
    def label(self) -> str:
        """What people call it, in tables and samples."""
        ...

    @property
    def query(self) -> str | Mapping[str, Sequence[str]] | None:
        """Which abstracts to keep, as `Query.parse` takes it."""
        ...

    @property
    def cleaning(self) -> Callable[[str], str]:
        """What is mended in a text."""
        ...

    @property
    def split(self) -> Split:
        """How texts are divided into train, valid and test."""
        ...

    def identity(self) -> dict[str, Any]:
        """Plain values on which the texts depend: equal identities, equal texts."""
        ...

    def resolved(self) -> dict[str, Any]:
        """What settings such as "latest" came to mean, by the setting's name."""
        ...

    def records(self) -> Records:
        """All records, for one pass over them.

        Raises:
            DataError: if they can't be read; while iterating, too.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class PatentSource(ABC):
    """Raw patents, to be cleaned, filtered and split by near-duplicate cluster.

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
    def records(self) -> Records: ...

    def identity(self) -> dict[str, Any]:
        return {"source": type(self).__name__, **asdict(self)}

    def resolved(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class SampleSource(PatentSource):
    """The built-in synthetic corpus: `count` patents from a grammar seeded with `seed`."""

    count: int
    seed: int

    @property
    def label(self) -> str:
        return "sample (synthetic text)"

    def records(self) -> Records:
        return Records(sample_patents(count=self.count, seed=self.seed))


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

    def records(self) -> Records:
        return Records(read_patents(self._file(), column=self.column, encoding=self.encoding))

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
    query: ClassVar[None] = None
    cleaning: ClassVar[Callable[[str], str]] = str
    split: ClassVar[Split] = GivenSplit()
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

    def records(self) -> Records:
        return Records(self._lines())

    def _lines(self) -> Iterator[Patent]:
        for name in SPLITS:
            for line in self._text(name).removeprefix("\ufeff").split("\n"):
                if line.strip():
                    yield Patent(line, id="", date="", title="", split=name)

    def _text(self, name: str) -> str:
        try:
            return self._file(name).read_text(self.encoding)
        except (UnicodeError, LookupError) as error:
            raise DataError(
                f"{self._file(name)} is not {self.encoding} text; try data.encoding=latin-1"
            ) from error

    def _file(self, name: str) -> Path:
        return Path(self.path).expanduser() / f"{name}.txt"


def _content_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check data.path") from error
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); check data.path") from error
