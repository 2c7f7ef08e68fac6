"""The folder for downloads and prepared corpora."""

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from patentlm.errors import DataError
from patentlm.paths import expanded

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system answers that knows no locks, such as a share mounted with `nolock`."""


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


def acquire_lock(path: Path, *, seconds: float = -1) -> AbstractContextManager[object]:
    """Acquires the right to make a part of the cache, which one process has at a time.

    Args:
        path: the lock file, beside what is made.
        seconds: to wait for another process at most; -1 waits as long as it takes.

    Returns:
        The lock, which `with` releases.

    Raises:
        DataError: if the file system knows no locks.
        Timeout: if another process still holds it.
    """
    try:
        return FileLock(path).acquire(timeout=seconds)
    except Timeout:
        raise
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        raise DataError(
            f"{path.parent} lies on a file system without locks ({error}), where two runs could "
            "write at once; set PATENTLM_CACHE to a folder on another one"
        ) from error
