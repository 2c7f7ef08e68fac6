"""The table files that patents come in, read row by row."""

import codecs
import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import IO, NamedTuple

import pyarrow
import pyarrow.parquet

from patentlm.data.records import Patent
from patentlm.errors import DataError

# For each field of a Patent, in their order, the usual names of its column, best first.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "abstract": ("patent_abstract", "abstract", "abstract_text", "text", "summary"),
    "id": ("patent_id", "patent_number", "publication_number", "id", "number"),
    "date": ("patent_date", "date", "grant_date", "publication_date"),
    "title": ("patent_title", "title", "invention_title"),
}
_LARGEST_FIELD = 2**31 - 1  # the most that the csv module takes on every platform
_RECORDS_TO_NAME_COLUMNS = 100
_ROWS_PER_BATCH = 1024
_DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, pyarrow.ArrowException)


class _Table(NamedTuple):
    names: Sequence[str]
    rows: Callable[[Sequence[str]], Iterator[Sequence[object]]]  # their values of the names given


def read_patents(path: Path, *, column: str | None, encoding: str) -> Iterator[Patent]:
    """Yields the patent of every row of a table, in file order, also where the abstract is empty.

    Args:
        path: a .csv, .tsv, .jsonl, .ndjson or .parquet file, plain, inside .gz, or alone in a .zip.
        column: name of the column that holds the abstracts; None picks the first usual name.
        encoding: of the text formats; a byte order mark is skipped where it is UTF-8.

    Raises:
        DataError: the file cannot be used; raised while iterating, with what to do about it.
    """
    try:
        with _open_table(path) as (file, suffix):
            yield from _patents(_read(file, suffix, encoding), column)
    except (DataError, UnicodeError, *_DAMAGE) as error:
        raise DataError(f"{path} {_explanation(error)}") from error


def _explanation(error: Exception) -> str:
    match error:
        case DataError():
            return str(error)
        case OSError(strerror=str(reason)):  # absent, a folder, protected; not damage inside it
            return f"cannot be read ({reason}): set data.path to a patents file"
        case UnicodeError():
            return "is in another encoding: name it, for example data.encoding=latin-1"
    return f"is damaged or incomplete ({error}): fetch or export it again"


@contextmanager
def _open_table(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    match path.suffix.lower():
        case ".gz":
            with gzip.open(path) as unzipped, io.BufferedReader(unzipped) as file:
                yield file, PurePath(path.stem).suffix.lower()
        case ".zip":
            with zipfile.ZipFile(path) as archive, _open_only_table(archive) as file:
                yield file, PurePath(file.name).suffix.lower()
        case suffix:
            with path.open("rb") as file:
                yield file, suffix


def _read(file: IO[bytes], suffix: str, encoding: str) -> _Table:
    if suffix not in _READERS:
        known = " ".join(_READERS)
        raise DataError(f"is of no known kind: name it {known}, perhaps with .gz or .zip behind")
    return _READERS[suffix](file, encoding)


def _open_only_table(archive: zipfile.ZipFile) -> IO[bytes]:
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    tables = [name for name in names if PurePath(name).suffix.lower() in _READERS]
    if len(tables) != 1:
        inside = f"{len(tables)} tables among {', '.join(names)}" if names else "nothing"
        raise DataError(f"holds {inside}: leave exactly one table in it")
    try:
        return archive.open(tables[0])
    except RuntimeError as error:  # a password is needed, or the compression is unknown
        raise DataError(f"cannot be unpacked ({error}): unpack it and set data.path") from error


def _patents(table: _Table, column: str | None) -> Iterator[Patent]:
    columns = _find_columns(table.names, column) if table.names else {}
    places = [list(columns).index(field) if field in columns else -1 for field in COLUMNS]
    row = None
    for row in table.rows(list(columns.values())):
        texts = [*map(_as_text, row), ""]
        yield Patent(*[texts[place] for place in places])
    if row is None:
        raise DataError("is empty: it needs named columns and one patent in each row")


def _find_columns(names: Sequence[str], column: str | None) -> dict[str, str]:
    wanted = {**COLUMNS, "abstract": (column,)} if column else COLUMNS
    known = {name.strip().casefold(): name for name in names} | {name: name for name in names}
    columns = {}
    for field, usual in wanted.items():
        spellings = (spelling for name in usual for spelling in (name, name.casefold()))
        if found := [known[spelling] for spelling in spellings if spelling in known]:
            columns[field] = found[0]
    if "abstract" not in columns:
        missing = f"column {column}" if column else "column with a usual name for abstracts"
        raise DataError(f"has no {missing}: set data.column=NAME to one of {', '.join(names)}")
    return columns


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def _decode(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    try:
        name = codecs.lookup(encoding).name
        # newline="" leaves line breaks inside quoted fields as they are
        return io.TextIOWrapper(file, "utf-8-sig" if name == "utf-8" else name, newline="")
    except LookupError as error:
        raise DataError(f"cannot be decoded: data.encoding={encoding} is no encoding") from error


def _read_delimited(file: IO[bytes], encoding: str, *, delimiter: str) -> _Table:
    csv.field_size_limit(_LARGEST_FIELD)
    records = _records(file, encoding, delimiter)
    names = next(records, [])

    def rows(wanted: Sequence[str]) -> Iterator[Sequence[object]]:
        places = [names.index(name) for name in wanted]
        for record in records:
            record += [""] * (len(names) - len(record))
            yield [record[place] for place in places]

    return _Table(names, rows)


def _records(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[list[str]]:
    start = 1
    try:
        with _decode(file, encoding) as lines:
            # strict, because otherwise a quote that is never closed swallows the rest of the file
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            for record in reader:
                start = reader.line_num + 1
                if record:
                    yield record
    except csv.Error as error:
        raise DataError(f"has wrong quotes from line {start} on ({error}): mend them") from error


def _read_json_lines(file: IO[bytes], encoding: str) -> _Table:
    rows = _objects(file, encoding)
    # records may leave out what they have no value for, so the first alone names too little
    head = list(islice(rows, _RECORDS_TO_NAME_COLUMNS))
    names = dict.fromkeys(name for row in head for name in row)
    return _Table(
        list(names),
        lambda wanted: ([row.get(name) for name in wanted] for row in chain(head, rows)),
    )


def _objects(file: IO[bytes], encoding: str) -> Iterator[Mapping[str, object]]:
    with _decode(file, encoding) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.isspace():
                yield _object(line, number)


def _object(line: str, number: int) -> Mapping[str, object]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"is not JSON in line {number} ({error}): mend it") from error
    if not isinstance(value, dict):
        raise DataError(f"has no JSON object in line {number}: write one on each line")
    return value


def _read_parquet(file: IO[bytes], encoding: str) -> _Table:
    table = pyarrow.parquet.ParquetFile(file)
    return _Table(
        table.schema_arrow.names,
        lambda names: chain.from_iterable(
            zip(*(batch.column(name).to_pylist() for name in names), strict=True)
            for batch in table.iter_batches(_ROWS_PER_BATCH, columns=names)
        ),
    )


_READERS: Mapping[str, Callable[[IO[bytes], str], _Table]] = {
    ".csv": partial(_read_delimited, delimiter=","),
    ".tsv": partial(_read_delimited, delimiter="\t"),
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
