"""Writes files completely or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patentlm.errors import ConfigError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a temporary path that replaces the target once it is complete.

    Args:
        target: the file to write; its folder is made if necessary.

    Raises:
        ConfigError: if it can't be written.
    """
    _require_room(target)
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # a link or a pipe would lead elsewhere
        part.touch()
        mode = part.stat().st_mode  # some libraries make files that only their owner may read
        yield part
        part.chmod(mode)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise ConfigError(f"{target}: can't be written ({error.strerror}); give path=…") from error
    finally:
        if part.exists():
            part.unlink()


def _require_room(target: Path) -> None:
    """Refuses to replace anything but a file: a folder, a device, a pipe."""
    if not target.name or (os.path.lexists(target) and not target.is_file()):
        raise ConfigError(f"{target}: is there and is not a file; give another path=…")


def write_text(target: Path, text: str) -> None:
    """Writes a text file completely or not at all; see `replacing`."""
    with replacing(target) as part:
        part.write_text(text, "utf-8")


def write_json(target: Path, content: Any) -> None:
    """Writes a JSON file completely or not at all; see `replacing`."""
    write_text(target, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
