"""What a source yields: patents, and notes on records that were left out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patent:
    """One record of a source; fields that the source lacks are `""`.

    Args:
        abstract: text of the abstract, unchanged.
        id: number of the patent.
        date: date of grant or publication, YYYY-MM-DD.
        title: title of the patent.
        split: split of the text, in a corpus that is divided already.
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
        patents: the records, also those without text; can be iterated over once.
        counts: number of records left out by reason; complete after the iteration.
        warnings: what the user should know, one line each; complete after the iteration.
    """

    patents: Iterable[Patent]
    counts: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Patent]:
        return iter(self.patents)
