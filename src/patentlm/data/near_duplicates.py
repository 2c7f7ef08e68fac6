"""Near-duplicates among texts, since continuations repeat their parent's abstract.

Two texts are near-duplicates if the one with fewer shingles shares at least a given part of them
with the other. A near-duplicate cluster is a connected component of such pairs.
"""

from typing import NamedTuple

import numpy as np

from patentlm.data.arrays import Int64Array, place_in_row
from patentlm.data.interim import InterimCorpus
from patentlm.data.shingles import Hashes, hash_words, shingles


class Pairs(NamedTuple):
    """Pairs of texts, `(pairs,)` each."""

    left: Int64Array
    right: Int64Array


def exact_pairs(interim: InterimCorpus, ranks: Int64Array, *, length: int, overlap: float) -> Pairs:
    """Finds all pairs of near-duplicates exactly, in quadratic time and memory.

    Args:
        interim: the texts.
        ranks: number of each text, -1 for texts to leave out, `(texts,)`.
        length: words in a shingle.
        overlap: share of common shingles that makes near-duplicates.

    Returns:
        Pairs of ranks.
    """
    hashes, owners = _distinct_shingles(interim, ranks, length)
    sizes = np.bincount(owners, minlength=int(ranks.max()) + 1)
    left, right, common = _common(hashes, owners, len(sizes))
    near = common >= overlap * np.minimum(sizes[left], sizes[right])
    return Pairs(left[near], right[near])


def connected(pairs: Pairs, texts: int) -> Int64Array:
    """Labels each text with the smallest number in its connected component, by union-find.

    Args:
        pairs: pairs of connected texts.
        texts: number of texts.

    Returns:
        Labels, `(texts,)`.

    Example:
        >>> connected(Pairs(np.array([0, 3]), np.array([2, 2])), 4).tolist()
        [0, 1, 0, 0]
    """
    parent: dict[int, int] = {}

    def root(text: int) -> int:
        while (above := parent.setdefault(text, text)) != text:
            parent[text] = text = parent[above]
        return text

    for a, b in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
        a, b = sorted((root(a), root(b)))
        parent[b] = a
    labels = np.arange(texts)
    for text in parent:
        labels[text] = root(text)
    return labels


def _distinct_shingles(
    interim: InterimCorpus, ranks: Int64Array, length: int
) -> tuple[Hashes, Int64Array]:
    """Returns distinct pairs of a shingle's hash and a text's rank, sorted by hash."""
    hashes, owners, start = [], [], 0
    for words in hash_words(interim):
        found = shingles(words, length)
        owner = np.repeat(ranks[start : start + len(found.counts)], found.counts)
        hashes.append(found.hashes[owner >= 0])
        owners.append(owner[owner >= 0])
        start += len(found.counts)
    every, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.lexsort((owner, every))
    every, owner = every[order], owner[order]
    first = np.ones(len(every), np.bool_)
    first[1:] = (every[1:] != every[:-1]) | (owner[1:] != owner[:-1])
    return every[first], owner[first]


def _common(
    hashes: Hashes, owners: Int64Array, texts: int
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Returns pairs `(left, right)` of texts that share shingles, and how many they share."""
    ends = np.searchsorted(hashes, hashes, side="right")
    partners = ends - np.arange(len(hashes)) - 1
    left = np.repeat(np.arange(len(hashes)), partners)
    pairs = owners[left] * texts + owners[left + 1 + place_in_row(partners)]
    pairs, common = np.unique(pairs, return_counts=True)
    return pairs // texts, pairs % texts, common
