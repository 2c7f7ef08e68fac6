"""Finds the columns of a table by setting, or by the names that exporters use."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from patentlm.data.files.notes import Notes
from patentlm.errors import DataError

# For each field of a Patent, in their order, the usual names of its column, best first.
USUAL: Mapping[str, tuple[str, ...]] = {
    "abstract": (
        "patent_abstract",
        "abstract",
        "abstract_text",
        "appln_abstract",
        "abstract_localized",
        "text",
        "summary",
    ),
    "id": ("patent_id", "patent_number", "publication_number", "id", "number", "appln_id"),
    "date": ("patent_date", "date", "grant_date", "publication_date"),
    "title": ("patent_title", "title", "invention_title", "appln_title", "title_localized"),
}
_USUAL_NAMES = {name for names in USUAL.values() for name in names}
_ABOUT_ABSTRACTS = {  # suffixes of columns about an abstract, such as its language
    *("lg", "lang", "language", "id", "length", "len", "count", "words", "url", "link", "date"),
    *("number", "source", "type", "available", "flag"),
}
_NAMES_SHOWN, _NAME_SHOWN = 20, 40


class Columns(NamedTuple):
    """The columns of a record's fields.

    Args:
        names: column of each field of `Patent`, in their order; None if there is none.
        path: keys to follow inside a nested abstract.
        shown: the abstract's column as a user would write it.
    """

    names: Mapping[str, str | None]
    path: tuple[str, ...]
    shown: str


def plain_name(name: str) -> str:
    """Returns a column's name in the form in which names are compared.

    Example:
        >>> plain_name(" Publication Date ")
        'publication_date'
    """
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def is_known(name: str, column: str | None) -> bool:
    """True if a name is a usual one for a column of patents, or the one asked for."""
    return plain_name(name) in _USUAL_NAMES or is_abstract(name, column)


def is_abstract(name: str, column: str | None) -> bool:
    """True if a name is that of the column of abstracts."""
    if column:
        return name == column or plain_name(name) in (plain_name(column), plain_name(_head(column)))
    words = plain_name(name).split("_")
    return "abstract" in words and words[-1] not in _ABOUT_ABSTRACTS


def find_columns(
    names: Sequence[str], column: str | None, language: str | None, notes: Notes
) -> Columns:
    """Finds the columns of the fields by their names.

    Args:
        names: names of all columns.
        column: column of the abstracts; None finds it by its name.
        language: language of the abstracts, which may be part of their column's name.
        notes: collects a warning if an unusual column is taken.

    Returns:
        The columns.

    Raises:
        DataError: if no column has abstracts, or several could.
    """
    found = {field: _first(names, usual) for field, usual in USUAL.items() if field != "abstract"}
    if column:
        name, path = _asked_for(names, column)
    else:
        name, path = _guessed(names, language), ()
    if names.count(name) > 1:
        raise DataError(f"has {names.count(name)} columns named {name}: leave or rename one")
    if plain_name(name) not in USUAL["abstract"]:
        notes.warn(f"abstracts are taken from the column {name!r}, which is not a usual name")
    return Columns({"abstract": name, **found}, path, ".".join((name, *path)))


def _first(names: Sequence[str], usual: Iterable[str]) -> str | None:
    plain = {plain_name(name): name for name in reversed(names)}
    return next((plain[name] for name in usual if name in plain), None)


def _asked_for(names: Sequence[str], column: str) -> tuple[str, tuple[str, ...]]:
    plain = {plain_name(name): name for name in reversed(names)}
    parts = column.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if name := head if head in names else plain.get(plain_name(head)):
            return name, tuple(parts[length:])
    raise DataError(f"has no column {column}: set data.column=NAME to one of {listed(names)}")


def _guessed(names: Sequence[str], language: str | None) -> str:
    if language and (own := _first(names, [f"abstract_{language}", f"{language}_abstract"])):
        return own
    if usual := _first(names, USUAL["abstract"][:5]):
        return usual
    likely = list(dict.fromkeys(name for name in names if is_abstract(name, None)))
    if len(likely) > 1:
        raise DataError(f"has several columns of abstracts: set data.column to {listed(likely)}")
    if found := likely[0] if likely else _first(names, USUAL["abstract"]):
        return found
    raise DataError(
        "has no column with a usual name for abstracts: "
        f"set data.column=NAME to one of {listed(names)}"
    )


def listed(names: Sequence[str]) -> str:
    """Lists names for a message, only some if there are many."""
    shown = [name[:_NAME_SHOWN] for name in names]
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(shown[:_NAMES_SHOWN]) + more


def _head(column: str) -> str:
    return column.split(".")[0]
