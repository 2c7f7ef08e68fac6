"""Leak-free train, valid and test: exact duplicates removed, near-duplicates on one side."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array
from patentlm.data.ingest import Texts
from patentlm.data.interim import InterimCorpus
from patentlm.data.minhash import likely_pairs
from patentlm.data.near_duplicates import connected, exact_pairs

SPLITS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)
REMOVED = -1

Sides = NDArray[np.int8]
"""The place in `SPLITS` of each text, or `REMOVED`, `(texts,)`."""

log = logging.getLogger(__name__)


class Divided(NamedTuple):
    """The side of each text, and counts of what was found."""

    sides: Sides
    counts: Mapping[str, int]


class Split(Protocol):
    """How texts are de-duplicated and divided."""

    def distinct(self, texts: Texts) -> Int64Array:
        """The texts to keep, the earliest first, `(kept,)`."""
        ...

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        """The side of each text; of one that is not kept, `REMOVED`."""
        ...


@dataclass(frozen=True)
class GivenSplit:
    """Keeps every text on the side that its record names."""

    def distinct(self, texts: Texts) -> Int64Array:
        return np.arange(len(texts.interim.lengths))

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        sides = pyarrow.compute.index_in(texts.notes["split"], pyarrow.array(SPLITS))
        return Divided(sides.to_numpy().astype(np.int8), {})


@dataclass(frozen=True, kw_only=True)
class ClusterSplit:
    """Removes exact duplicates and keeps near-duplicates together.

    A cluster's side depends on the text of its earliest member alone, so that patents added to a
    corpus move no text outside their own cluster.

    Args:
        valid: share of the clusters that goes to valid.
        test: share that goes to test.
        shingle: words in a shingle.
        overlap: share of common shingles from which two patents are near-duplicates.
        exact_up_to: among more texts than these, near-duplicates are found by MinHash, in time and
            memory that grow with their number alone. It misses a few, and which ones may change
            with the patents beside them.
    """

    valid: float
    test: float
    shingle: int
    overlap: float
    exact_up_to: int

    def distinct(self, texts: Texts) -> Int64Array:
        order = texts.order()
        first = np.unique(texts.digests[order], return_index=True)[1]
        return order[np.sort(first)]

    def divide(self, texts: Texts, kept: Int64Array) -> Divided:
        clusters = self._clusters(texts.interim, kept)
        sides = np.full(len(texts.digests), REMOVED, np.int8)
        sides[kept] = self.side(texts.digests[kept[clusters]])
        return Divided(sides, _counts(len(sides), clusters))

    def side(self, digests: NDArray[np.uint64]) -> Sides:
        """The sides of clusters whose earliest members have these digests."""
        place = digests / 2.0**64
        sides = np.select([place < self.test, place < self.test + self.valid], [TEST, VALID], TRAIN)
        return sides.astype(np.int8)

    def _clusters(self, interim: InterimCorpus, kept: Int64Array) -> Int64Array:
        """For each text that is kept, the place in `kept` of its cluster's earliest member."""
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


def _counts(texts: int, clusters: Int64Array) -> dict[str, int]:
    sizes = np.bincount(clusters)
    return {
        "exact_duplicates": texts - len(clusters),
        "near_duplicate_clusters": int((sizes > 1).sum()),
        "near_duplicates": int(sizes[sizes > 1].sum()),
    }
