"""Copies and near-copies among patents: continuations repeat the abstract of their parent."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


def fold(text: str) -> str:
    """What two exact copies have in common: words alone, case and punctuation aside."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def families(folded: Sequence[str], *, shingle: int, overlap: float) -> Labels:
    """Labels that near-copies share, `(patents,)`: each the index of its family's first member.

    Two patents are near-copies when the one with fewer shingles (runs of `shingle` words,
    Broder 1997) has at least the share `overlap` of them in common with the other; a family is
    all that such pairs connect. Counted exactly, not sampled.
    """
    hashes, owners, sizes = _shingles(folded, shingle)
    left, right, common = _common(hashes, owners, len(folded))
    near = common >= overlap * np.minimum(sizes[left], sizes[right])
    return _connected(left[near], right[near], len(folded))


def _shingles(folded: Sequence[str], length: int) -> tuple[NDArray[np.uint64], Labels, Labels]:
    """Distinct shingles of every text: their hashes, the text of each, and the count per text."""
    numbers: dict[str, int] = {}
    hashes, owners = [], []
    for owner, text in enumerate(folded):
        words = [numbers.setdefault(word, len(numbers)) for word in text.split()]
        mixed = _mix(np.array(words, dtype=np.uint64))
        runs = np.zeros(max(1, len(words) - length + 1), dtype=np.uint64)
        for at in range(min(length, len(words))):
            runs = _mix(runs + mixed[at : at + len(runs)])
        hashes.append(np.unique(runs))
        owners.append(np.full(len(hashes[-1]), owner))
    sizes = np.array([len(some) for some in hashes], dtype=np.int64)
    return np.concatenate(hashes), np.concatenate(owners), sizes


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al. 2014): a bijection that scatters all bits."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _common(
    hashes: NDArray[np.uint64], owners: Labels, texts: int
) -> tuple[Labels, Labels, Labels]:
    """Pairs of texts `(left, right)` with a shingle in common, and how many they have."""
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    ends = np.searchsorted(hashes, hashes, side="right")
    partners = ends - np.arange(len(hashes)) - 1
    left = np.repeat(np.arange(len(hashes)), partners)
    step = np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    pairs = owners[left] * texts + owners[left + 1 + step]
    pairs, common = np.unique(pairs, return_counts=True)
    return pairs // texts, pairs % texts, common


def _connected(left: Labels, right: Labels, texts: int) -> Labels:
    """The smallest index reachable from each text, by union-find."""
    parent = list(range(texts))

    def root(text: int) -> int:
        while parent[text] != text:
            parent[text] = text = parent[parent[text]]
        return text

    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        a, b = sorted((root(a), root(b)))
        parent[b] = a
    return np.array([root(text) for text in range(texts)], dtype=np.int64)
