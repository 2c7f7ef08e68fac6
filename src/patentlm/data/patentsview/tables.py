"""PatentsView's zipped tables: read in one pass, and looked up by patent."""

import csv
import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from operator import itemgetter, methodcaller
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from patentlm.errors import DataError
from patentlm.progress import progress_bar

# Beyond it a quote was never closed: the row is given up, and reading goes on a line later.
_LARGEST_FIELD = 2**17
_ROWS = 2**14
_BUFFER_BYTES = 2**18
_HASH_BYTES = 8
ZIP_DAMAGE = (  # what zipfile is known to raise over bytes that are not as they were written
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)


class ZippedTable:
    """A tab-separated table alone in a ZIP; damaged rows are skipped.

    Args:
        path: the ZIP.
        columns: names of those that are read.

    Attributes:
        damaged: how many rows were, so far.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = columns
        self.damaged = 0

    def batches(self) -> Iterator[list[tuple[str, ...]]]:
        """Yields the rows, some thousands at a time, each with the columns in the order asked for.

        Raises:
            DataError: if it can't be read, or lacks a column.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                table = self._only_table(archive)
                with archive.open(table) as member, _buffered(member) as lines, _bar(table) as bar:
                    rows = self._rows(lines)
                    while batch := _take(rows):
                        bar.update(member.tell() - bar.n)
                        yield batch
        except (*ZIP_DAMAGE, csv.Error) as error:
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
        return tables[0]

    def _rows(self, lines: io.BufferedReader) -> Iterator[tuple[str, ...]]:
        # Decoded line by line, which is a third faster than all at once; a lone \r ends no line.
        texts = map(methodcaller("decode", "utf-8", "replace"), lines)
        header = next(texts, "").removeprefix("\ufeff")
        # strict, because otherwise a quote out of place goes unnoticed until much later
        reader = csv.reader(chain([header], texts), delimiter="\t", strict=True)
        names = next(reader, [])
        pick = itemgetter(*self._positions(names))
        while True:
            try:
                for row in reader:
                    if len(row) == len(names):
                        yield pick(row)
                    elif row:
                        self.damaged += 1
                return
            except csv.Error:  # the reader can go on with the line behind
                self.damaged += 1

    def _positions(self, names: list[str]) -> list[int]:
        if missing := [column for column in self.columns if column not in names]:
            raise DataError(
                f"{self.path} has no column {missing[0]}, only {', '.join(names) or 'none'}: "
                "try an earlier data.release"
            )
        return [names.index(column) for column in self.columns]


def _buffered(member: IO[bytes]) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, member), _BUFFER_BYTES)


def _bar(table: zipfile.ZipInfo) -> "tqdm[Any]":
    return progress_bar(f"Reading {table.filename}", unit="B", total=table.file_size)


def _take(rows: Iterator[tuple[str, ...]]) -> list[tuple[str, ...]]:
    before = csv.field_size_limit(_LARGEST_FIELD)  # one for the whole process
    try:
        return list(islice(rows, _ROWS))
    finally:
        csv.field_size_limit(before)


@dataclass(frozen=True, eq=False)
class Grants:
    """Dates and titles of patents by id: 16 bytes a patent in memory, the rest on disk.

    Args:
        hashes: of the ids, ascending; the last, the largest there is, stands for unknown ids.
        starts: where the line of each begins.
        lines: a date, a tab and a title in each.
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
            path: the ZIP.
            lines: an empty file open for writing and reading, which the lines go to.
            wanted: tells by its date whether a patent shall be known.
            titles: whether titles are wanted, too.

        Raises:
            DataError: if the table can't be read.
        """
        hashes, starts = bytearray(), array("q", [0])
        for batch in ZippedTable(path, ("patent_id", "patent_date", "patent_title")).batches():
            rows = [row for row in batch if wanted(row[1])]
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
        """Date and title of each patent, empty where they are unknown."""
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
