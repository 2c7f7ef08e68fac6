"""Leak-free splits: exact duplicates are removed, near-duplicates stay in one split."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array
from patentlm.data.ingest import Texts, day_number
from patentlm.data.interim import InterimCorpus
from patentlm.data.minhash import likely_pairs
from patentlm.data.near_duplicates import connected, exact_pairs
from patentlm.data.shares import TEST, assign_clusters
from patentlm.errors import ConfigError

SPLITS = ("train", "valid", "test")
REMOVED = -1

Sides = NDArray[np.int8]
"""Index in `SPLITS` of each text, or `REMOVED`, `(texts,)`."""

log = logging.getLogger(__name__)


class Divided(NamedTuple):
    """The split of each text, and counts."""

    sides: Sides
    counts: Mapping[str, int]


class Split(Protocol):
    """How texts are deduplicated and divided."""

    def distinct(self, texts: Texts) -> Int64Array:
        """Returns the texts to keep, the earliest first, `(kept,)`."""
        ...

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        """Returns the split of each text, `REMOVED` for those that are not kept."""
        ...

    def shares(self) -> dict[str, float]:
        """Returns the share of the texts asked for by split, if any is."""
        ...


@dataclass(frozen=True)
class GivenSplit:
    """Keeps every text in the split that its record names."""

    def distinct(self, texts: Texts) -> Int64Array:
        return np.arange(len(texts.interim.lengths))

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        sides = pyarrow.compute.index_in(texts.notes["split"], pyarrow.array(SPLITS))
        return Divided(sides.to_numpy().astype(np.int8), {})

    def shares(self) -> dict[str, float]:
        return {}


@dataclass(frozen=True, kw_only=True)
class _NearDuplicateSplit:
    """Removes exact duplicates and finds clusters of near-duplicates.

    Args:
        shingle: words in a shingle.
        overlap: share of common shingles from which two patents are near-duplicates.
        exact_up_to: for more texts, near-duplicates are found by MinHash in linear time and memory;
            a few are missed, and which ones can change with the patents beside them.
    """

    shingle: int
    overlap: float
    exact_up_to: int

    def distinct(self, texts: Texts) -> Int64Array:
        order = texts.order()
        first = np.unique(texts.digests[order], return_index=True)[1]
        return order[np.sort(first)]

    def clusters(self, interim: InterimCorpus, kept: Int64Array) -> Int64Array:
        """Returns for each text in `kept` the index of its cluster's earliest text."""
        ranks = np.full(len(interim.lengths), -1)
        ranks[kept] = np.arange(len(kept))
        find = exact_pairs
        if len(kept) > self.exact_up_to:
            log.info(
                "More than %s texts: near-duplicates are found by MinHash, which misses a few",
                f"{self.exact_up_to:,}",
            )
            find = likely_pairs
        pairs = find(interim, ranks, length=self.shingle, overlap=self.overlap)
        return connected(pairs, len(kept))


@dataclass(frozen=True, kw_only=True)
class ClusterSplit(_NearDuplicateSplit):
    """Divides near-duplicate clusters at random, by a hash of their earliest text.

    Patents added to a corpus move no text outside their own cluster, see `assign_clusters`.

    Args:
        valid: share of the texts for valid.
        test: share of the texts for test.
    """

    valid: float
    test: float

    def shares(self) -> dict[str, float]:
        return {"train": 1 - self.valid - self.test, "valid": self.valid, "test": self.test}

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        clusters = self.clusters(texts.interim, kept)
        sides = np.full(len(texts.digests), REMOVED, np.int8)
        sides[kept] = _by_place(texts.digests[kept], clusters, valid=self.valid, test=self.test)
        return Divided(sides, _counts(len(sides), clusters))


@dataclass(frozen=True, kw_only=True)
class DateSplit(_NearDuplicateSplit):
    """Trains on the patents before a day and tests on those from that day on.

    A cluster belongs to the time of its earliest text. Later texts of a cluster that begins before
    the day are left out, and so are texts without a date.

    Args:
        test_from: first day of test, YYYY-MM-DD.
        valid: share of the texts before that day for valid.

    Raises:
        ConfigError: if the day is not a date.
    """

    test_from: str
    valid: float

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.test_from)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"data.split.test_from={self.test_from} is not a date: write YYYY-MM-DD"
            ) from error

    def shares(self) -> dict[str, float]:
        return {}

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        clusters = self.clusters(texts.interim, kept)
        days, first_day = texts.days()[kept], day_number(self.test_from)
        earliest = np.full(len(kept), np.iinfo(np.uint32).max, np.uint32)
        np.minimum.at(earliest, clusters[days > 0], days[days > 0])
        begins = earliest[clusters]  # when each text's cluster does
        early, late = (days > 0) & (days < first_day), (days > 0) & (begins >= first_day)
        side = _by_place(texts.digests[kept], clusters, valid=self.valid, test=0.0)
        sides = np.full(len(texts.digests), REMOVED, np.int8)
        sides[kept] = np.select([late, early], [np.int8(TEST), side], np.int8(REMOVED))
        found = _counts(len(sides), clusters)
        found["without_date"] = int((days == 0).sum())
        found["late_near_duplicates"] = int(((days >= first_day) & ~late).sum())
        return Divided(sides, found)


def _by_place(
    digests: NDArray[np.uint64], clusters: Int64Array, *, valid: float, test: float
) -> Sides:
    """Returns the split of each text that is kept, by its cluster, `(kept,)`."""
    sizes = np.bincount(clusters, minlength=len(clusters))
    heads = np.flatnonzero(sizes)
    sides = np.zeros(len(clusters), np.int8)
    sides[heads] = assign_clusters(digests[heads] / 2.0**64, sizes[heads], valid=valid, test=test)
    of_each: Sides = sides[clusters]
    return of_each


def _counts(texts: int, clusters: Int64Array) -> dict[str, int]:
    sizes = np.bincount(clusters)
    return {
        "exact_duplicates": texts - len(clusters),
        "near_duplicate_clusters": int((sizes > 1).sum()),
        "near_duplicates": int(sizes[sizes > 1].sum()),
    }
