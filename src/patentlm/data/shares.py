"""Which near-duplicate clusters go to test and valid: by hash, with shares near those asked for."""

import math

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array

TRAIN, VALID, TEST = range(3)


def assign_clusters(
    places: NDArray[np.float64], sizes: Int64Array, *, valid: float, test: float
) -> NDArray[np.int8]:
    """The side of each cluster, `(clusters,)`.

    The lowest places become test, the next ones valid, so that clusters added to a corpus move no
    others. Only where that would miss the shares, by number of texts, by far more than chance does,
    the bounds are moved; and a cluster that alone would be half of valid or test belongs to train.

    Args:
        places: of the clusters, evenly spread over [0, 1), `(clusters,)`.
        sizes: texts of each cluster, `(clusters,)`.
        valid: share of the texts that goes to valid.
        test: share that goes to test.
    """
    asked = {TEST: test * float(sizes.sum()), VALID: valid * float(sizes.sum())}
    smallest = min((texts for texts in asked.values() if texts), default=0.0)
    small = np.flatnonzero(sizes <= max(1.0, smallest / 2))
    order = small[np.argsort(places[small], kind="stable")]
    before = np.concatenate([[0], np.cumsum(sizes[order])])  # texts before each cluster
    scale = _scale(float(sizes.sum()), float(before[-1]))
    sides = np.full(len(sizes), TRAIN, np.int8)
    kept_back = int(len(small) == len(sizes)) + int(valid > 0)  # clusters for the other sides
    begin, bound = 0, 0.0
    for side, share in ((TEST, test), (VALID, valid)):
        if share:
            bound += share * scale
            end = int(np.searchsorted(places[order], bound))
            end = _within(end, before, begin, texts=asked[side])
            end = max(begin, min(end, len(order) - kept_back))
            sides[order[begin:end]] = side
            begin = end
        kept_back -= int(side == TEST and valid > 0)
    return sides


def _scale(texts: float, small: float) -> float:
    """By how much the shares of the small clusters grow where large ones all go to train.

    In steps of a fifth, so that it seldom changes when patents are added.
    """
    return 2.0 ** (round(4 * math.log2(texts / small)) / 4) if small else 1.0


def _within(end: int, before: Int64Array, begin: int, *, texts: float) -> int:
    """The end of a side, moved where it has too few texts or too many: beyond three deviations."""
    slack = max(texts / 4, 3 * math.sqrt(texts))
    least = max(1.0, texts / 2, texts - slack)
    most = max(least, min(2 * texts, texts + slack))
    lowest = int(np.searchsorted(before, before[begin] + least, side="left"))
    highest = int(np.searchsorted(before, before[begin] + most, side="right")) - 1
    return max(lowest, min(end, highest))
