"""The folder of a run and its files."""

import json
import logging
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import OmegaConf

from patentlm.errors import ConfigError

log = logging.getLogger(__name__)

RECORD, METRICS, ERROR = "run.json", "metrics.json", "error.txt"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; the run is complete if it has `metrics.json`, which is written last."""

    path: Path

    @cached_property
    def metrics(self) -> dict[str, Any] | None:
        """Metrics of the run; None until it is complete."""
        return _read_json(self.path / METRICS, "valid/perplexity")

    @cached_property
    def record(self) -> dict[str, Any] | None:
        """Settings and versions of the run; None before training began."""
        return _read_json(self.path / RECORD, "overrides")

    @property
    def overrides(self) -> list[str]:
        """Overrides of the run, as `name=value`."""
        if self.record is not None:
            return list(self.record["overrides"])
        asked = self.path / ".hydra" / "overrides.yaml"
        return list(OmegaConf.load(asked)) if asked.is_file() else []

    @property
    def error(self) -> str | None:
        """Why the run failed, if it did."""
        path = self.path / ERROR
        return path.read_text("utf-8").strip() if path.is_file() else None

    def check_same(self, overrides: list[str]) -> None:
        """Checks that an earlier run in this folder, if any, had the same overrides.

        Raises:
            ConfigError: if it had others.
        """
        if self.record is not None and sorted(self.overrides) != sorted(overrides):
            raise ConfigError(
                f"{os.path.relpath(self.path)} holds a run with other settings "
                f"({' '.join(self.overrides) or 'the defaults'}); choose another folder"
            )

    def store(self, name: str, text: str) -> None:
        """Writes a file completely or not at all, also if several processes do."""
        part = self.path / f"{name}.{uuid4().hex}.{os.getpid()}.part"
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / name)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def sweep(self) -> None:
        """Removes what processes left that were killed while they wrote a file here."""
        for part in self.path.glob("*.*.part"):
            number = part.stem.rpartition(".")[2]
            if number.isdecimal() and not _runs(int(number)):
                part.unlink(missing_ok=True)

    def store_json(self, name: str, content: dict[str, Any]) -> None:
        """Writes a JSON file completely or not at all; NaN and infinities become null."""
        self.store(name, json.dumps(_strict(content), indent=2, allow_nan=False) + "\n")


def _runs(process: int) -> bool:
    """True if a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except PermissionError:  # it is another user's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _read_json(path: Path, needed: str) -> dict[str, Any] | None:
    """Reads a JSON file; None if it is missing, truncated, or lacks a key."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text("utf-8")) if path.is_file() else None
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and needed in content:
        return content
    log.warning("%s is damaged, and made again", os.path.relpath(path))
    return None


def _strict(content: dict[str, Any]) -> dict[str, Any]:
    """Replaces nan and infinities, which JSON does not have, by None."""
    strange = (isinstance(value, float) and not math.isfinite(value) for value in content.values())
    pairs = zip(content.items(), strange, strict=True)
    return {name: None if odd else value for (name, value), odd in pairs}
