"""Shingles (Broder 1997): the runs of words by which two texts are compared."""

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patentlm.data.interim import Draft, Numbers

Hashes = NDArray[np.uint64]


class Shingles(NamedTuple):
    """Hashes of shingles `(shingles,)`, ordered by text, and how many each text has `(texts,)`."""

    hashes: Hashes
    counts: Numbers


class WordHashes(NamedTuple):
    """Hashes of the words of some texts, one text after the other, and their number in each."""

    hashes: Hashes
    lengths: Numbers


def hash_words(draft: Draft) -> Iterator[WordHashes]:
    """The pieces of a draft as hashes of the words, without punctuation."""
    is_word = np.array([re.search(r"\w", word) is not None for word in draft.words], np.bool_)
    hashes = np.array([_hash(word) for word in draft.words], np.uint64)
    for _, ids, lengths in draft.pieces("Reading texts for near-copies"):
        kept = is_word[ids]
        left = np.add.reduceat(np.append(kept, False), np.cumsum(lengths) - lengths, dtype=np.int64)
        yield WordHashes(hashes[ids[kept]], np.where(lengths, left, 0))


def shingles(words: WordHashes, length: int) -> Shingles:
    """All shingles of `length` words of each text; of a shorter text one, of all its words."""
    hashes, lengths = words
    places = np.arange(len(hashes))
    ends = np.repeat(np.cumsum(lengths), lengths)
    runs = np.zeros(len(hashes), np.uint64)
    for ahead in range(length):
        inside = places + ahead < ends
        runs[inside] = mix(runs[inside] + hashes[places[inside] + ahead])
    whole = (ends - places >= length) | (ends - places == np.repeat(lengths, lengths))
    owners = np.repeat(np.arange(len(lengths)), lengths)[whole]
    return Shingles(runs[whole], np.bincount(owners, minlength=len(lengths)))


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


def mix(x: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele et al. 2014): a bijection that scatters all bits."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
