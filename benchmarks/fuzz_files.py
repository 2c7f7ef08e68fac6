"""Random files for `benchmarks.fuzz`: odd tables and records, packed, misnamed, damaged."""

import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet

Cell = str | int | float | None
_NAMES = ["id", "abstract", "title", "date", "claims", "text", "abstract_en", "patent_abstract"]
_ENDINGS = [".csv", ".tsv", ".jsonl", ".json", ".ndjson", ".parquet", ".txt", ".xlsx", ".xls", ""]
_ENCODINGS = ["utf-8", "utf-16", "cp1252", "utf-8-sig", "latin-1", "utf-32", "utf-16-le", "gb18030"]
_PIECES = [
    *(
        "A pump",
        " with",
        " a neural network",
        ",",
        ";",
        "\t",
        "|",
        '"',
        '""',
        "'",
        "\\",
        "\n",
        "\r",
    ),
    *("\r\n", " ", "\\N", "NA", "\x00", "\x85", "é", "漢字", "\u2028", "\ufeff", "😀", "\x1b[2J"),
    *("{", "}", "[", "]", ":", "abstract", "id", "1", "2001-01-01", "<b>", "&amp;", "=1+1", "e9"),
]
_MARKS = [b'"', b"\n", b"\r", b",", b"\t", b"\x00", b"\xff", b"\xff\xfe", b"{", b"[", b"\\", b"PK"]


def random_file(chance: random.Random) -> tuple[str, bytes]:
    """An ending and what a file with it holds, in most cases something that fits it.

    Args:
        chance: draws the file; equal states draw equal files.
    """
    ending, make = chance.choice(_KINDS)
    content = make(chance)
    if chance.random() < 0.3:
        content = damage(content, chance)
    if chance.random() < 0.1:
        ending = chance.choice(_ENDINGS)
    match chance.randrange(8):
        case 0:
            return f"{ending}.gz", _maybe_damaged(gzip.compress(content), chance)
        case 1:
            return ".zip", _maybe_damaged(_zipped(f"a{ending}", content, chance), chance)
    return ending, content


def random_options(chance: random.Random) -> dict[str, Any]:
    """Settings of `data=file`, most of them as they are by default."""
    odd: dict[str, list[Any]] = {
        "column": ["abstract", "abstract.text", "x", ".", "text"],
        "language": ["en", "fr"],
        "quoting": ["none", "minimal"],
        "encoding": ["cp1252", "utf-16", "latin-1", "utf-7", "gb18030"],
        "encoding_errors": ["replace"],
        "delimiter": ["tab", ";", "a"],
        "skip_lines": [0, 1, 3, 10**6],
    }
    return {name: chance.choice(values) for name, values in odd.items() if chance.random() < 0.12}


def damage(content: bytes, chance: random.Random) -> bytes:
    """The bytes with some changed, taken out, put in, repeated or cut off."""
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(6)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[at : at + chance.randrange(64)]
        elif kind == 2:
            changed[at:at] = chance.randbytes(chance.randrange(16))
        elif kind == 3:
            changed[at:at] = chance.choice(_MARKS)
        elif kind == 4:
            changed[at:at] = chance.choice(_MARKS) * chance.choice((100, 5000))
        elif chance.random() < 0.5:
            del changed[max(1, at) :]
    return bytes(changed)


def _maybe_damaged(content: bytes, chance: random.Random) -> bytes:
    return damage(content, chance) if chance.random() < 0.4 else content


def _zipped(name: str, content: bytes, chance: random.Random) -> bytes:
    packed = io.BytesIO()
    kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(packed, "w", chance.choice(kinds)) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(_PIECES, k=chance.randrange(12)))


def _cell(chance: random.Random) -> Cell:
    number = chance.choice([None, chance.randrange(10**9), 0.5, float("nan")])
    return number if chance.random() < 0.1 else _text(chance)


def _table(chance: random.Random) -> list[list[Cell]]:
    names: list[Cell] = [*chance.sample(_NAMES, chance.randrange(1, 5))]
    return [names, *([_cell(chance) for _ in names] for _ in range(chance.randrange(6)))]


def _delimited(chance: random.Random, marks: str = ",;\t|") -> bytes:
    written = io.StringIO(newline="")
    end, quoting = (
        chance.choice(["\n", "\r\n", "\r"]),
        chance.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    )
    writer = csv.writer(
        written, delimiter=chance.choice(marks), quoting=quoting, lineterminator=end
    )
    writer.writerows(_table(chance))
    return written.getvalue().encode(chance.choice(["utf-8", *_ENCODINGS]), "replace")


def _tabbed(chance: random.Random) -> bytes:
    return _delimited(chance, "\t")


def _value(chance: random.Random, depth: int = 0) -> Any:
    """A value of a record: a text, or something nested."""
    kind = chance.randrange(8)
    if kind == 0 and depth < 4:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if kind == 1 and depth < 4:
        names = chance.sample(["text", "lang", "en", "fr", "language", "x", "p"], 2)
        return {name: _value(chance, depth + 1) for name in names}
    return _cell(chance)


def _records(chance: random.Random) -> list[dict[str, Any]]:
    names = chance.sample(_NAMES, 3)
    return [{name: _value(chance) for name in names} for _ in range(chance.randrange(6))]


def _lines(chance: random.Random) -> bytes:
    return "\n".join(map(json.dumps, _records(chance))).encode()


def _document(chance: random.Random) -> bytes:
    records = _records(chance)
    content = chance.choice([records, {"patents": records, "count": 3}, {"a": {"b": records}}])
    if chance.random() < 0.05:
        return b"[" * chance.randrange(3000) + json.dumps(content).encode()
    return json.dumps(content, indent=chance.choice([None, 2])).encode()


def _parquet(chance: random.Random) -> bytes:
    names, *rows = _table(chance)
    columns = {
        str(name): [None if (cell := row[at]) is None else str(cell) for row in rows]
        for at, name in enumerate(names)
    }
    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), written)
    return written.getvalue()


def _workbook(chance: random.Random) -> bytes:
    book = openpyxl.Workbook()
    for row in _table(chance):
        book.active.append([openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", str(c)) for c in row])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(80))


_KINDS: list[tuple[str, Callable[[random.Random], bytes]]] = [
    *[(".csv", _delimited), (".tsv", _tabbed), (".txt", _delimited), (".json", _document)] * 2,
    *[(".jsonl", _lines), (".ndjson", _lines), (".parquet", _parquet)] * 2,
    *[(".csv", _bytes), (".xlsx", _workbook)],
]
