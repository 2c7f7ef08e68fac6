"""Where downloads and prepared corpora are kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from patentlm.errors import DataError


def cache_folder() -> Path:
    """`PATENTLM_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("PATENTLM_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("patentlm")


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turns an `OSError` into one line on what to do where the cache can't be written.

    Args:
        path: what is written, in the cache.

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
