"""Detects the layout of delimited text: delimiter, header and line ends."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from patentlm.data.files.columns import is_abstract, is_known
from patentlm.errors import DataError

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LINES_BEFORE_HEADER = 20  # maximum for automatic detection
_RECORDS_LOOKED_AT = 50
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Layout:
    """How the lines of a delimited text are parsed.

    Args:
        delimiter: one character.
        names: names of the columns.
        skipped: number of lines before the header.
        end: end of a line.
        spaced: True if blanks stand between a delimiter and an opening quote.
    """

    delimiter: str
    names: list[str]
    skipped: int
    end: str
    spaced: bool


def find_layout(
    head: str, delimiters: Sequence[str], column: str | None, skip_lines: int | None
) -> Layout:
    """Detects the layout of a text.

    Args:
        head: beginning of the text.
        delimiters: possible delimiters, the most likely first.
        column: column of the abstracts, if set.
        skip_lines: lines before the header; None detects the header.

    Returns:
        The layout.

    Raises:
        DataError: if there is no header.
    """
    end = _line_end(head)
    lines = head.split(end)[: _RECORDS_LOOKED_AT + (skip_lines or 0)]
    first, last = (0, LINES_BEFORE_HEADER) if skip_lines is None else (skip_lines, skip_lines)
    best = None
    for delimiter in delimiters:
        records = [_fields(line, delimiter) for line in lines]
        for at in range(first, min(last + 1, len(records))):
            found = _score(records[at], at - first, records[at + 1 :], column)
            if found and (best is None or found > best[0]):
                best = found, delimiter, at, records[at]
    if best is None:
        raise DataError("is empty: it needs named columns and one patent in each row")
    _, delimiter, at, names = best
    return Layout(delimiter, names, at, end, _is_spaced(lines[at:], delimiter))


def _score(
    names: Sequence[str], before: int, rows: Sequence[Sequence[str]], column: str | None
) -> tuple[int, bool, int, int] | None:
    """Rates a record as a header; None if it can't be one."""
    if not any(names) or (before and not _can_be_names(names)):
        return None
    short = [name for name in names if len(name) <= _LONGEST_NAME]
    known = sum(is_known(name, column) for name in short)
    known += any(is_abstract(name, column) for name in short)
    alike = Counter(map(len, rows))[len(names)] if len(names) > 1 else 0
    return (known, alike > 0, -before, alike) if known else (0, alike > 0, alike, -before)


def _can_be_names(names: Sequence[str]) -> bool:
    """True if fields can be names of columns, unlike a row of values."""
    filled = [name for name in names if name]
    return (
        len(filled) > 1
        and len(set(filled)) == len(filled)
        and all(len(name) <= _LONGEST_NAME and re.search("[^\\W\\d]", name) for name in filled)
    )


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        [fields] = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
        if len(fields) == 1 and delimiter in fields[0]:  # the whole row is quoted once more
            [fields] = csv.reader(fields, delimiter=delimiter)
    except (csv.Error, ValueError):
        fields = line.split(delimiter)
    return [field.strip().strip("\ufeff") for field in fields]


def _line_end(head: str) -> str:
    """Returns the end of the first line, ignoring line breaks in quotes."""
    outside = re.match(r'(?:[^"\r\n]|"[^"]*")*', head)
    rest = head[outside.end() :] if outside else ""
    return "\r" if rest.startswith("\r") and not rest.startswith("\r\n") else "\n"


def _is_spaced(lines: Sequence[str], delimiter: str) -> bool:
    """True if more fields are quoted after blanks than directly after the delimiter."""
    mark = re.escape(delimiter)
    spaced = sum(len(re.findall(f'{mark} +"', line)) for line in lines)
    direct = sum(len(re.findall(f'{mark}"', line)) for line in lines)
    return spaced > direct
