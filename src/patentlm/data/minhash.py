"""Near-copies among millions of texts: MinHash signatures (Broder 1997), compared in bands.

A text's signature holds, for each of `BANDS * ROWS` hash functions, the smallest hash of its
shingles, cut to 16 bits (b-bit minwise hashing, Li and König 2010). The share of equal entries in
two signatures estimates the Jaccard similarity of the texts' shingles. Texts that agree in a whole
band are compared (locality-sensitive hashing, Indyk and Motwani 1998), each with its neighbour and
with the first text of all that agree there, so that time and memory grow with the texts alone.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from patentlm.data.draft import Draft, Numbers
from patentlm.data.families import Pairs
from patentlm.data.processes import in_processes
from patentlm.data.shingles import WordHashes, hash_words, mix, shingles

BANDS, ROWS = 32, 3
PAIRS_AT_ONCE = 2**18

Signatures = NDArray[np.uint16]


def likely_pairs(draft: Draft, ranks: Numbers, *, length: int, overlap: float) -> Pairs:
    """Pairs of near-copies, most of them: the arguments are those of `exact_pairs`."""
    path = draft.path.with_suffix(".signatures")
    sizes = _write_signatures(draft, ranks, length, path)
    signatures = np.memmap(path, np.uint16, "r").reshape(-1, BANDS, ROWS)
    near = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    near += [_near(signatures, sizes, pairs, overlap) for pairs in _candidates(signatures)]
    called = ranks[ranks >= 0]
    return Pairs(*(called[np.concatenate(side)] for side in zip(*near, strict=True)))


def _write_signatures(draft: Draft, ranks: Numbers, length: int, path: Path) -> Numbers:
    """Writes the signatures of the texts that have a rank; returns how many shingles each has."""
    sign = partial(_signatures, length=length)
    sizes, start = [], 0
    with path.open("wb") as file:
        for signatures, counts in in_processes(sign, hash_words(draft)):
            kept = ranks[start : start + len(counts)] >= 0
            signatures[kept].tofile(file)
            sizes.append(counts[kept])
            start += len(counts)
    return np.concatenate(sizes)


def _signatures(words: WordHashes, *, length: int) -> tuple[Signatures, Numbers]:
    """Signatures `(texts, BANDS * ROWS)` of texts, and how many shingles each text has."""
    hashes, counts = shingles(words, length)
    factors = mix(np.arange(BANDS * ROWS, dtype=np.uint64)).astype(np.uint32) | np.uint32(1)
    hashes = hashes.astype(np.uint32)
    filled = np.flatnonzero(counts)
    starts = (np.cumsum(counts) - counts)[filled]
    signatures = np.zeros((len(counts), BANDS * ROWS), np.uint16)
    for at, factor in enumerate(factors):
        signatures[filled, at] = np.minimum.reduceat(hashes * factor, starts).astype(np.uint16)
    return signatures, counts


def _candidates(signatures: Signatures) -> Iterator[Pairs]:
    """Pairs that agree in a band, some of them more than once."""
    bands = tqdm(range(BANDS), desc="Pairing near-copies", delay=2, disable=None, leave=False)
    for band in bands:
        keys = signatures[:, band].astype(np.uint64) @ (
            np.uint64(1) << np.arange(0, 16 * ROWS, 16, dtype=np.uint64)
        )
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
        first = np.searchsorted(keys[order], keys[order[same]])
        for at in range(0, len(same), PAIRS_AT_ONCE):
            some = slice(at, at + PAIRS_AT_ONCE)
            yield Pairs(order[same[some] - 1], order[same[some]])
            yield Pairs(order[first[some]], order[same[some]])


def _near(signatures: Signatures, sizes: Numbers, pairs: Pairs, overlap: float) -> Pairs:
    """Those pairs whose estimated share of shingles in common is large enough."""
    left, right = sizes[pairs.left], sizes[pairs.right]
    jaccard = (signatures[pairs.left] == signatures[pairs.right]).mean(axis=(1, 2))
    common = jaccard / (1 + jaccard) * (left + right)
    near = (common >= overlap * np.minimum(left, right)) & (left > 0)
    return Pairs(pairs.left[near], pairs.right[near])
