"""The folder that a run writes to, and what stands in it."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import OmegaConf

from patentlm.errors import ConfigError

RECORD, METRICS, ERROR = "run.json", "metrics.json", "error.txt"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; one that holds `metrics.json`, which is written last, is complete."""

    path: Path

    @cached_property
    def metrics(self) -> dict[str, Any] | None:
        """What the run came to; None while it is not complete."""
        return _read_json(self.path / METRICS)

    @cached_property
    def record(self) -> dict[str, Any] | None:
        """What the run is made of; None before its training began."""
        return _read_json(self.path / RECORD)

    @property
    def overrides(self) -> list[str]:
        """What the run was asked for, as `name=value`."""
        if self.record is not None:
            return list(self.record["overrides"])
        asked = self.path / ".hydra" / "overrides.yaml"
        return list(OmegaConf.load(asked)) if asked.is_file() else []

    @property
    def error(self) -> str | None:
        """Why the run failed, if it did."""
        path = self.path / ERROR
        return path.read_text("utf-8").strip() if path.is_file() else None

    @property
    def last_checkpoint(self) -> Path | None:
        """Where a run that was interrupted goes on from."""
        path = self.path / "checkpoints" / "last.ckpt"
        return path if path.is_file() else None

    def check_same(self, overrides: list[str]) -> None:
        """That a run which began here, if any, was asked for the same.

        Raises:
            ConfigError: if it was another.
        """
        if self.record is not None and sorted(self.overrides) != sorted(overrides):
            raise ConfigError(
                f"{os.path.relpath(self.path)} holds a run with other settings "
                f"({' '.join(self.overrides) or 'the defaults'}); choose another folder"
            )

    def store(self, name: str, text: str) -> None:
        """Writes a file whole or not at all, whoever else writes it too."""
        part = self.path / f"{name}.{uuid4()}"
        part.write_text(text, "utf-8")
        part.replace(self.path / name)

    def store_json(self, name: str, content: dict[str, Any]) -> None:
        """Writes a JSON file whole or not at all."""
        self.store(name, json.dumps(content, indent=2) + "\n")


def _read_json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text("utf-8")) if path.is_file() else None
