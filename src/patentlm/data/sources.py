"""Sources of texts: the options of the config group `data`.

A source is a frozen dataclass whose fields are its YAML. It yields records and says what they
depend on (`identity`, for the cache); `preparation` does the rest.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from patentlm.data.cleaning import Cleaning
from patentlm.data.files.corpus_texts import read_corpus
from patentlm.data.files.encodings import Encoding
from patentlm.data.files.opening import digest, find_files, kind_of, place_of
from patentlm.data.files.options import ReadOptions
from patentlm.data.files.reader import read_patents
from patentlm.data.records import Records
from patentlm.data.sample import sample_patents
from patentlm.data.splits import SPLITS, ClusterSplit, GivenSplit, Split


class Source(Protocol):
    """The interface of a source, as preparation uses it."""

    tokenised: ClassVar[bool]
    """Whether the texts are words with blanks between them already."""

    @property
    def label(self) -> str:
        """The name of the data in tables and samples."""
        ...

    @property
    def query(self) -> str | Mapping[str, Sequence[str]] | None:
        """Which abstracts to keep, as `Query.parse` takes it."""
        ...

    @property
    def cleaning(self) -> Callable[[str], str]:
        """Cleans a text."""
        ...

    @property
    def split(self) -> Split:
        """Divides the texts into train, valid and test."""
        ...

    def identity(self) -> dict[str, Any]:
        """Returns plain values on which the texts depend: equal identities mean equal texts."""
        ...

    def resolved(self) -> dict[str, Any]:
        """Returns what settings such as "latest" stand for, by the setting's name."""
        ...

    def records(self) -> Records:
        """Returns all records, for one pass over them.

        Raises:
            DataError: if they can't be read; while iterating, too.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class PatentSource(ABC):
    """Base of the sources of raw patents.

    Args:
        query: which abstracts to keep, as `Query.parse` takes it.
        cleaning: cleans a text.
        split: divides the texts.
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
    """The built-in synthetic corpus: `count` patents of a grammar, drawn with `seed`."""

    count: int
    seed: int

    @property
    def label(self) -> str:
        return "sample (synthetic text)"

    def records(self) -> Records:
        return Records(sample_patents(count=self.count, seed=self.seed))


@dataclass(frozen=True, kw_only=True)
class FileSource(PatentSource):
    """Files of patents: CSV, TSV, JSON, JSON Lines, Parquet or Excel, plain or in .gz or .zip.

    Args:
        path: a file, a folder of files, or a pattern such as `shards/*.jsonl.gz`.
        column: column of the abstract, with dots for nested ones; None finds it by its name.
        language: language of the abstract, such as `en`, if a file has several.
        encoding: encoding of text files; a byte order mark takes precedence.
        encoding_errors: `strict`, or `replace` for bytes that are not in the encoding.
        delimiter: delimiter of fields, a character or its name; None detects it.
        quoting: `minimal` or `none`; None decides row by row.
        skip_lines: lines before the header; None detects it.
    """

    path: str
    column: str | None
    language: str | None
    encoding: str
    encoding_errors: str
    delimiter: str | None
    quoting: str | None
    skip_lines: int | None

    def __post_init__(self) -> None:
        self._options()

    @property
    def label(self) -> str:
        return place_of(self.path).name

    def resolved(self) -> dict[str, Any]:
        return {"path": str(place_of(self.path))}

    def identity(self) -> dict[str, Any]:
        files = find_files(self.path)
        kinds = [kind_of(file) for file in files]  # decide how they are read
        return {**super().identity(), "path": digest(files), "kind": "".join(kinds)}

    def records(self) -> Records:
        return read_patents(find_files(self.path), self._options())

    def _options(self) -> ReadOptions:
        return ReadOptions(
            column=self.column,
            language=self.language,
            encoding=Encoding(self.encoding, self.encoding_errors),
            delimiter=self.delimiter,
            quoting=self.quoting,
            skip_lines=self.skip_lines,
        )


@dataclass(frozen=True, kw_only=True)
class CorpusSource:
    """A folder with train.txt, valid.txt and test.txt: one tokenized text a line.

    Args:
        path: the folder.
        encoding: encoding of the files; a byte order mark takes precedence.
        encoding_errors: `strict`, or `replace` for bytes that are not in the encoding.
    """

    tokenised: ClassVar[bool] = True
    query: ClassVar[None] = None
    cleaning: ClassVar[Callable[[str], str]] = str
    split: ClassVar[Split] = GivenSplit()
    path: str
    encoding: str
    encoding_errors: str

    def __post_init__(self) -> None:
        Encoding(self.encoding, self.encoding_errors)

    @property
    def label(self) -> str:
        return place_of(self.path).name

    def identity(self) -> dict[str, Any]:
        files = {name: digest([file]) for name, file in self._files().items()}
        named = {"encoding": self.encoding, "encoding_errors": self.encoding_errors}
        return {"source": type(self).__name__, **named, **files}

    def resolved(self) -> dict[str, Any]:
        return {"path": str(place_of(self.path))}

    def records(self) -> Records:
        return read_corpus(self._files(), Encoding(self.encoding, self.encoding_errors))

    def _files(self) -> dict[str, Path]:
        return {name: place_of(self.path) / f"{name}.txt" for name in SPLITS}
