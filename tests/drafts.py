"""Sources made up by tests, and the texts that a source drafts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.leak import texts_of
from patentlm.data.patents import Patent
from patentlm.data.sources import CorpusSource, Drafted, PatentSource, Source
from patentlm.data.splits import SPLITS


@dataclass(frozen=True, kw_only=True)
class ListSource(PatentSource):
    """The patents of a list."""

    rows: Sequence[Patent]

    @property
    def label(self) -> str:
        return "made up"

    def patents(self) -> Iterator[Patent]:
        return iter(self.rows)


@dataclass(frozen=True, kw_only=True)
class WatchedSource(CorpusSource):
    """A corpus that notes each reading of its texts in a file.

    Args:
        notes: the file.
    """

    notes: str

    def draft(self, path: Path) -> Drafted:
        with Path(self.notes).open("a") as file:
            file.write("read\n")
        return super().draft(path)

    @property
    def readings(self) -> int:
        return len(Path(self.notes).read_text().splitlines())


@dataclass(frozen=True, kw_only=True)
class BreakingSource(CorpusSource):
    """A corpus whose last file can't be written after the others have been made."""

    def draft(self, path: Path) -> Drafted:
        draft, sides, counts = super().draft(path)
        return Drafted(draft, sides, counts | {"rows": object()})


def texts_by_split(source: Source) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The texts of a source, their words with blanks between them, and what it counted."""
    with TemporaryDirectory() as folder:
        draft, sides, counts = source.draft(Path(folder) / "draft")
        texts = [" ".join(words) for words in texts_of(draft)]
    by_split = {
        name: [text for text, its_side in zip(texts, sides.tolist(), strict=True) if its_side == at]
        for at, name in enumerate(SPLITS)
    }
    return by_split, counts
