"""Finds the files of a path, and opens each: packed or plain, of any known kind."""

import glob
import gzip
import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO

from patentlm.data.files.limits import Unpacked, require_file, require_ratio
from patentlm.data.files.notes import one_line
from patentlm.errors import DataError
from patentlm.progress import progress

TEXT_KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt")
KINDS = (*TEXT_KINDS, ".parquet", ".xlsx")

UNPACKING_ERRORS = (  # what the standard library raises for damaged bytes
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)

_MOST_OF_GZIP = 1100  # maximum compression ratio of deflate, about

# Signatures of files whose names wrongly say that they are text.
_SIGNATURES = {
    b"\x1f\x8b": "is packed by gzip: add .gz to its name",
    b"PK\x03\x04": "is a ZIP file or a workbook: name it .zip or .xlsx, as it is",
    b"PAR1": "is a Parquet file: name it .parquet",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: save it as CSV",
    b"<!DOCTYPE": "is a web page: download the file itself",
    b"<!doctype": "is a web page: download the file itself",
    b"<html": "is a web page: download the file itself",
    b"<?xml": "is XML: export it as CSV or JSON",
    b"%PDF": "is a PDF: export the patents as CSV or JSON",
    b"BZh": "is packed by bzip2: unpack it",
    b"\xfd7zXZ": "is packed by xz: unpack it",
    b"\x28\xb5\x2f\xfd": "is packed by zstd: unpack it",
}


def place_of(path: str) -> Path:
    """Resolves `~` and `.` in a path.

    Raises:
        DataError: if it is not a possible path.
    """
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # unknown user, NUL, circular links
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"data.path={path!r} can't be used ({reason}): set another") from error


def find_files(path: str) -> list[Path]:
    """Returns the files of a path in order: a single file, a folder's, or a pattern's.

    Args:
        path: a file, a folder of shards, or a pattern such as `shards/*.jsonl.gz`.

    Raises:
        DataError: if there are none.
    """
    place = place_of(path)
    shown = Path(path).expanduser()
    with _named(shown):
        if place.is_dir():
            return _files_in(shown)
        if glob.has_magic(path) and not place.exists():
            return _files_like(str(shown))
        require_file(shown)
        return [shown]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Reports errors about a path as one line that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(one_line(f"{path}: no such file; check data.path")) from error
    except OSError as error:
        reason = f"{path} can't be read ({error.strerror}); check data.path"
        raise DataError(one_line(reason)) from error
    except DataError as error:
        raise DataError(one_line(f"{path} {error}")) from error


def _files_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if _is_shard(path, folder))
    if not files:
        hint = "; a folder with train.txt, valid.txt and test.txt is read by data=corpus"
        raise DataError(f"has no file of a known kind ({' '.join(KINDS)}){hint}")
    return files


def _is_shard(path: Path, folder: Path) -> bool:
    """True if a file is a table; hidden files and names with `_` first are marks of programs."""
    parts = path.relative_to(folder).parts
    kind = PurePath(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix
    known = kind.lower() in (*KINDS, ".zip") and kind.lower() != ".txt"
    return known and path.is_file() and not any(part.startswith((".", "_")) for part in parts)


def _files_like(pattern: str) -> list[Path]:
    anchor = Path(pattern).anchor
    rest = pattern.removeprefix(anchor)
    files = sorted(path for path in Path(anchor).glob(rest) if not path.is_dir())
    if not files:
        raise DataError("matches no file: check data.path")
    for file in files:
        require_file(file)
    return files


def digest(files: Sequence[Path]) -> str:
    """Returns the SHA-256 of the files' contents, in order.

    Raises:
        DataError: if one can't be read.
    """
    one, *others = digests = [_digest(file) for file in progress("Hashing", files, unit="files")]
    return hashlib.sha256("".join(digests).encode()).hexdigest() if others else one


def _digest(path: Path) -> str:
    with _named(path):
        require_file(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def kind_of(path: Path) -> str:
    """Returns the suffixes that decide how a file is read, such as `.csv.gz`."""
    return "".join(path.suffixes[-2:]).lower()


@contextmanager
def open_file(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """Opens a file, unpacked; yields it and its kind, one of `KINDS`.

    Raises:
        DataError: if it is of no known kind, or unpacks too far.
        OSError, EOFError, RuntimeError, ValueError, lzma.LZMAError, struct.error,
        zipfile.BadZipFile, zlib.error: if it is damaged; while it is read, too.
    """
    require_file(path)
    size = path.stat().st_size
    match path.suffix.lower():
        case ".gz":
            _require_small_gzip(path, size)
            with gzip.open(path) as unzipped, _buffered(unzipped, size) as file:
                yield file, _kind(file, PurePath(path.stem).suffix)
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                _require_unbloated(archive, size)
                with _open_only_table(archive) as member, _buffered(member, size) as file:
                    yield file, _kind(file, PurePath(member.name).suffix)
        case suffix:
            with path.open("rb") as file:
                yield file, _kind(file, suffix)


def _buffered(file: IO[bytes] | gzip.GzipFile, size: int) -> io.BufferedReader:
    return io.BufferedReader(Unpacked(file, size), 2**18)


def _require_small_gzip(path: Path, size: int) -> None:
    """Checks the unpacked size stored at the end of a gzip file, before unpacking anything."""
    with path.open("rb") as file:
        file.seek(max(0, size - 4))
        told = int.from_bytes(file.read(4), "little")
    if told <= _MOST_OF_GZIP * size:  # otherwise the field is not a size
        require_ratio(told, size)


def _require_unbloated(archive: zipfile.ZipFile, size: int) -> None:
    require_ratio(sum(member.file_size for member in archive.infolist()), size)


def _open_only_table(archive: zipfile.ZipFile) -> IO[bytes]:
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    tables = [name for name in names if PurePath(name).suffix.lower() in KINDS]
    if len(tables) > 1:  # a text file beside a table describes it
        tables = [name for name in tables if PurePath(name).suffix.lower() != ".txt"]
    if len(tables) != 1:
        if "[Content_Types].xml" in names:
            raise DataError("is a workbook or document: save it as CSV")
        inside = f"{len(tables)} tables among {_listed(names)}" if names else "nothing"
        raise DataError(f"holds {inside}: leave exactly one table in it")
    try:
        return archive.open(tables[0])
    except RuntimeError as error:  # a password is needed, or the compression is unknown
        raise DataError(f"cannot be unpacked ({error}): unpack it and set data.path") from error


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _kind(file: IO[bytes], suffix: str) -> str:
    """Returns the kind by the suffix, or by the content if the suffix tells none."""
    kind, head = suffix.lower(), _peek(file)
    if kind in (".xls", ".ods"):
        raise DataError("is a workbook: save it as CSV or .xlsx")
    if kind in ("", ".txt", ".gz"):
        kind = _kind_of_content(head)
    for signature, what in _SIGNATURES.items():
        if kind not in (".parquet", ".xlsx") and head.startswith(signature):
            raise DataError(what)
    if kind not in KINDS:
        known = " ".join(KINDS)
        raise DataError(f"is of no known kind: name it {known}, perhaps with .gz or .zip behind")
    return kind


def _peek(file: IO[bytes], length: int = 512) -> bytes:
    head = file.read(length)
    file.seek(0)
    return head


def _kind_of_content(head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return ".parquet"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return ".json"
    return ".txt" if start else ""
