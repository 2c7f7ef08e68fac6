"""Near-duplicates among millions of texts, by MinHash (Broder 1997) in bands.

A text's signature holds the smallest hash of its shingles for each of `BANDS * ROWS` hash
functions, cut to 16 bits (b-bit minwise hashing, Li and König 2010). The share of equal entries in
two signatures estimates the Jaccard similarity of their shingles. Texts whose signatures agree in a
whole band are compared (locality-sensitive hashing, Indyk and Motwani 1998): each with the next and
with the first text that agree there, so time and memory grow linearly.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array, row_starts
from patentlm.data.interim import InterimCorpus
from patentlm.data.near_duplicates import Pairs
from patentlm.data.processes import in_processes
from patentlm.data.shingles import WordHashes, hash_words, mix, shingles
from patentlm.progress import progress

BANDS, ROWS = 32, 3

Signatures = NDArray[np.uint16]


def likely_pairs(
    interim: InterimCorpus, ranks: Int64Array, *, length: int, overlap: float
) -> Pairs:
    """Finds most pairs of near-duplicates, in linear time.

    Takes and returns what `exact_pairs` does. Signatures are on disk, one file for each band; one
    band is in memory at a time.
    """
    folder = interim.path.with_suffix(".signatures")
    folder.mkdir(exist_ok=True)
    sizes = _write_signatures(interim, ranks, length, folder)
    pairs = _candidates(folder)
    near = _common(folder, pairs, sizes) >= overlap * np.minimum(*(sizes[side] for side in pairs))
    near &= sizes[pairs.left] > 0
    called = ranks[ranks >= 0]
    return Pairs(called[pairs.left[near]], called[pairs.right[near]])


def _write_signatures(
    interim: InterimCorpus, ranks: Int64Array, length: int, folder: Path
) -> Int64Array:
    """Writes the signatures of the texts that have a rank; returns their numbers of shingles."""
    sign = partial(_signatures, length=length)
    sizes, start = [], 0
    with ExitStack() as stack:
        files = [stack.enter_context((folder / str(band)).open("wb")) for band in range(BANDS)]
        for signatures, counts in in_processes(sign, hash_words(interim)):
            kept = ranks[start : start + len(counts)] >= 0
            for file, band in zip(files, np.split(signatures[kept], BANDS, axis=1), strict=True):
                band.tofile(file)
            sizes.append(counts[kept])
            start += len(counts)
    return np.concatenate(sizes)


def _signatures(words: WordHashes, *, length: int) -> tuple[Signatures, Int64Array]:
    """Returns signatures `(texts, BANDS * ROWS)` of texts, and each text's number of shingles."""
    hashes, counts = shingles(words, length)
    factors = mix(np.arange(BANDS * ROWS, dtype=np.uint64)).astype(np.uint32) | np.uint32(1)
    hashes = hashes.astype(np.uint32)
    filled = np.flatnonzero(counts)
    starts = row_starts(counts)[filled]
    signatures = np.zeros((len(counts), BANDS * ROWS), np.uint16)
    for at, factor in enumerate(factors):
        signatures[filled, at] = np.minimum.reduceat(hashes * factor, starts).astype(np.uint16)
    return signatures, counts


def _candidates(folder: Path) -> Pairs:
    """Returns the pairs that agree in a band, each once."""
    codes, texts = np.zeros(0, np.int64), 1
    for band in _bands(folder, "Pairing near-duplicates"):
        texts = len(band)
        keys = band.astype(np.uint64) @ (
            np.uint64(1) << np.arange(0, 16 * ROWS, 16, dtype=np.uint64)
        )
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
        first = np.searchsorted(keys[order], keys[order[same]])
        left = np.concatenate([order[same - 1], order[first]])
        codes = np.union1d(codes, left * texts + np.tile(order[same], 2))
    return Pairs(codes // texts, codes % texts)


def _common(folder: Path, pairs: Pairs, sizes: Int64Array) -> NDArray[np.float64]:
    """Estimates how many shingles the texts of each pair have in common, `(pairs,)`."""
    equal = np.zeros(len(pairs.left), np.int64)
    for band in _bands(folder, "Comparing near-duplicates"):
        equal += (band[pairs.left] == band[pairs.right]).sum(axis=1)
    jaccard = equal / (BANDS * ROWS)
    common: NDArray[np.float64] = jaccard / (1 + jaccard) * (sizes[pairs.left] + sizes[pairs.right])
    return common


def _bands(folder: Path, doing: str) -> Iterator[Signatures]:
    """Yields the bands `(texts, ROWS)` of all signatures."""
    for band in progress(doing, range(BANDS), unit="bands"):
        yield np.fromfile(folder / str(band), np.uint16).reshape(-1, ROWS)
