"""Sources made up by tests, and the texts that preparation makes of a source."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks.leak import words_of
from patentlm.data.cleaning import Cleaning
from patentlm.data.preparation import read
from patentlm.data.records import Patent, Records
from patentlm.data.sources import CorpusSource, PatentSource, Source
from patentlm.data.splits import SPLITS, ClusterSplit

CONF = Path(__file__).parents[1] / "conf/data"


def configured(option: str, *overrides: str) -> Any:
    """Makes what an option of the group `data` describes."""
    folder, _, name = option.rpartition("/")
    with initialize_config_dir(str(CONF / folder), version_base="1.3"):
        return instantiate(compose(name, list(overrides)))


CLEANING: Cleaning = configured("base/patents")["cleaning"]
"""As it is by default."""
SPLIT: ClusterSplit = configured("split/cluster")
"""As it is by default."""


@dataclass(frozen=True, kw_only=True)
class ListSource(PatentSource):
    """The patents of a list."""

    rows: Sequence[Patent]

    @property
    def label(self) -> str:
        return "made up"

    def records(self) -> Records:
        return Records(self.rows)


@dataclass(frozen=True, kw_only=True)
class WatchedSource(CorpusSource):
    """A corpus that notes each reading of its texts in a file.

    Args:
        notes: the file.
    """

    notes: str

    def records(self) -> Records:
        with Path(self.notes).open("a") as file:
            file.write("read\n")
        return super().records()

    @property
    def readings(self) -> int:
        return len(Path(self.notes).read_text().splitlines())


@dataclass(frozen=True, kw_only=True)
class BreakingSource(CorpusSource):
    """A corpus whose last file can't be written after the others have been made."""

    def records(self) -> Records:
        return Records(super().records().patents, Counter({("no", "name"): 1}))


def texts_by_split(source: Source) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The texts of a source, their words with blanks between them, and what it counted."""
    with TemporaryDirectory() as folder:
        texts = read(source, Path(folder) / "interim")
        sides, found = source.split.divide(texts, source.split.distinct(texts))
        written = [" ".join(words) for words in words_of(texts.interim)]
    by_split = {
        name: [text for text, side in zip(written, sides.tolist(), strict=True) if side == at]
        for at, name in enumerate(SPLITS)
    }
    return by_split, {**texts.counts, **found}
