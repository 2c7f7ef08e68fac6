"""Filters the zipped tables in one pass, and writes the patents that match as Parquet."""

import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from patentlm import __version__
from patentlm.data.cache import writing_to
from patentlm.data.files.values import MISSING
from patentlm.data.patentsview.tables import Grants, ZippedTable
from patentlm.data.query import Query
from patentlm.data.records import Patent
from patentlm.errors import ConfigError

_COLUMNS = ("patent_id", "patent_date", "patent_title", "patent_abstract")
_SCHEMA = pyarrow.schema([(name, pyarrow.string()) for name in _COLUMNS])
_ROWS_PER_GROUP = 2**14
_ROWS_PER_BATCH = 1024
_EVERYTHING = Query.parse(None)
_MISSING = pyarrow.array(sorted(MISSING))
_LONGEST_MISSING = max(map(len, MISSING))
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True)
class PatentFilter:
    """Which patents are kept, and what of them.

    Args:
        query: phrases in their abstracts.
        granted_from: first date of grant, YYYY-MM-DD; None for no bound.
        granted_to: last date of grant.
        titles: look up titles.

    Raises:
        ConfigError: if a date is malformed, or the first is after the last.
    """

    query: Query
    granted_from: str | None
    granted_to: str | None
    titles: bool

    def __post_init__(self) -> None:
        _require_date("granted_from", self.granted_from)
        _require_date("granted_to", self.granted_to)
        if self.granted_from and self.granted_to and self.granted_from > self.granted_to:
            raise ConfigError(
                f"data.granted_from={self.granted_from} lies behind "
                f"data.granted_to={self.granted_to}: swap them"
            )

    @property
    def dated(self) -> bool:
        """True if the filter depends on the date."""
        return bool(self.granted_from or self.granted_to)

    @property
    def key(self) -> str:
        """Hash of all the settings, 16 hexadecimal digits."""
        settings = json.dumps({"version": __version__, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def in_range(self, granted: str) -> bool:
        """True if the date is in range; malformed dates are not, if there is a range."""
        if not self.dated:
            return True
        return _DATE.fullmatch(granted) is not None and (
            (self.granted_from or granted) <= granted <= (self.granted_to or granted)
        )


def filter_tables(
    abstracts: Path, grants: Path | None, target: Path, *, keep: PatentFilter
) -> None:
    """Writes the patents that match as Parquet, with counts of the others in its metadata.

    Args:
        abstracts: ZIP with `patent_id` and `patent_abstract`.
        grants: ZIP with `patent_id`, `patent_date` and `patent_title`; None leaves dates and
            titles empty.
        target: file to write, completely or not at all.
        keep: which patents are kept.

    Raises:
        DataError: if a table can't be read, or the target can't be written.
    """
    with writing_to(target.parent), tempfile.TemporaryFile(dir=target.parent) as lines:
        known = (
            Grants.read(grants, lines, wanted=keep.in_range, titles=keep.titles) if grants else None
        )
        _write(abstracts, known, target, keep=keep)


def read_counts(filtered: Path) -> dict[str, int]:
    """Returns how many rows `filter_tables` left out of a file, by reason."""
    metadata = pyarrow.parquet.read_metadata(filtered).metadata
    counts: dict[str, int] = json.loads(metadata[b"counts"])
    return counts


def read_filtered(filtered: Path) -> Iterator[Patent]:
    """Yields the patents of a file that `filter_tables` wrote."""
    with pyarrow.parquet.ParquetFile(filtered) as table:
        for batch in table.iter_batches(_ROWS_PER_BATCH, columns=list(_COLUMNS)):
            for id, granted, title, abstract in zip(
                *(batch.column(name).to_pylist() for name in _COLUMNS), strict=True
            ):
                yield Patent(abstract, id, granted, title)


def _write(abstracts: Path, grants: Grants | None, target: Path, *, keep: PatentFilter) -> None:
    part = target.with_suffix(".part")
    counts: Counter[str] = Counter()
    rows = _kept(ZippedTable(abstracts, ("patent_id", "patent_abstract")), grants, keep, counts)
    try:
        with pyarrow.parquet.ParquetWriter(
            part, _SCHEMA, compression="zstd", use_dictionary=["patent_date"]
        ) as file:
            _write_groups(rows, file)
            file.add_key_value_metadata({"counts": json.dumps(counts)})
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write_groups(tables: Iterator[pyarrow.Table], file: pyarrow.parquet.ParquetWriter) -> None:
    """Writes all rows, compressing one group while the next is read."""
    with ThreadPoolExecutor(1) as compressor:
        written: Future[None] | None = None
        for group in _groups(tables):
            if written:
                written.result()
            written = compressor.submit(file.write_table, group)
        if written:
            written.result()


def _groups(tables: Iterator[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """Joins tables into groups of about `_ROWS_PER_GROUP` rows."""
    waiting: list[pyarrow.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= _ROWS_PER_GROUP:
            yield pyarrow.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pyarrow.concat_tables(waiting)


def _kept(
    table: ZippedTable, grants: Grants | None, keep: PatentFilter, counts: Counter[str]
) -> Iterator[pyarrow.Table]:
    for batch in table.batches():
        filled = batch.filter(_has_text(batch["patent_abstract"]))
        hits = filled
        if keep.query != _EVERYTHING:
            texts = filled["patent_abstract"].to_pylist()
            hits = filled.filter(pyarrow.array(map(keep.query.matches, texts), pyarrow.bool_()))
        joined = _joined(hits, grants)
        dated = joined.filter(pyarrow.compute.field("patent_date") != "") if keep.dated else joined
        counts["without_text"] += len(batch) - len(filled)
        counts["outside_query"] += len(filled) - len(hits)
        counts["outside_dates"] += len(hits) - len(dated)
        yield dated
    counts["damaged"] += table.damaged


def _has_text(texts: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """Mask of the texts that do not stand for a missing value."""
    trimmed = pyarrow.compute.utf8_trim_whitespace(texts)
    start = pyarrow.compute.utf8_slice_codeunits(trimmed, 0, _LONGEST_MISSING + 1)
    missing = pyarrow.compute.is_in(pyarrow.compute.utf8_lower(start), _MISSING)
    return pyarrow.compute.invert(missing)


def _joined(patents: pyarrow.Table, grants: Grants | None) -> pyarrow.Table:
    """Adds dates and titles to patents, empty if unknown."""
    ids = patents["patent_id"]
    found = grants.find(ids.to_pylist()) if grants else [("", "")] * len(patents)
    dates, titles = zip(*found, strict=True) if found else ((), ())
    granted = (pyarrow.array(some, pyarrow.string()) for some in (dates, titles))
    return pyarrow.table([ids, *granted, patents["patent_abstract"]], schema=_SCHEMA)


def _require_date(name: str, value: object) -> None:
    if value is not None and not _is_date(value):
        raise ConfigError(f"data.{name}={value} is no date: write YYYY-MM-DD")


def _is_date(value: object) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
