"""Downloads a file: resumed where it broke off, renamed once it is complete."""

import json
import logging
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import Timeout
from requests import Response

from patentlm.data.cache import acquire_lock
from patentlm.data.files.opening import UNPACKING_ERRORS
from patentlm.data.patentsview.web import CHUNK, STRANGER, TransientError, chunks, host
from patentlm.errors import DataError
from patentlm.progress import progress_bar

RESERVE = 2**30  # bytes to leave free on the disk
log = logging.getLogger(__name__)


class DamagedError(Exception):
    """A download is damaged, and more of it would not help."""


@dataclass(frozen=True)
class Part:
    """The downloaded part of a file, in `.part`, and a note beside it of what it belongs to.

    Args:
        path: path of the complete file.
        size: its size in bytes, if known.
    """

    path: Path
    size: int | None

    @property
    def file(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".part.json")

    def kept(self) -> int:
        """Returns how many bytes can be resumed; a part that can't be is removed."""
        there = self.file.stat().st_size if self.file.exists() else 0
        whole = self.known().get("size")
        if isinstance(whole, int) and self.size in (None, whole) and there <= whole:
            return there
        self.drop()
        return 0

    def known(self) -> dict[str, Any]:
        """The note: size, etag and last_modified of the complete file, each if known."""
        with suppress(OSError, ValueError):
            note = json.loads(self.note.read_text("utf-8"))
            return note if isinstance(note, dict) else {}
        return {}

    def drop(self) -> None:
        self.note.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)

    def finish(self) -> None:
        """Renames the file to its final name, which marks it as complete."""
        self.file.replace(self.path)
        self.note.unlink(missing_ok=True)

    def make_room(self) -> None:
        """Makes the folder, and removes a part of a file with the same name.

        Raises:
            DataError: if the disk is too full.
        """
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        for other in folder.parent.glob(f"*/{self.file.name}"):
            if other.parent != folder:
                Part(other.with_suffix(""), None).drop()
        needed = (self.size or 0) - self.kept() + RESERVE
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise DataError(
                f"{self.path.name} needs {needed / 1e9:,.1f} GB of free disk, and {folder} has "
                f"{free / 1e9:,.1f} GB: make room or set PATENTLM_CACHE to another folder"
            )

    def wanted(self) -> dict[str, str]:
        """Returns the headers that request the missing bytes."""
        kept, known = self.kept(), self.known()
        if not kept:
            return {}
        validator = known.get("etag") or known.get("last_modified")
        return {"Range": f"bytes={kept}-"} | ({"If-Range": validator} if validator else {})

    def fits(self, response: Response) -> bool:
        """True if the response continues the part."""
        known, etag = self.known(), response.headers.get("ETag")
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return (
            response.status_code == 206
            and span is not None
            and (int(span[1]), int(span[2])) == (self.kept(), known.get("size"))
            and (not etag or known.get("etag") in (None, etag))
        )

    def receive(self, response: Response) -> None:
        """Appends the body of a response that fits, or starts anew with a complete one.

        Raises:
            TransientError: if it breaks off; what came is kept.
            DamagedError: if it has the wrong size.
            DataError: if it is not a ZIP.
            OSError: if it can't be written.
        """
        body = chunks(response)
        first = next(body, b"")
        _require_zip(response, first)
        if response.status_code == 200:
            self._begin(response)
        self._write(chain([first], body))
        self._require_all()

    def _begin(self, response: Response) -> None:
        given = response.headers.get("Content-Length", "")
        length = int(given) if given.isdecimal() else None
        if self.size and length and self.size != length:
            raise DamagedError(f"comes with {length:,} bytes where {self.size:,} are listed")
        etag = response.headers.get("ETag", "")
        note = {
            "size": self.size or length,
            "etag": None if etag.startswith("W/") else etag or None,  # weak: not byte by byte
            "last_modified": response.headers.get("Last-Modified"),
        }
        self.drop()
        self.note.write_text(json.dumps(note), "utf-8")

    def _write(self, body: Iterator[bytes]) -> None:
        with (
            self.file.open("ab") as file,
            progress_bar(
                self.path.name, unit="B", total=self.known()["size"], done=file.tell()
            ) as bar,
        ):
            for chunk in body:
                file.write(chunk)
                file.flush()
                bar.update(len(chunk))
            os.fsync(file.fileno())

    def _require_all(self) -> None:
        there, whole = self.file.stat().st_size, self.known()["size"]
        if whole and there < whole:
            raise TransientError(f"{self.path.name} broke off after {there:,} of {whole:,} bytes")
        if whole and there > whole:
            raise DamagedError(f"comes with {there:,} bytes where {whole:,} are listed")


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Holds a lock, so that one process at a time downloads a file; the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    try:
        held = acquire_lock(lock, seconds=0)
    except Timeout:
        log.info("Another process is downloading %s: waiting for it", path.name)
        held = acquire_lock(lock)
    with held:
        yield


def _require_zip(response: Response, first: bytes) -> None:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_start = response.status_code == 200 and first
    if kind in ("text/html", "application/json") or (is_start and not first.startswith(b"PK")):
        raise DataError(
            f"{host(response.url)} sends {kind or 'something else'} where a ZIP file was due: "
            f"{STRANGER}"
        )


def transfer(part: Part, ask: Callable[[Mapping[str, str]], Response]) -> None:
    """Downloads what a part lacks; `ask` sends headers and returns the response.

    Raises:
        TransientError, DamagedError, DataError, OSError: as `Part.receive` or `ask` raises them.
    """
    kept = part.kept()
    if kept and kept == part.known()["size"]:
        return
    headers = part.wanted()
    with ask(headers) as response:
        if response.status_code == 200 or part.fits(response):
            return part.receive(response)
        if not headers:
            raise DataError(f"{host(response.url)} answers {response.status_code}; try again later")
    part.drop()
    transfer(part, ask)  # requests the whole file, so this happens once


def require_whole_zip(path: Path, name: str) -> None:
    """Checks a ZIP file by reading all of it.

    Raises:
        DamagedError: if it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            with progress_bar(f"Checking {name}", unit="B", total=total) as bar:
                for member in members:
                    with archive.open(member) as file:
                        while chunk := file.read(CHUNK):
                            bar.update(len(chunk))
    except UNPACKING_ERRORS as error:
        raise DamagedError(f"arrived damaged ({error})") from error
