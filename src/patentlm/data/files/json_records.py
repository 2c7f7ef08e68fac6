"""Reads records in JSON: one object a line, an array of objects, or an object with an array."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from patentlm.data.files.columns import is_abstract, listed
from patentlm.data.files.encodings import read_lines
from patentlm.data.files.limits import MAX_DOCUMENT, require_record
from patentlm.data.files.notes import Notes
from patentlm.errors import DataError

_BLANK = " \t\r\n\ufeff"
_BLANKS = re.compile(f"[{_BLANK},]*")
_LINES_LOOKED_AT = 5
_NOT_JSON = (ValueError, RecursionError)  # the latter for too deep nesting
_AGAIN = "fetch or export it again"

Record = Mapping[Any, object]


def read_objects(text: Iterator[str], column: str | None, notes: Notes) -> Iterator[Record]:
    """Yields the records of a JSON text.

    Args:
        text: the text in blocks.
        column: column of the abstracts, if set.
        notes: collects damaged lines.

    Raises:
        DataError: if it is not JSON, or has no records.
    """
    first = next((block for block in text if block.strip(_BLANK)), "")
    text = chain([first], text)
    if first.lstrip(_BLANK).startswith("["):
        return _elements(text)
    end = "\n" if "\n" in first or "\r" not in first else "\r"
    lines = read_lines(text, end)
    head = list(islice(lines, _LINES_LOOKED_AT))
    if len(head) > 1 and not any(map(_is_object, head)):
        return _document(chain(head, lines), column)
    return _objects(chain(head, lines), column, notes)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line.strip(_BLANK)), dict)
    except _NOT_JSON:
        return False


def _objects(lines: Iterator[str], column: str | None, notes: Notes) -> Iterator[Record]:
    """Yields the object of each line; a single line may hold all records in a list."""
    count = 0
    for number, line in enumerate(lines, start=1):
        if not (line := line.strip(_BLANK)):
            continue
        try:
            value = json.loads(line)
        except _NOT_JSON as error:
            notes.damaged(f"is not JSON in line {number} ({_reason(error)})")
            continue
        count += 1
        if not isinstance(value, dict):
            notes.damaged(f"has no JSON object in line {number}: write one on each line")
        elif count == 1 and any(map(_are_records, value.values())):
            yield from _unwrapped([value], column)
        else:
            yield value


def _elements(text: Iterator[str]) -> Iterator[Record]:
    """Yields the objects of an array, with few of them in memory at a time."""
    decoder, number = json.JSONDecoder(), 0
    rest = next(text).lstrip(_BLANK).removeprefix("[")
    while True:
        rest = rest[_skipped(rest, 0) :]
        if rest.startswith("]"):
            return
        if rest:
            number += 1
            value, rest = _decode(decoder, rest, text, number)
            if not isinstance(value, dict):
                raise DataError(f"has no JSON object at place {number:,} of its array: write one")
            yield value
        elif not (rest := next(text, "")):
            raise DataError(f"is cut short behind record {number:,} of its JSON array: {_AGAIN}")


def _decode(
    decoder: json.JSONDecoder, rest: str, text: Iterator[str], number: int
) -> tuple[object, str]:
    """Decodes the first value of `rest`, reading on if it is cut; returns it and the rest."""
    while True:
        try:
            value, end = decoder.raw_decode(rest)
            return value, rest[end:]
        except _NOT_JSON as error:
            require_record(len(rest), f"at place {number:,} of its array")
            more = "" if isinstance(error, RecursionError) else _at_least(text, len(rest))
            if not more:
                why = f"is not JSON in record {number:,} ({_reason(error)}): {_AGAIN}"
                raise DataError(why) from error
            rest += more


def _at_least(text: Iterator[str], length: int) -> str:
    """Reads further blocks: twice as many each time, so that parsing takes linear time."""
    found: list[str] = []
    while sum(map(len, found)) < length and (block := next(text, "")):
        found.append(block)
    return "".join(found)


def _document(lines: Iterator[str], column: str | None) -> Iterator[Record]:
    """Yields the records of objects on several lines each, or of one object with a list of them."""
    pieces, length = [], 0
    for line in lines:
        pieces.append(line)
        if (length := length + len(line)) > MAX_DOCUMENT:
            raise DataError(
                f"holds JSON of more than {MAX_DOCUMENT:,} characters that is neither an array nor "
                "an object on each line: write it as one of these"
            )
    text, decoder, records = "".join(pieces), json.JSONDecoder(), []
    at = _skipped(text, 0)
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            records.append(value)
            at = _skipped(text, end)
    except _NOT_JSON as error:
        raise DataError(f"is not JSON ({_reason(error)}): {_AGAIN}") from error
    yield from _unwrapped(records, column)


def _unwrapped(records: Sequence[object], column: str | None) -> Sequence[Record]:
    """Returns the records, or those in the list of the only one."""
    objects = [record for record in records if isinstance(record, dict)]
    if len(objects) != 1 or any(is_abstract(name, column) for name in objects[0]):
        return objects
    lists = [value for value in objects[0].values() if _are_records(value)]
    if len(lists) > 1:
        named = listed(list(objects[0]))
        raise DataError(f"is one JSON object with {named}: write its records as an array")
    return lists[0] if lists else objects


def _are_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(some, dict) for some in value)


def _skipped(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).splitlines()[0][:100]


def names_of(records: Iterator[Record], column: str | None) -> list[str]:
    """Returns the keys of records, up to the record that has the abstract.

    Exporters leave out keys without a value, so all records are searched if need be.

    Example:
        >>> names_of(iter([{"id": "1"}, {"id": "2", "abstract": "A pump."}]), None)
        ['id', 'abstract']
    """
    names: dict[str, None] = {}
    for record in records:
        if new := record.keys() - names.keys():
            names |= dict.fromkeys(name for name in record if name in new)
            if any(is_abstract(name, column) for name in new):
                break
    return list(names)
