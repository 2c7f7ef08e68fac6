"""Collects remarks while files are read: records left out, records repaired, warnings."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from patentlm.errors import DataError

_DAMAGED = "damaged records left out"


def one_line(message: str) -> str:
    """Returns a message that quotes a file, on one line and safe for a terminal.

    Example:
        >>> one_line("a  b" + chr(10) + "c" + chr(27))
        'a b c�'
    """
    line = " ".join(message.split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)


@dataclass
class Notes:
    """Remarks on the files read so far.

    Args:
        file: name of the current file, for warnings.
        counts: number of records left out, by reason.
        warnings: what the user should know, one line each.
        good: number of records read from the current file.
        found: how often each remark applied to the current file, and where first.
    """

    file: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    good: int = 0
    found: dict[str, tuple[int, str]] = field(default_factory=dict)

    def remark(self, what: str, where: str, count: int = 1) -> None:
        """Notes something that may happen often; one warning a file names the first place."""
        before, first = self.found.get(what, (0, where))
        self.found[what] = before + count, first

    def damaged(self, why: str) -> None:
        """Counts a damaged record; `why` continues "the file", as in "is not JSON in line 3"."""
        self.counts["damaged"] += 1
        self.remark(_DAMAGED, f"it {why}")

    @contextmanager
    def reading(self, file: str) -> Iterator[None]:
        """Context that collects the remarks on one file.

        Args:
            file: its name.

        Raises:
            DataError: if half of its records are damaged.
        """
        self.file, self.good, self.found = file, 0, {}
        yield
        self.require_good()
        for what, (count, where) in self.found.items():
            self.warn(f"{count:,} {what} ({where})")

    def require_good(self) -> None:
        """Checks that less than half of the current file's records are damaged.

        Raises:
            DataError: if it is half or more.
        """
        damaged, first = self.found.get(_DAMAGED, (0, ""))
        if damaged and damaged >= self.good:
            known = f"{damaged:,} of its {damaged + self.good:,} records are damaged"
            raise DataError(f"{first.removeprefix('it ')}; {known}: mend or export it again")

    def warn(self, line: str) -> None:
        """Adds a warning about the current file, once."""
        if (said := one_line(f"{self.file}: {line}")) not in self.warnings:
            self.warnings.append(said)
