"""PatentsView's zipped tables, read in one pass, and looked up by patent."""

import csv
import hashlib
import io
import zipfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from operator import itemgetter, methodcaller
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.csv
from numpy.typing import NDArray
from tqdm import tqdm

from patentlm.data.files.limits import require_ratio
from patentlm.data.files.opening import UNPACKING_ERRORS
from patentlm.errors import DataError
from patentlm.progress import progress_bar

# In a longer field, a quote was never closed: the row is dropped, and the next line is read.
_LARGEST_FIELD = 2**17
_BLOCK_BYTES = 2**22
_MOST_BYTES = 2 * _BLOCK_BYTES  # without the end of a row
_MOST_TRIES = 1000  # lines of one field
_HASH_BYTES = 8


class ZippedTable:
    """A tab-separated table, the only one in a ZIP; damaged rows are skipped.

    Attributes:
        damaged: number of damaged rows so far.

    Args:
        path: path of the ZIP.
        columns: names of the columns to read.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = columns
        self.damaged = 0

    def batches(self) -> Iterator[pyarrow.Table]:
        """Yields the rows, some thousands at a time, with `columns` in their order.

        Raises:
            DataError: if it can't be read, unpacks too far, or lacks a column.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                table = self._only_table(archive)
                with archive.open(table) as member, _bar(table) as bar:
                    blocks = row_blocks(_bytes(member, bar))
                    names = self._names(next(blocks, b""))
                    for block in blocks:
                        yield self._rows(block, names)
        except (*UNPACKING_ERRORS, csv.Error) as error:
            raise DataError(
                f"{self.path} is damaged ({error}): delete it, and it will be fetched anew"
            ) from error

    def _only_table(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        tables = [some for some in archive.infolist() if some.filename.endswith(".tsv")]
        if len(tables) != 1:
            names = ", ".join(archive.namelist()) or "nothing"
            raise DataError(
                f"{self.path} holds {names}, where one .tsv should be: try an earlier data.release"
            )
        try:
            require_ratio(tables[0].file_size, self.path.stat().st_size)
        except DataError as error:
            raise DataError(f"{self.path} {error}") from error
        return tables[0]

    def _names(self, header: bytes) -> list[str]:
        text = header.decode("utf-8", "replace").removeprefix("\ufeff")
        names = next(csv.reader([text], delimiter="\t"), [])
        if missing := [column for column in self.columns if column not in names]:
            raise DataError(
                f"{self.path} has no column {missing[0]}, only {', '.join(names) or 'none'}: "
                "try an earlier data.release"
            )
        return names

    def _rows(self, block: bytes, names: list[str]) -> pyarrow.Table:
        if sorted(names) == sorted(self.columns):
            whole = _whole_rows(block, names)
            if whole is not None:
                return whole.select(list(self.columns))
        rows = list(self._damaged_rows(block, names))
        columns = zip(*rows, strict=True) if rows else [()] * len(self.columns)
        texts = [pyarrow.array(column, pyarrow.string()) for column in columns]
        return pyarrow.table(texts, names=list(self.columns))

    def _damaged_rows(self, block: bytes, names: list[str]) -> Iterator[tuple[str, ...]]:
        """Parses a block line by line, so that a damaged row costs few others."""
        pick = itemgetter(*[names.index(column) for column in self.columns])
        before = csv.field_size_limit(_LARGEST_FIELD)  # one for the whole process
        try:
            # strict, since a misplaced quote would otherwise be noticed much later
            lines = io.BytesIO(block)  # a lone \r ends no line
            texts = map(methodcaller("decode", "utf-8", "replace"), lines)
            reader = csv.reader(texts, delimiter="\t", strict=True)
            while (row := self._next_row(reader)) is not None:
                if len(row) == len(names):
                    yield pick(row)
                elif row:
                    self.damaged += 1
        finally:
            csv.field_size_limit(before)

    def _next_row(self, reader: Iterator[list[str]]) -> list[str] | None:
        try:
            return next(reader, None)
        except csv.Error:  # the reader can continue with the next line
            self.damaged += 1
            return []


def _bytes(member: IO[bytes], bar: "tqdm[Any]") -> Iterator[bytes]:
    while data := member.read(_BLOCK_BYTES):
        bar.update(len(data))
        yield data


def row_blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Divides the bytes of a table where rows end: first the header, then many rows at a time.

    A row ends at a line break with an even number of quotes before it. If a damaged quote leaves
    none, a block ends at a line break between two quotes.

    Example:
        >>> list(row_blocks(iter([b'"id"\n"1"\n"2', b'"\n'])))
        [b'"id"\n', b'"1"\n', b'"2"\n']
    """
    header, rest = b"", b""
    for data in pieces:
        rest += data
        if not header:
            header, mark, rest = rest.partition(b"\n")
            yield header + mark
        end = _row_end(rest)
        if not end and len(rest) > _MOST_BYTES:
            end = rest.rfind(b'"\n"') + 2
            end = end if end > 1 else rest.rfind(b"\n") + 1 or len(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _row_end(block: bytes) -> int:
    """Returns the index after the last line break outside quotes; 0 if there is none."""
    quotes, end = block.count(b'"'), len(block)
    for _ in range(_MOST_TRIES):
        at = block.rfind(b"\n", 0, end)
        quotes -= block.count(b'"', at + 1, end)
        if at < 0 or quotes % 2 == 0:
            return at + 1
        end = at
    return 0


def _whole_rows(block: bytes, names: list[str]) -> pyarrow.Table | None:
    """Parses a block with Arrow; None if a quote is not where it should be."""
    read = pyarrow.csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False)
    parse = pyarrow.csv.ParseOptions(delimiter="\t", newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.string()))
    try:
        table = pyarrow.csv.read_csv(io.BytesIO(block), read, parse, convert)
    except pyarrow.ArrowException:  # damaged rows, or bytes that are not UTF-8
        return None
    quotes = sum(
        pyarrow.compute.sum(pyarrow.compute.count_substring(column, '"')).as_py() or 0
        for column in table.columns
    )
    # each field stands in two quotes, and each quote in it is doubled
    as_written = 2 * (table.num_rows * len(names) + quotes)
    return table if block.count(b'"') in (0, as_written) else None


def _bar(table: zipfile.ZipInfo) -> "tqdm[Any]":
    return progress_bar(f"Reading {table.filename}", unit="B", total=table.file_size)


@dataclass(frozen=True, eq=False)
class Grants:
    """Dates and titles of patents by id: 16 bytes a patent in memory, the rest on disk.

    Args:
        hashes: sorted hashes of the ids, and the largest possible value for unknown ids.
        starts: where the line of each begins.
        lines: file with a date, a tab and a title on each line.
    """

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    lines: IO[bytes]

    @classmethod
    def read(
        cls, path: Path, lines: IO[bytes], *, wanted: Callable[[str], bool], titles: bool
    ) -> "Grants":
        """Reads the zipped `g_patent` table.

        Args:
            path: path of the ZIP.
            lines: empty file, open for writing and reading, for the lines.
            wanted: True for the dates of patents to keep.
            titles: keep titles, too.

        Returns:
            The dates and titles.

        Raises:
            DataError: if the table can't be read.
        """
        hashes, starts = bytearray(), array("q", [0])
        for batch in ZippedTable(path, ("patent_id", "patent_date", "patent_title")).batches():
            columns = (column.to_pylist() for column in batch.columns)
            rows = [row for row in zip(*columns, strict=True) if wanted(row[1])]
            texts = [_line(granted, title if titles else "") for _, granted, title in rows]
            hashes += _hashes([row[0] for row in rows])
            starts.extend(islice(accumulate(map(len, texts), initial=starts[-1]), 1, None))
            lines.writelines(texts)
        hashes += b"\xff" * _HASH_BYTES
        return cls._sorted(hashes, starts, lines)

    @classmethod
    def _sorted(cls, hashed: bytearray, starts: "array[int]", lines: IO[bytes]) -> "Grants":
        hashes = np.frombuffer(hashed, np.uint64)
        order = np.argsort(hashes, kind="stable")
        hashes.sort(kind="stable")  # in place, because there are millions
        return cls(hashes, np.frombuffer(starts, np.int64)[order], lines)

    def find(self, ids: Sequence[str]) -> list[tuple[str, str]]:
        """Returns date and title of each patent, empty if unknown."""
        hashes = np.frombuffer(_hashes(ids), np.uint64)
        places = np.searchsorted(self.hashes, hashes)
        places[self.hashes[places] != hashes] = -1
        return [self._at(start) for start in self.starts[places].tolist()]

    def _at(self, start: int) -> tuple[str, str]:
        self.lines.seek(start)
        granted, _, title = self.lines.readline().decode().rstrip("\n").partition("\t")
        return granted, title


def _hashes(ids: Sequence[str]) -> bytes:
    return b"".join(hashlib.blake2b(id.encode(), digest_size=_HASH_BYTES).digest() for id in ids)


def _line(granted: str, title: str) -> bytes:
    return f"{granted}\t{' '.join(title.split())}\n".encode()
