"""Shingles (Broder 1997): the word n-grams by which texts are compared."""

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Int64Array, row_of_each, row_starts
from patentlm.data.interim import InterimCorpus

Hashes = NDArray[np.uint64]


class Shingles(NamedTuple):
    """Hashes of shingles by text, `(shingles,)`, and the number of each text's, `(texts,)`."""

    hashes: Hashes
    counts: Int64Array


class WordHashes(NamedTuple):
    """Hashes of words by text, and the number of each text's."""

    hashes: Hashes
    lengths: Int64Array


def hash_words(interim: InterimCorpus) -> Iterator[WordHashes]:
    """Yields the shards of an interim corpus as hashes of their words, without punctuation."""
    is_word = np.array([re.search(r"\w", word) is not None for word in interim.words], np.bool_)
    hashes = np.array([_hash(word) for word in interim.words], np.uint64)
    for _, ids, lengths in interim.shards("Reading texts for near-duplicates"):
        kept = is_word[ids]
        left = np.add.reduceat(np.append(kept, False), row_starts(lengths), dtype=np.int64)
        yield WordHashes(hashes[ids[kept]], np.where(lengths, left, 0))


def shingles(words: WordHashes, length: int) -> Shingles:
    """Hashes all shingles of `length` words of each text; a shorter text is one shingle."""
    hashes, lengths = words
    places = np.arange(len(hashes))
    ends = np.repeat(np.cumsum(lengths), lengths)
    runs = np.zeros(len(hashes), np.uint64)
    for ahead in range(length):
        inside = places + ahead < ends
        runs[inside] = mix(runs[inside] + hashes[places[inside] + ahead])
    whole = (ends - places >= length) | (ends - places == np.repeat(lengths, lengths))
    texts = row_of_each(lengths)[whole]
    return Shingles(runs[whole], np.bincount(texts, minlength=len(lengths)))


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


def mix(x: Hashes) -> Hashes:
    """Mixes the bits of hashes with a bijection: SplitMix64's finaliser (Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
