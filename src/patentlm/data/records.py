"""What a source yields: patents, and notes on what it left out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patent:
    """One record of a source; what the source does not have is `""`.

    Args:
        abstract: the text, as the source has it.
        id: number of the patent.
        date: of grant or publication, as YYYY-MM-DD.
        title: of the patent.
        split: the split that a corpus divided beforehand puts the text in.
    """

    abstract: str
    id: str
    date: str
    title: str
    split: str = ""


@dataclass
class Records:
    """One pass over the records of a source, in order.

    Args:
        patents: the records, those without text included; they can be iterated over once.
        counts: records that were left out, by reason; complete once the iteration has ended.
        warnings: lines on what the user should know; complete once the iteration has ended.
    """

    patents: Iterable[Patent]
    counts: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Patent]:
        return iter(self.patents)
