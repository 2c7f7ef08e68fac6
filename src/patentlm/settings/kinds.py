"""Types and ranges of settings, each with a description for people."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Kind:
    """A type with a range.

    Args:
        allowed: description of the allowed values: "a whole number of at least 1".
        fits: True for a plain value that is allowed.
    """

    allowed: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Part:
    """A setting whose `_target_` names a class, and whose other keys are its arguments.

    Args:
        targets: arguments of each class, by the class's dotted name.
        is_open: allow other classes too, which check their arguments themselves.
    """

    targets: Mapping[str, Mapping[str, "Schema"]]
    is_open: bool = False


@dataclass(frozen=True)
class Named:
    """Any number of parts with names chosen by the user; null removes one."""

    part: Part


class Table(dict[str, Any]):
    """Settings by name that can't be null; a plain mapping can, as a group that is left out."""


Schema = Kind | Part | Named | Mapping[str, Any]
"""What is allowed for a name: a value, a part, named parts, or a table of further settings."""


def whole(low: int | None = None, high: int | None = None) -> Kind:
    """A whole number between inclusive bounds.

    >>> whole(1).allowed
    'a whole number of at least 1'
    >>> whole(1).fits(True), whole(1).fits(1), whole(1).fits(1.5)
    (False, True, False)
    """

    def fits(value: Any) -> bool:
        return _is_number(value, int) and _within(value, low, high)

    return Kind(f"a whole number{_range(low, high)}", fits)


def number(
    low: float | None = None, high: float | None = None, *, above: bool = False, below: bool = False
) -> Kind:
    """A finite number between bounds.

    Args:
        low: lower bound; None for none.
        high: upper bound; None for none.
        above: exclude the lower bound.
        below: exclude the upper bound.

    Example:
        >>> number(0, 1, below=True).fits(0), number(0, 1, below=True).fits(1.0)
        (True, False)
    """

    def fits(value: Any) -> bool:
        if not _is_number(value, int | float) or not _within(value, low, high):
            return False
        return not (above and value == low) and not (below and value == high)

    return Kind(f"a number{_range(low, high, above=above, below=below)}", fits)


def one_of(*values: str | int) -> Kind:
    """One of several values.

    Example:
        >>> one_of("min", "max").allowed
        'one of min, max'
    """

    def fits(value: Any) -> bool:
        return any(value == some and type(value) is type(some) for some in values)

    listed = ", ".join(map(str, values))
    return Kind(f"one of {listed}" if len(values) > 1 else listed, fits)


def either(*kinds: Kind) -> Kind:
    """A value that fits one of several kinds."""
    allowed = " or ".join(kind.allowed for kind in kinds)
    return Kind(allowed, lambda value: any(kind.fits(value) for kind in kinds))


def nullable(kind: Kind) -> Kind:
    """A value of a kind, or null."""
    return Kind(f"null or {kind.allowed}", lambda value: value is None or kind.fits(value))


def list_of(kind: Kind, length: int | None = None) -> Kind:
    """A list whose items all fit a kind."""

    def fits(value: Any) -> bool:
        return (
            isinstance(value, list | tuple)
            and length in (None, len(value))
            and all(map(kind.fits, value))
        )

    size = "" if length is None else f"{length} times "
    return Kind(f"a list of {size}{kind.allowed}", fits)


def text(pattern: str = r"(?s).+", allowed: str = "text that is not empty") -> Kind:
    """Text that fully matches a pattern."""

    def fits(value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(pattern, value) is not None

    return Kind(allowed, fits)


def _is_text(value: Any) -> bool:
    """True for text that can be written: a lone surrogate is no character."""
    return isinstance(value, str) and re.search("[\ud800-\udfff]", value) is None


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_encoding(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance("a".encode(value), bytes)
    except (LookupError, ValueError):  # not known, not of text, or not a name at all
        return False


def _is_url(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) and value.isprintable() else None
        return bool(
            parts
            and parts.scheme in ("http", "https")
            and parts.hostname
            and not (parts.username or parts.password or parts.query or parts.fragment)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False


FLAG = Kind("true or false", lambda value: isinstance(value, bool))
ANY_TEXT = Kind("text", _is_text)
TEXT = text()
ANYTHING = Kind("anything", lambda value: True)
DATE = Kind("a date as YYYY-MM-DD", _is_date)
ENCODING = Kind("an encoding that Python knows, such as utf-8 or latin-1", _is_encoding)
URL = Kind("an http or https address without user, password, query or fragment", _is_url)


def _is_number(value: Any, types: Any) -> bool:
    if not isinstance(value, types) or isinstance(value, bool):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _range(
    low: float | None, high: float | None, *, above: bool = False, below: bool = False
) -> str:
    if low is not None and high is not None and not (above or below):
        return f" from {low:,} to {high:,}" if high < 10**6 else f" from {low} to {high}"
    lower = "" if low is None else f" above {low}" if above else f" of at least {low}"
    upper = "" if high is None else f" below {high}" if below else f" at most {high}"
    return lower + ("," if lower and upper else "") + upper
