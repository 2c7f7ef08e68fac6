"""The errors that patentlm reports to its user.

They form one tree below `PatentLMError`. Each message is one line that says what was wrong and what
to do.
"""

import errno

FILE_MISTAKES = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG,
    errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EIO, errno.EFBIG,
    errno.ENXIO,
}  # fmt: skip
"""Errors of the file system that the user can fix."""


class PatentLMError(Exception):
    """Base class of all errors that are meant for the user."""


class ConfigError(PatentLMError):
    """A setting has a value that does not work."""


class DataError(PatentLMError):
    """Patents or a corpus cannot be read or used."""


class CheckpointError(PatentLMError):
    """A checkpoint cannot be read or does not fit."""


def mistake_in(error: BaseException | None) -> PatentLMError | None:
    """Returns the user's mistake among an error and its causes; None if there is none."""
    while error is not None and not isinstance(error, PatentLMError):
        if isinstance(error, OSError) and error.errno in FILE_MISTAKES:
            return _of_file_system(error)
        error = error.__cause__
    return error


def _of_file_system(error: OSError) -> DataError:
    """Returns the error for a problem of the file system: no space, no permission, no such path."""
    name = f"{error.filename}: " if error.filename else ""
    return DataError(f"{name}{error.strerror}; once that is mended, the same command goes on")
