"""Assigns near-duplicate clusters to splits by hash, close to the shares asked for."""

import math

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array

TRAIN, VALID, TEST = range(3)


def assign_clusters(
    places: NDArray[np.float64], sizes: Int64Array, *, valid: float, test: float
) -> NDArray[np.int8]:
    """Assigns each near-duplicate cluster to a split.

    Clusters with the lowest places become test, the next valid, so adding clusters to a corpus
    moves no others. The bounds are moved only if the shares, by number of texts, would be missed by
    far more than chance; a cluster that alone would fill half of valid or test becomes train.

    Args:
        places: place of each cluster, uniform in [0, 1), `(clusters,)`.
        sizes: number of texts of each cluster, `(clusters,)`.
        valid: share of the texts for valid.
        test: share of the texts for test.

    Returns:
        `TRAIN`, `VALID` or `TEST` for each cluster, `(clusters,)`.
    """
    asked = {TEST: test * float(sizes.sum()), VALID: valid * float(sizes.sum())}
    smallest = min((texts for texts in asked.values() if texts), default=0.0)
    small = np.flatnonzero(sizes <= max(1.0, smallest / 2))
    order = small[np.argsort(places[small], kind="stable")]
    before = np.concatenate([[0], np.cumsum(sizes[order])])  # texts before each cluster
    scale = _scale(float(sizes.sum()), float(before[-1]))
    sides = np.full(len(sizes), TRAIN, np.int8)
    kept_back = int(len(small) == len(sizes)) + int(valid > 0)  # clusters left for the other splits
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
    """Returns the factor for the shares of small clusters if all large ones go to train.

    It changes in steps of a fifth, so that added patents seldom change it.
    """
    return 2.0 ** (round(4 * math.log2(texts / small)) / 4) if small else 1.0


def _within(end: int, before: Int64Array, begin: int, *, texts: float) -> int:
    """Returns a split's upper bound, moved if its size is off by more than three deviations."""
    slack = max(texts / 4, 3 * math.sqrt(texts))
    least = max(1.0, texts / 2, texts - slack)
    most = max(least, min(2 * texts, texts + slack))
    lowest = int(np.searchsorted(before, before[begin] + least, side="left"))
    highest = int(np.searchsorted(before, before[begin] + most, side="right")) - 1
    return max(lowest, min(end, highest))
