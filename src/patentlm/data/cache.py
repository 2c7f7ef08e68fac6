"""The folder for downloads and prepared corpora."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from patentlm.errors import DataError
from patentlm.paths import expanded


def cache_folder() -> Path:
    """Returns `PATENTLM_CACHE`, or else the user's cache folder."""
    chosen = os.environ.get("PATENTLM_CACHE")
    return expanded(chosen) if chosen else user_cache_path("patentlm")


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Reports an `OSError` as one line with what to do if the cache can't be written.

    Args:
        path: the file or folder in the cache that is written.

    Raises:
        DataError: if the disk is full, say, or the folder is read-only.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path} can't be written ({error.strerror or error}): "
            "free disk space there, or set PATENTLM_CACHE to another folder"
        ) from error
