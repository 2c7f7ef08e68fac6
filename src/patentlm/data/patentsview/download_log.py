"""Logs downloads, since the portal has a yearly quota."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class DownloadLog:
    """A file with one JSON line for each request; lines are only appended."""

    path: Path

    def enter(self, file: str, release: str, answer: int | None) -> None:
        """Appends a request; `answer` is the HTTP status, None if there was no response."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = {"time": time, "file": file, "release": release, "answer": answer}
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def counted(self, file: str) -> int:
        """Returns how many requests for a file were granted in the last 365 days."""
        start = (datetime.now(UTC) - _YEAR).isoformat(timespec="seconds")
        recent = [line for line in self._lines() if line["file"] == file and line["time"] > start]
        return sum(line["answer"] is not None and line["answer"] < 400 for line in recent)

    def _lines(self) -> Iterator[dict[str, Any]]:
        with suppress(FileNotFoundError):
            for line in self.path.read_text("utf-8").splitlines():
                with suppress(ValueError):  # a line truncated by a full disk
                    yield json.loads(line)
