"""Parses delimited text row by row, so that a damaged row costs no other.

Files have quotes that are never closed, unquoted text with delimiters, and rows broken in two. If
exactly one reading fits the columns, the row is repaired; otherwise it is left out and counted.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence

from patentlm.data.files.layout import Layout
from patentlm.data.files.limits import MAX_RECORD
from patentlm.data.files.notes import Notes

QUOTINGS = ("minimal", "none")
_MOST_TRIES = 8  # attempts to close a quote
_MOST_STEPS = 10**8  # limit of quotes times characters for repairing a line
_ROWLIKE = 0.8  # share of the lines in a quoted field from which they are rows of their own
_WORDS = re.compile(r"\S\s+\S")
_LONE_RETURN = re.compile("\r(?!\n)")
csv.field_size_limit(MAX_RECORD)


class _Feed:
    """Feeds a csv reader one text at a time, so that each row can be read on its own."""

    text: str | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        text, self.text = self.text, None
        if text is None:
            raise StopIteration
        return text


class Rows:
    """The rows of a text, each with as many fields as there are columns.

    Args:
        lines: all lines after the header, with their line ends.
        layout: layout of the text.
        quoting: `minimal` if fields may be quoted, `none` if quotes are text; None decides row by
            row.
        abstract: index of the abstract among the fields, -1 for none.
        notes: collects what was damaged or repaired.
    """

    def __init__(
        self,
        lines: Iterator[str],
        layout: Layout,
        quoting: str | None,
        abstract: int,
        notes: Notes,
    ) -> None:
        self._lines, self._layout, self._quoting, self._notes = lines, layout, quoting, notes
        self._ahead: deque[str] = deque()
        self._number = layout.skipped + 1  # of the line taken last
        self._abstract, self._width = abstract, len(layout.names)
        mark = re.escape(layout.delimiter)
        self._tolerant = re.compile(
            rf' *"(?P<quoted>(?>(?:[^"\\]|\\.|"(?! *(?:{mark}|$)))*))" *(?:{mark}|$)'
            rf"|(?P<plain>[^{mark}]*)(?:{mark}|$)"
        )
        self._keyed = abstract != 0 and self._width > 1
        self._opening = layout.delimiter + (' "' if layout.spaced else '"')
        self._feed = _Feed()
        self._reader = csv.reader(
            self._feed,
            delimiter=layout.delimiter,
            skipinitialspace=layout.spaced,
            strict=True,
        )
        self._with_quotes = self._without_quotes = 0  # rows so far

    def __iter__(self) -> Iterator[list[str]]:
        held: list[str] = []  # a row may continue on the next lines
        rest: list[tuple[int, list[str]]] = []
        while (line := self._next()) is not None:
            start = self._number
            fields = self._row(line)
            if fields is None:
                self._notes.damaged(f"has wrong quotes or delimiters in line {start}")
            elif fields and held and self._goes_on(fields):
                rest.append((start, fields))
            elif fields:
                yield from self._whole(held, rest)
                held, rest = fields, []
        yield from self._whole(held, [])
        for start, _ in rest:  # text after the last row is a remark of the exporter
            self._notes.damaged(f"has text behind the last row in line {start}")

    def _goes_on(self, fields: list[str]) -> bool:
        """True if a short row continues the row before: it begins with text, not with a key."""
        return self._keyed and len(fields) < self._width and bool(_WORDS.search(fields[0]))

    def _whole(self, held: list[str], rest: Sequence[tuple[int, list[str]]]) -> Iterator[list[str]]:
        """Returns the row that was held back, joined with its continuation lines."""
        if not held:
            return
        for start, fields in rest:
            if len(held) == self._width == self._abstract + 1:
                fields = [self._layout.delimiter.join(fields)]
            if len(held) + len(fields) - 1 > self._width:
                self._notes.damaged(f"has wrong quotes or delimiters in line {start}")
                continue
            held = [*held[:-1], f"{held[-1]} {fields[0]}", *fields[1:]]
            self._notes.remark("records repaired", f"first in line {start}")
        self._keyed = self._keyed and not _WORDS.search(held[0])
        yield held + [""] * (self._width - len(held))

    def _next(self) -> str | None:
        line = self._ahead.popleft() if self._ahead else next(self._lines, None)
        self._number += line is not None
        return line

    def _put_back(self, lines: Sequence[str]) -> None:
        self._ahead.extendleft(reversed(lines))
        self._number -= len(lines)

    def _row(self, line: str) -> list[str] | None:
        """Returns the fields of the row at a line; `[]` for an empty row, None if it is damaged."""
        if line.isspace():
            return []
        if self._quoting == "none" or ('"' not in line and "\r" not in line[:-2]):
            fields: list[str] | None = line.rstrip("\r\n").split(self._layout.delimiter)
            self._without_quotes += 1
        else:
            fields = self._quoted(line)
        if fields and len(fields) <= self._width:
            return self._without_header(fields)
        start = self._number
        repaired = self._repaired(line, fields)
        if repaired and not (fields and self._is_padded(fields)):
            self._notes.remark("records repaired", f"first in line {start}")
        return repaired

    def _without_header(self, fields: list[str]) -> list[str]:
        names = self._layout.names
        if fields[0].strip("\ufeff ") != names[0] or (
            [field.strip("\ufeff ") for field in fields] != names
        ):
            return fields
        self._notes.counts["repeated_headers"] += 1
        self._notes.remark("repeated headers left out", f"first in line {self._number}")
        return []

    def _quoted(self, line: str) -> list[str] | None:
        """Parses a row with quotes, which may span lines; None if the quotes are wrong."""
        fields, is_open = self._parsed(line)
        if is_open:
            more = self._until_closed(line)
            fields = self._parsed("".join([line, *more]))[0] if more else None
            if fields is None or self._swallowed([line, *more]):
                self._put_back(more)
                return None
        if fields and len(fields) == 1 < self._width and self._layout.delimiter in fields[0]:
            fields = self._parsed(fields[0])[0] or fields  # the whole row is quoted once more
        self._with_quotes += line.startswith('"') or self._opening in line
        return fields

    def _parsed(self, text: str) -> tuple[list[str] | None, bool]:
        """Parses a text with the csv module, strictly; tells whether a quote stays open."""
        self._feed.text = text
        try:
            return next(self._reader), False
        except csv.Error as error:
            return None, "unexpected end" in str(error)

    def _until_closed(self, line: str) -> list[str]:
        """Returns the lines up to the one that closes the quote; none if no line does."""
        lines, odd, length, tries = [line], line.count('"') % 2 == 1, len(line), 0
        while length <= MAX_RECORD and tries < _MOST_TRIES:
            if (more := self._next()) is None:
                break
            lines.append(more)
            length += len(more)
            quotes = more.count('"')
            odd ^= quotes % 2 == 1
            if quotes and not odd:
                tries += 1
                if not self._parsed("".join(lines))[1]:
                    return lines[1:]
        self._put_back(lines[1:])
        return []

    def _swallowed(self, lines: Sequence[str]) -> bool:
        """True if the lines of one quoted field are rows of their own."""
        if self._quoting or self._width < 2:
            return False
        split = [line.rstrip("\r\n").split(self._layout.delimiter) for line in lines]
        keys = [_shape(field) if _is_key(field) else "" for field in split[0]]
        unquoted = not self._with_quotes and self._without_quotes and self._layout.delimiter != ","
        rowlike = sum(len(row) == self._width and (unquoted or _agrees(row, keys)) for row in split)
        return rowlike >= 2 and rowlike >= _ROWLIKE * len(lines)

    def _repaired(self, line: str, fields: list[str] | None) -> list[str] | None:
        """Returns the only possible row for a line; None if there are several or none."""
        if fields:
            return fields[: self._width] if self._is_padded(fields) else self._merged(fields)
        line = line.rstrip("\r\n")
        pieces = _LONE_RETURN.split(line)
        if len(pieces) > 1:
            return self._without_returns(pieces)
        if self._quoting == "minimal" or line.count('"') * len(line) > _MOST_STEPS:
            return None
        fields = self._split_tolerantly(line)
        return fields if len(fields) == self._width else self._merged(fields)

    def _is_padded(self, fields: list[str]) -> bool:
        """True if the surplus delimiters are at the end, as spreadsheets write them."""
        in_text = any(field.startswith(" ") for field in fields[1 : self._width])
        return not any(fields[self._width :]) and (self._layout.spaced or not in_text)

    def _without_returns(self, pieces: list[str]) -> list[str] | None:
        rows = [piece.split(self._layout.delimiter) for piece in pieces]
        if self._width > 1 and all(len(row) == self._width for row in rows):
            self._put_back([f"{piece}\n" for piece in pieces[1:]])
            return rows[0]
        return self._row(" ".join(pieces))

    def _split_tolerantly(self, line: str) -> list[str]:
        """Splits a line whose quotes are not doubled or are text; empty if a quote is cut off."""
        fields, at, cut = [], 0, self._with_quotes > self._without_quotes
        while found := self._tolerant.match(line, at):
            quoted = found["quoted"]
            fields.append(found["plain"] if quoted is None else _unescaped(quoted))
            if cut and quoted is None and fields[-1].startswith('"'):
                return []
            at = found.end()
            if at == len(line) and not found[0].endswith(self._layout.delimiter):
                break
        return fields

    def _merged(self, fields: list[str]) -> list[str] | None:
        """Joins surplus fields, if there is only one way to do it."""
        if len(fields) <= self._width:
            return None
        found = [row for row in (self._by_blanks(fields), self._by_keys(fields)) if row]
        return found[0] if found and all(row == found[0] for row in found) else None

    def _by_blanks(self, fields: list[str]) -> list[str] | None:
        """Returns the row whose delimiters have no blank after them, unlike commas in text."""
        row = fields[:1]
        for field in fields[1:]:
            if field.startswith(" ") and not self._layout.spaced:
                row[-1] += self._layout.delimiter + field
            else:
                row.append(field)
        fits = len(row) == self._width and not (self._keyed and _WORDS.search(row[0]))
        return row if fits else None

    def _by_keys(self, fields: list[str]) -> list[str] | None:
        """Returns the row in which only the abstract has several words."""
        behind = len(fields) - (self._width - 1 - self._abstract)
        left, right = fields[: self._abstract], fields[behind:]
        if self._abstract < 0 or not all(map(_is_key, [*left, *right])):
            return None
        return [*left, self._layout.delimiter.join(fields[self._abstract : behind]), *right]


def _unescaped(quoted: str) -> str:
    """Returns the text of a quoted field, with doubled or escaped quotes undone."""
    return quoted.replace('""', '"').replace('\\"', '"')


def _is_key(field: str) -> bool:
    """True if a field can be a number, a date or a name rather than text."""
    return bool(field.strip()) and not re.search(r"\s", field.strip())


def _shape(field: str) -> str:
    """Returns what remains of a number or date if its digits are ignored."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d]+", "a", field.strip()))


def _agrees(row: Sequence[str], keys: Sequence[str]) -> bool:
    """True if a field with digits has the same shape as in the first row."""
    return any("9" in key and _shape(field) == key for field, key in zip(row, keys, strict=False))
