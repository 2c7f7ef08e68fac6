"""Where the texts of a corpus come from: the values of the config group `data`.

A source is a frozen dataclass whose fields are its YAML. It tells what its texts depend on
(`identity`, for the cache) and yields them by split.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tqdm import tqdm

from patentlm.data.cleaning import Cleaning
from patentlm.data.patents import Patent, read_patents
from patentlm.data.sample import sample_patents
from patentlm.data.splits import SPLITS, FamilySplit, Texts
from patentlm.errors import DataError


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

    def texts(self) -> tuple[Texts, dict[str, int]]:
        """Texts by split, and counts of what was found and left out.

        Raises:
            DataError: if they can't be read, or a split has none.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class PatentSource(ABC):
    """Patents to be cleaned, filtered and split by family.

    Args:
        query: keep the abstracts that hold this phrase, whatever its case; None keeps all.
        cleaning: what is mended in a text.
        split: how texts are divided.
    """

    tokenised: ClassVar[bool] = False
    query: str | None
    cleaning: Cleaning
    split: FamilySplit

    @property
    @abstractmethod
    def label(self) -> str: ...

    @abstractmethod
    def patents(self) -> Iterator[Patent]:
        """Every row of the source, those without text included."""

    def identity(self) -> dict[str, Any]:
        return {"source": type(self).__name__, **asdict(self)}

    def texts(self) -> tuple[Texts, dict[str, int]]:
        rows = tqdm(
            self.patents(), desc="Reading patents", unit=" rows", delay=2, disable=None, leave=False
        )
        cleaned = [(patent, self.cleaning(patent.abstract)) for patent in rows]
        filled = [(patent, text) for patent, text in cleaned if text]
        kept = [replace(patent, abstract=text) for patent, text in filled if self.matches(text)]
        if not kept:
            raise DataError(self._nothing_left(len(cleaned), len(filled)))
        texts, counts = self.split(kept)
        _require_all_splits(texts, self.label)
        found = {
            "rows": len(cleaned),
            "without_text": len(cleaned) - len(filled),
            "outside_query": len(filled) - len(kept),
        }
        return texts, found | counts

    def matches(self, text: str) -> bool:
        """Whether a clean text holds the query, white space and case aside."""
        return not self.query or _plain(self.query) in _plain(text)

    def _nothing_left(self, rows: int, filled: int) -> str:
        if not filled:
            return f"{self.label}: none of {rows:,} rows has an abstract; check data.column"
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

    def texts(self) -> tuple[Texts, dict[str, int]]:
        texts = {name: self._lines(name) for name in SPLITS}
        _require_all_splits(texts, self.label)
        return texts, {"rows": sum(map(len, texts.values()))}

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


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).casefold()


def _require_all_splits(texts: Texts, label: str) -> None:
    for name, some in texts.items():
        if not some:
            total = sum(map(len, texts.values()))
            raise DataError(
                f"{label}: no text is left for {name} ({total:,} texts in all); "
                "use more patents, or other shares in data.split"
            )


def _content_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check data.path") from error
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); check data.path") from error
