"""Extracts texts from values, nested ones if it is clear which text is meant."""

import ast
import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from patentlm.errors import DataError

# What programs write for missing values, in upper or lower case.
MISSING = frozenset(
    {
        *("", "na", "n/a", "#n/a", "<na>", "n.a.", "null", "<null>", "(null)", "[null]", "\\n"),
        *("nan", "nat", "none", "<none>", "(none)", "nil", "undefined", "unavailable"),
        *("-", "--", "---", "–", "—", ".", "...", "…", "?", "not available", "no abstract"),
        *("no abstract available", "no abstract available.", "abstract not available"),
    }
)
_LONGEST_MISSING = 30  # including blanks around it

_TEXT_KEYS = ("text", "value", "content", "#text", "$", "$t", "_", "p", "paragraph", "paragraphs")
_LANGUAGE_KEYS = ("language", "lang", "@lang", "@xml:lang", "xml:lang", "locale", "language_code")
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)
_WRITTEN = re.compile(r"\s*[\[{]\s*[\[{\"'\]}]")
_LONGEST_WRITTEN = 10**5
_SURROGATES = re.compile("[\ud800-\udfff]")
_DEEPEST = 8  # levels of a nested value


class NotTextError(DataError):
    """A value is not a text."""


class _Said(NamedTuple):
    """One text of a nested value, and its language if known."""

    text: str
    language: str


def plain_text(value: object) -> str:
    """Returns the value of a column of short texts; `""` if it is missing or unclear.

    Example:
        >>> plain_text(5535303), plain_text({"language": ["en"], "text": ["Device"]})
        ('5535303', 'Device')
    """
    if isinstance(value, str):
        return known_text(value)
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float, datetime.date, datetime.time)) and value == value:
        return str(value)
    try:
        return abstract_text(value, "", None)
    except DataError:
        return ""


def known_text(text: str) -> str:
    """Returns the text with lone surrogates replaced; `""` if it stands for a missing value."""
    # Most short texts are numbers and dates, for which the first character is enough.
    is_short = len(text) <= _LONGEST_MISSING and not text[:1].isdecimal()
    if is_short and text.strip().casefold() in MISSING:
        return ""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def abstract_text(value: object, column: str, language: str | None) -> str:
    """Returns the text of an abstract.

    Args:
        value: the value in the file: a text, or texts nested in lists and mappings.
        column: name of the column, for the message.
        language: language to take if there are several.

    Raises:
        NotTextError: if the value is not a text.
        DataError: if it is unclear which text is meant.

    Example:
        >>> abstract_text([{"lang": "fr", "text": "Un"}, {"lang": "en", "text": "One"}], "a", "en")
        'One'
    """
    if isinstance(value, str):
        return known_text(value)
    said = [one for one in _texts(value, column, "", 0) if one.text]
    languages = {one.language for one in said}
    if language:
        matching = [one for one in said if _same_language(one.language, language)]
        said = matching or [one for one in said if not one.language]
    elif len(languages) > 1:
        named = ", ".join(sorted(filter(None, languages)))
        raise DataError(f"has texts in {column} in {named}: set data.language to one of them")
    return " ".join(one.text for one in said)


def read_written(value: object) -> object:
    """Reads a list or mapping that a program wrote as text, as JSON or as Python shows it.

    Any other value is returned as it is.

    Example:
        >>> read_written("[{'lang': 'en', 'text': 'One'}]"), read_written("[Problem] Two")
        ([{'lang': 'en', 'text': 'One'}], '[Problem] Two')
    """
    if not isinstance(value, str) or not _WRITTEN.match(value) or len(value) > _LONGEST_WRITTEN:
        return value
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            found = read(value.strip())
            return found if isinstance(found, (list, dict)) else value
    return value


def _same_language(code: str, wanted: str) -> bool:
    """True if two codes such as `en`, `eng` and `en-US` mean one language."""
    codes = sorted((code.casefold(), wanted.casefold()), key=len)
    return bool(code) and codes[1].startswith(codes[0])


def _texts(value: object, column: str, language: str, depth: int) -> Iterator[_Said]:
    match value:
        case None:
            return
        case float() if value != value:
            return
        case str():
            yield _Said(known_text(value), language)
        case bytes():
            yield _Said(known_text(value.decode("utf-8", "replace")), language)
        case Mapping() if depth < _DEEPEST:
            yield from _texts_of_mapping(value, column, language, depth + 1)
        case Sequence() if depth < _DEEPEST:
            for item in value:
                yield from _texts(item, column, language, depth + 1)
        case _:
            raise NotTextError(f"has {_shown(value)} in {column}, where a text is due")


def _texts_of_mapping(
    value: Mapping[str, object], column: str, language: str, depth: int
) -> Iterator[_Said]:
    filled = {key: some for key, some in value.items() if some not in (None, "", [], {})}
    spoken = next((filled.pop(key) for key in _LANGUAGE_KEYS if key in filled), language)
    found = [key for key in filled if key.casefold() in _TEXT_KEYS]
    if not found and all(map(_LANGUAGE.fullmatch, filled)):
        for key, some in filled.items():  # each under the code of its language
            yield from _texts(some, f"{column}.{key}", key, depth)
        return
    keys = found or [key for key in filled if _holds_text(filled[key])]
    if len(keys) > 1:
        fields = " or ".join(f"data.column={column}.{key}" for key in keys[:6])
        raise DataError(f"has several fields in {column}: set {fields}")
    for key in keys:
        yield from _paired(filled[key], spoken, f"{column}.{key}", depth)


def _paired(value: object, spoken: object, column: str, depth: int) -> Iterator[_Said]:
    """Yields the texts of a value with their language, given once or for each item."""
    if isinstance(spoken, list) and isinstance(value, list) and len(spoken) == len(value):
        for item, language in zip(value, spoken, strict=True):
            yield from _texts(item, column, str(language or ""), depth)
    else:
        told = spoken[0] if isinstance(spoken, list) and len(spoken) == 1 else spoken
        yield from _texts(value, column, told if isinstance(told, str) else "", depth)


def _holds_text(value: object) -> bool:
    return isinstance(value, (str, bytes, list, Mapping))


def _shown(value: object) -> str:
    return {bool: "a truth value", int: "a number", float: "a number"}.get(
        type(value), f"a value of type {type(value).__name__}"
    )


def follow(value: object, path: Sequence[str]) -> object:
    """Returns the value at a path inside a nested value; for a list, the values of its items.

    Example:
        >>> follow([{"text": "One"}, {"text": "Two"}], ["text"])
        ['One', 'Two']
    """
    if not path:
        return value
    if isinstance(value, list):
        return [follow(item, path) for item in value]
    if not isinstance(value, Mapping) or path[0] not in value:
        return None
    spoken = {key: value[key] for key in _LANGUAGE_KEYS if key in value and key != path[0]}
    if len(path) == 1 and spoken:  # the texts stay beside their languages
        return {path[0]: value[path[0]], **spoken}
    return follow(value[path[0]], path[1:])
