"""Opens the kinds of tables: their columns, and the values of their records."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import IO, NamedTuple

from patentlm.data.files.columns import Columns
from patentlm.data.files.encodings import read_lines, read_text
from patentlm.data.files.json_records import names_of, read_objects
from patentlm.data.files.layout import find_layout
from patentlm.data.files.limits import require_record
from patentlm.data.files.notes import Notes
from patentlm.data.files.options import ReadOptions
from patentlm.data.files.parquet import parquet_rows, read_parquet
from patentlm.data.files.rows import Rows
from patentlm.data.files.workbook import workbook_rows
from patentlm.errors import DataError


class Table(NamedTuple):
    """An open table, to be read once: its column names, or its records.

    Args:
        names: returns the names of all columns.
        rows: yields the values of some columns by record, the abstract first; None for a column
            that the table lacks.
    """

    names: Callable[[], Sequence[str]]
    rows: Callable[[Columns], Iterator[Sequence[object]]]


def open_table(file: IO[bytes], kind: str, size: int, options: ReadOptions, notes: Notes) -> Table:
    """Opens the table in a file.

    Args:
        file: open for reading, unpacked.
        kind: its suffix.
        size: size of the packed file in bytes.
        options: how to read it.
        notes: collects what is damaged, repaired or unusual.

    Returns:
        The table.

    Raises:
        DataError: if it can't be used; also raised while it is read.
    """
    if kind == ".parquet":
        table = read_parquet(file, size)
        return Table(lambda: table.schema_arrow.names, lambda columns: parquet_rows(table, columns))
    if kind == ".xlsx":
        return _fields(workbook_rows(file, size, options))
    text = read_text(file, options.encoding, notes)
    if kind in (".json", ".jsonl", ".ndjson"):
        return _json(text, options, notes)
    return _delimited(text, kind, options, notes)


def _json(text: Iterator[str], options: ReadOptions, notes: Notes) -> Table:
    objects = read_objects(text, options.column, notes)
    return Table(
        lambda: names_of(objects, options.column),
        lambda columns: (
            [record.get(name) for name in columns.names.values()] for record in objects
        ),
    )


def _delimited(text: Iterator[str], kind: str, options: ReadOptions, notes: Notes) -> Table:
    head = _with_header(text)
    marks = options.delimiters(kind)
    layout = find_layout(head, marks, options.column, options.skip_lines)
    lines = read_lines(chain([head], text), layout.end)
    for _ in range(layout.skipped + 1):
        next(lines, "")
    if layout.skipped and options.skip_lines is None:
        notes.warn(f"{layout.skipped} lines before the header were skipped")

    def rows(columns: Columns) -> Iterator[Sequence[object]]:
        names = layout.names
        places = [names.index(name) if name in names else -1 for name in columns.names.values()]
        for row in Rows(lines, layout, options.quoting, places[0], notes):
            yield [row[place] if place >= 0 else None for place in places]

    return Table(lambda: layout.names, rows)


def _with_header(text: Iterator[str]) -> str:
    """Returns the beginning of a text, with at least one complete line that is not blank."""
    head = ""
    for block in text:
        head += block
        require_record(len(head), "in its header")
        if any(end in head.lstrip() for end in "\r\n"):
            break
    return head


def _fields(rows: Iterator[Sequence[object]]) -> Table:
    """Returns the table of a header and rows."""
    names = ["" if value is None else str(value) for value in next(rows, ())]
    if not any(names):
        raise DataError("is empty: it needs named columns and one patent in each row")

    def picked(columns: Columns) -> Iterator[Sequence[object]]:
        places = [names.index(name) if name in names else -1 for name in columns.names.values()]
        for row in rows:
            yield [row[place] if 0 <= place < len(row) else None for place in places]

    return Table(lambda: names, picked)
