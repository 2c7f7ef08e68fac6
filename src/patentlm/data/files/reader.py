"""Reads patents from files: all records in order, with remarks on what was wrong."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow

from patentlm.data.files.columns import Columns, find_columns
from patentlm.data.files.notes import Notes, one_line
from patentlm.data.files.opening import UNPACKING_ERRORS, open_file
from patentlm.data.files.options import ReadOptions
from patentlm.data.files.tables import Table, open_table
from patentlm.data.files.values import NotTextError, abstract_text, follow, plain_text, read_written
from patentlm.data.records import Patent, Records
from patentlm.errors import DataError, PatentLMError

_DAMAGE = (*UNPACKING_ERRORS, pyarrow.ArrowException, csv.Error, KeyError, MemoryError)


def read_patents(files: Sequence[Path], options: ReadOptions) -> Records:
    """Reads the patents of all records, those with an empty abstract included.

    Args:
        files: of the kinds in `opening.KINDS`, plain, in .gz, or alone in a .zip.
        options: how to read them.

    Returns:
        The patents, to be iterated over once.

    Raises:
        DataError: if a file can't be used; raised while iterating, with what to do.
    """
    notes = Notes()
    return Records(_patents(files, options, notes), notes.counts, notes.warnings)


def _patents(files: Sequence[Path], options: ReadOptions, notes: Notes) -> Iterator[Patent]:
    columns = _columns(files, options, notes)
    found = False
    for path in files:
        with (
            explained(path),
            notes.reading(path.name),
            _opened(path, options, notes) as table,
        ):
            for record in table.rows(columns):
                found = True
                if patent := _patent(record, columns, options.language, notes):
                    notes.good += 1
                    yield patent
    if not found:
        shown = files[0] if len(files) == 1 else files[0].parent
        raise DataError(f"{shown} is empty: it needs named columns and one patent in each row")


def _columns(files: Sequence[Path], options: ReadOptions, notes: Notes) -> Columns:
    """Finds the columns over all files, since a shard may lack a column."""
    names: list[str] = []
    for path in files:
        seen = Notes()
        with explained(path), _opened(path, options, seen) as table:
            own = table.names()
            if not own:
                seen.require_good()
            names += own if not names else [name for name in own if name not in names]
    notes.file = files[0].name
    with explained(files[0]):
        if not names:
            raise DataError("is empty: it needs named columns and one patent in each row")
        return find_columns(names, options.column, options.language, notes)


def _patent(
    record: Sequence[object], columns: Columns, language: str | None, notes: Notes
) -> Patent | None:
    abstract = read_written(record[0])
    if columns.path:
        abstract = follow(abstract, columns.path)
    try:
        text = abstract_text(abstract, columns.shown, language)
    except NotTextError as error:
        notes.damaged(f"{error} (in record {notes.good + notes.counts['damaged'] + 1:,})")
        return None
    return Patent(text, *map(plain_text, record[1:]))


@contextmanager
def _opened(path: Path, options: ReadOptions, notes: Notes) -> Iterator[Table]:
    size = path.stat().st_size
    with open_file(path) as (file, kind):
        yield open_table(file, kind, size, options, notes)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Reports any problem with a file as one line that names it."""
    try:
        yield
    except (PatentLMError, *_DAMAGE) as error:
        raise DataError(one_line(f"{path} {_explanation(error)}")) from error


def _explanation(error: Exception) -> str:
    match error:
        case PatentLMError():
            return str(error)
        case OSError(strerror=str(reason)):  # absent, protected; not damage inside it
            return f"cannot be read ({reason}): set data.path to a patents file"
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return f"is damaged or incomplete ({reason}): fetch or export it again"
