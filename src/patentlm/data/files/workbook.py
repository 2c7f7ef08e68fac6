"""Reads the rows of an Excel workbook with openpyxl."""

import zipfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import IO, Any

from patentlm.data.files.columns import is_known
from patentlm.data.files.layout import LINES_BEFORE_HEADER
from patentlm.data.files.limits import require_ratio
from patentlm.data.files.options import ReadOptions
from patentlm.errors import DataError


def workbook_rows(file: IO[bytes], size: int, options: ReadOptions) -> Iterator[Sequence[object]]:
    """Yields the header and the rows of a workbook's only sheet.

    Args:
        file: open for reading.
        size: size of the file in bytes.
        options: the column to look for, and the rows to skip.

    Raises:
        DataError: if openpyxl is not installed, or several sheets have values.
    """
    with zipfile.ZipFile(file) as archive:
        require_ratio(sum(member.file_size for member in archive.infolist()), size)
    openpyxl = _openpyxl()
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheets = [sheet for sheet in book.worksheets if any(sheet.iter_rows(max_row=1))]
        if len(sheets) != 1:
            raise DataError(f"has {len(sheets)} filled sheets: leave one, or save one as CSV")
        yield from _from_header(sheets[0].iter_rows(values_only=True), options)
    except (SyntaxError, TypeError, AttributeError, openpyxl.utils.exceptions.InvalidFileException):
        raise DataError("is a damaged workbook: save it as CSV") from None


def _openpyxl() -> Any:
    try:
        return import_module("openpyxl")
    except ImportError as error:
        raise DataError(
            "is an Excel workbook: save it as CSV, or run pip install -e '.[excel]'"
        ) from error


def _from_header(
    rows: Iterator[Sequence[object]], options: ReadOptions
) -> Iterator[Sequence[object]]:
    """Returns the rows from the first one that names a known column, or all."""
    before = []
    for row in rows:
        before.append(row)
        names = [value for value in row if isinstance(value, str)]
        if any(is_known(name, options.column) for name in names):
            before = [row]
            break
        if len(before) > (options.skip_lines or LINES_BEFORE_HEADER):
            break
    yield from before[options.skip_lines or 0 :] if len(before) > 1 else before
    yield from (row for row in rows if any(value is not None for value in row))
