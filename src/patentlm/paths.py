"""Paths as people give them."""

from pathlib import Path

from patentlm.errors import ConfigError


def expanded(path: str | Path) -> Path:
    """A path with `~` resolved, which may lead somewhere or nowhere.

    Raises:
        ConfigError: if it can't be a path here: no such user, too long, or it holds a NUL.
    """
    try:
        place = Path(path).expanduser()
        place.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return place
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: can't be used as a path ({reason})") from error
    return place


def members(path: str | Path) -> list[str]:
    """Returns the paths of the models that a path such as `A+B` names.

    >>> members("first + second")
    ['first', 'second']
    """
    if expanded(path).exists():
        return [str(path)]
    return [part.strip() for part in str(path).split("+")]
