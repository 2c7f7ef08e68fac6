"""Near-duplicates among texts: continuations repeat the abstract of their parent, or nearly so.

Two texts are near-duplicates when the one with fewer shingles has at least a certain share of them
in common with the other; a near-duplicate cluster is all that such pairs connect.
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
    """All pairs of near-duplicates, counted exactly; time and memory grow with the square.

    Args:
        interim: the texts.
        ranks: the number each text is called by, -1 for texts to leave out, `(texts,)`.
        length: words in a shingle.
        overlap: the share in common that makes near-duplicates.
    """
    hashes, owners = _distinct_shingles(interim, ranks, length)
    sizes = np.bincount(owners, minlength=int(ranks.max()) + 1)
    left, right, common = _common(hashes, owners, len(sizes))
    near = common >= overlap * np.minimum(sizes[left], sizes[right])
    return Pairs(left[near], right[near])


def connected(pairs: Pairs, texts: int) -> Int64Array:
    """The smallest number reachable from each text, `(texts,)`, by union-find."""
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
    """Hashes in ascending order and the rank of the text each stands in, no pair of them twice."""
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
    """Pairs of texts `(left, right)` with a shingle in common, and how many they have."""
    ends = np.searchsorted(hashes, hashes, side="right")
    partners = ends - np.arange(len(hashes)) - 1
    left = np.repeat(np.arange(len(hashes)), partners)
    pairs = owners[left] * texts + owners[left + 1 + place_in_row(partners)]
    pairs, common = np.unique(pairs, return_counts=True)
    return pairs // texts, pairs % texts, common
