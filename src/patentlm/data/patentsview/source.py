"""The source `patentsview`: granted US patents from PatentsView's bulk tables."""

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet

from patentlm.data.cache import acquire_lock, cache_folder
from patentlm.data.patentsview.filtering import (
    PatentFilter,
    filter_tables,
    read_counts,
    read_filtered,
)
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, PATENTS, RETRY, OpenDataPortal
from patentlm.data.query import Query
from patentlm.data.records import Records
from patentlm.data.sources import PatentSource
from patentlm.errors import DataError


@dataclass(frozen=True, kw_only=True)
class PatentsViewSource(PatentSource):
    """Granted US patents since 1976, from PatentsView's bulk tables.

    The tables are downloaded once for each release, and read once for each filter.

    Args:
        api_url: base address of the USPTO Open Data Portal's API.
        release: release of the tables: a date, `latest`, or `cached` for the latest on disk.
        granted_from: first date of grant, YYYY-MM-DD; None for no bound.
        granted_to: last date of grant.
        titles: look up titles.
    """

    api_url: str
    release: str
    granted_from: str | None
    granted_to: str | None
    titles: bool

    @property
    def label(self) -> str:
        return f"PatentsView {self._dated_release}"

    def identity(self) -> dict[str, Any]:
        identity = {**super().identity(), **asdict(self._filter), **self.resolved()}
        del identity["api_url"]
        return identity

    def resolved(self) -> dict[str, Any]:
        return {"release": self._dated_release}

    def records(self) -> Records:
        return Records(read_filtered(self._table), Counter(read_counts(self._table)))

    @cached_property
    def _filter(self) -> PatentFilter:
        return PatentFilter(
            query=Query.parse(self.query),
            granted_from=self.granted_from,
            granted_to=self.granted_to,
            titles=self.titles,
        )

    @cached_property
    def _portal(self) -> OpenDataPortal:
        return OpenDataPortal(api_url=self.api_url, retry=RETRY)

    @cached_property
    def _dated_release(self) -> str:
        return self._portal.release(self.release)

    @cached_property
    def _table(self) -> Path:
        folder = cache_folder() / "patentsview" / self._dated_release / "filtered"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._filter.key}.parquet"
        with acquire_lock(path.with_suffix(".lock")):
            if not path.exists():
                self._make(path)
        self._require_some(path)
        return path

    def _make(self, path: Path) -> None:
        keep, release = self._filter, self._dated_release
        grants = self._portal.file(PATENTS, release=release) if keep.dated or keep.titles else None
        abstracts = self._portal.file(ABSTRACTS, release=release)
        filter_tables(abstracts, grants, path, keep=keep)

    def _require_some(self, path: Path) -> None:
        if pyarrow.parquet.read_metadata(path).num_rows:
            return
        counts = read_counts(path)
        reasons = [f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        raise DataError(
            f"{self.label}: none of {sum(counts.values()):,} patents is kept "
            f"({', '.join(reasons) or 'the table is empty'}); "
            "try a shorter phrase in data.query, or a longer range of dates"
        )
