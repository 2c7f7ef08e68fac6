"""A source of patents made up by a test, and the texts that a source drafts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.leak import texts_of
from patentlm.data.patents import Patent
from patentlm.data.sources import PatentSource, Source
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
