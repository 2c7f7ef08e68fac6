"""Every mistake patentlm reports to its user, as one tree: each message is one line that says what
was wrong and what to do."""

import errno

FILE_MISTAKES = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG,
    errno.ENOTDIR, errno.EISDIR,
}  # fmt: skip
"""What the person at the keyboard can mend."""


class PatentLMError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""


class ConfigError(PatentLMError):
    """A setting has a value that cannot work."""


class DataError(PatentLMError):
    """Patents or a corpus that cannot be read or used."""


class CheckpointError(PatentLMError):
    """A checkpoint that cannot be read or does not fit."""


def mistake_in(error: BaseException | None) -> PatentLMError | None:
    """The mistake that an error comes from, if it is one of its causes."""
    while error is not None and not isinstance(error, PatentLMError):
        if isinstance(error, OSError) and error.errno in FILE_MISTAKES:
            return _of_file_system(error)
        error = error.__cause__
    return error


def _of_file_system(error: OSError) -> DataError:
    """What a file system reports: no space, no permission, no such place."""
    name = f"{error.filename}: " if error.filename else ""
    return DataError(f"{name}{error.strerror}; once that is mended, the same command goes on")
