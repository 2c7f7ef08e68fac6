"""Reads the records of a Parquet file in batches."""

from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pyarrow.types

from patentlm.data.files.columns import Columns
from patentlm.data.files.limits import require_ratio, require_record
from patentlm.errors import DataError

_ROWS_PER_BATCH = 1024


def read_parquet(file: IO[bytes], size: int) -> pyarrow.parquet.ParquetFile:
    """Opens a Parquet file.

    Args:
        file: open for reading.
        size: size of the file in bytes.

    Returns:
        The open file.

    Raises:
        DataError: if it unpacks too far.
        OSError, pyarrow.ArrowException: if it is damaged.
    """
    table = pyarrow.parquet.ParquetFile(file)
    groups = (table.metadata.row_group(at) for at in range(table.num_row_groups))
    require_ratio(sum(group.total_byte_size for group in groups), size)
    return table


def parquet_rows(
    table: pyarrow.parquet.ParquetFile, columns: Columns
) -> Iterator[Sequence[object]]:
    """Yields the values of the columns by record, in the order of `columns`.

    Raises:
        DataError: if a value is too long.
        OSError, pyarrow.ArrowException: if the file is damaged.
    """
    there = [name for name in columns.names.values() if name in table.schema_arrow.names]
    _require_text(table.schema_arrow, columns)
    row = 0
    for batch in table.iter_batches(_ROWS_PER_BATCH, columns=there):
        values = [
            _values(batch.column(batch.schema.get_all_field_indices(name)[0]))
            if name in there
            else [None] * len(batch)
            for name in columns.names.values()
        ]
        for record in zip(*values, strict=True):
            row += 1
            if isinstance(record[0], (str, bytes)):
                require_record(len(record[0]), f"in row {row:,}")
            yield record


def _values(column: "pyarrow.Array[Any]") -> Any:
    """Converts a column to Python; values without a Python type become texts or None."""
    kind = column.type
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        try:
            return column.to_pylist()
        except UnicodeDecodeError:  # bytes that only claim to be text
            return column.cast(pyarrow.large_binary()).to_pylist()
    if pyarrow.types.is_temporal(kind):
        column = _as_text(column)
    try:
        return column.to_pylist()
    except (ValueError, OverflowError, TypeError, ImportError) as error:
        raise DataError(f"has values of type {kind} that can't be read ({error})") from error


def _as_text(column: "pyarrow.Array[Any]") -> "pyarrow.Array[Any]":
    """Casts dates, times and durations to texts, since their range is wider than Python's."""
    try:
        texts = column.cast(pyarrow.string())
    except pyarrow.ArrowException:
        return pyarrow.nulls(len(column))
    wrong = pyarrow.compute.starts_with(texts, "<value out of range")
    return pyarrow.compute.if_else(wrong, None, texts)


def _require_text(schema: "pyarrow.Schema", columns: Columns) -> None:
    if not schema.get_all_field_indices(columns.names["abstract"]):
        return
    kind = schema.field(columns.names["abstract"]).type
    while hasattr(kind, "value_type") and not pyarrow.types.is_map(kind):
        kind = kind.value_type  # of a list or a dictionary
    if pyarrow.types.is_primitive(kind) or pyarrow.types.is_decimal(kind):
        raise DataError(f"holds {kind} in the column {columns.shown}, not text: set data.column")
