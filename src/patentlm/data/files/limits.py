"""Limits on what a file may use, so that none exhausts memory or time."""

import io
import os
import stat
from gzip import GzipFile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from patentlm.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_RECORD = 2**24
"""Maximum characters of a record (a line, a row, a JSON object), and so of a field."""

MAX_DOCUMENT = 2**26
"""Maximum characters of a file with a single JSON object."""

MAX_RATIO, UNPACKED_ANYWAY = 100, 2**26
"""Maximum ratio of unpacked to packed bytes, once a file has unpacked this many bytes."""

# What a path can be besides a file or a folder.
_SPECIAL = {
    stat.S_IFIFO: "is a pipe",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFDIR: "is a folder",
}


def require_file(path: Path) -> None:
    """Checks that a path is a regular file; reading anything else might never end.

    Raises:
        DataError: if it is something else.
        OSError: if there is no such path.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        what = _SPECIAL.get(kind, "is something else")
        raise DataError(f"{what}, not a file: save it as a file and set data.path to that")


def require_record(length: int, where: str) -> None:
    """Checks the length of a record in characters.

    Raises:
        DataError: if it is longer than `MAX_RECORD`.
    """
    if length > MAX_RECORD:
        raise DataError(
            f"has a record of more than {MAX_RECORD:,} characters {where}: "
            "no patent is as long; check data.quoting and what the file is"
        )


def require_ratio(unpacked: int, packed: int) -> None:
    """Checks the ratio of a file's unpacked size to its packed size, both in bytes.

    Raises:
        DataError: if it is over `MAX_RATIO`.
    """
    if unpacked > max(UNPACKED_ANYWAY, MAX_RATIO * packed):
        raise DataError(
            f"unpacks to more than {MAX_RATIO} times its {packed:,} bytes, which no text does: "
            "fetch or export it again"
        )


class Unpacked(io.RawIOBase):
    """The unpacked bytes of a file, limited by `require_ratio`.

    Args:
        file: yields the unpacked bytes.
        packed: size of the packed file in bytes.
    """

    def __init__(self, file: IO[bytes] | GzipFile, packed: int) -> None:
        self._file, self._packed, self._unpacked = file, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._unpacked += len(data)
        require_ratio(self._unpacked, self._packed)
        return len(data)

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._unpacked = 0
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
