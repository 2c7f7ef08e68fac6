"""Leak-free train, valid and test: whole families on one side, chosen by hash."""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patentlm.data.interim import Draft, Numbers
from patentlm.data.minhash import likely_pairs
from patentlm.data.near_duplicates import connected, exact_pairs

SPLITS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)
REMOVED = -1

Sides = NDArray[np.int8]
"""The place in `SPLITS` of each text, or `REMOVED`, `(texts,)`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClusterSplit:
    """Removes exact copies and keeps near-copies together.

    A family's side hangs on the text of its earliest member alone, so that patents added to a
    corpus move nobody outside their own family.

    Args:
        valid: share of the families that goes to valid.
        test: share that goes to test.
        shingle: words in a shingle.
        overlap: share of common shingles from which two patents are near-copies.
        exact_up_to: among more texts than these, near-copies are found by MinHash, in time and
            memory that grow with their number alone. It misses a few, and which ones may change
            with the patents beside them.
    """

    valid: float
    test: float
    shingle: int
    overlap: float
    exact_up_to: int

    def __call__(
        self, draft: Draft, digests: NDArray[np.uint64], order: Numbers
    ) -> tuple[Sides, dict[str, int]]:
        """The side of each text, and counts of what was found.

        Args:
            draft: the texts.
            digests: of what copies have in common, evenly spread, `(texts,)`.
            order: the texts from the earliest to the latest, `(texts,)`.
        """
        kept = order[np.sort(np.unique(digests[order], return_index=True)[1])]
        labels = self._families(draft, kept)
        sides = np.full(len(digests), REMOVED, np.int8)
        sides[kept] = self.side(digests[kept[labels]])
        return sides, _counts(len(digests), labels)

    def side(self, digests: NDArray[np.uint64]) -> Sides:
        """The sides of families whose earliest members have these digests."""
        place = digests / 2.0**64
        sides = np.select([place < self.test, place < self.test + self.valid], [TEST, VALID], TRAIN)
        return sides.astype(np.int8)

    def _families(self, draft: Draft, kept: Numbers) -> Numbers:
        """For each text that is kept, the place in `kept` of its family's earliest member."""
        ranks = np.full(len(draft.lengths), -1)
        ranks[kept] = np.arange(len(kept))
        find = exact_pairs
        if len(kept) > self.exact_up_to:
            log.info(
                "More than %s texts: near-copies are found by MinHash, which misses a few",
                f"{self.exact_up_to:,}",
            )
            find = likely_pairs
        pairs = find(draft, ranks, length=self.shingle, overlap=self.overlap)
        return connected(pairs, len(kept))


def _counts(texts: int, labels: Numbers) -> dict[str, int]:
    sizes = np.bincount(labels)
    return {
        "copies": texts - len(labels),
        "families": int((sizes > 1).sum()),
        "near_copies": int(sizes[sizes > 1].sum()),
    }
