"""Samplers of batches: pure functions of seed, epoch and position.

None stores a list of all windows, so an epoch of any size is drawn as it is read.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from patentlm.data.arrays import Int64Array


class Lengths(Protocol):
    """Lengths of windows by their numbers; an array fits."""

    def __getitem__(self, rows: Int64Array) -> Int64Array: ...


class Permutation:
    """A pseudo-random permutation of `0 … size - 1` that needs no memory.

    A Feistel network of four rounds permutes the numbers of the next even number of bits; results
    that are too large are permuted again (cycle walking; Black & Rogaway 2002, "Ciphers with
    arbitrary finite domains").

    Args:
        size: number of elements.
        key: seed of the permutation.
    """

    ROUNDS = 4

    def __init__(self, size: int, *, key: tuple[int, ...]) -> None:
        self.size = size
        self.half = np.uint64(max(1, -(-max(size - 1, 1).bit_length() // 2)))
        self.mask = np.uint64((1 << int(self.half)) - 1)
        self.keys = np.random.SeedSequence(key).generate_state(self.ROUNDS, np.uint64)

    def __call__(self, places: Int64Array) -> Int64Array:
        """Returns the numbers at some positions."""
        found = self._shuffle(places.astype(np.uint64))
        while (outside := found >= self.size).any():
            found[outside] = self._shuffle(found[outside])
        return found.astype(np.int64)

    def _shuffle(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = numbers >> self.half, numbers & self.mask
        for key in self.keys:
            left, right = right, left ^ (_mixed(right + key) & self.mask)
        return (left << self.half) | right


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mixes the bits of numbers with the finaliser of SplitMix64 (Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


class LengthBucketSampler(Sampler[Int64Array]):
    """Yields the windows of each batch, batched by similar length so that there is little padding.

    All windows are shuffled and divided into pools of `POOL` batches. Within a pool, windows of
    different lengths are sorted into batches, and the batches are shuffled.

    Args:
        windows: number of windows.
        batch_size: windows in a batch; the last batch may be smaller.
        lengths: lengths of windows; None if all are equal.
        seed: random seed; None for the fixed order of evaluation, longest first.
    """

    POOL = 64

    def __init__(
        self, windows: int, *, batch_size: int, lengths: Lengths | None, seed: int | None
    ) -> None:
        self.windows, self.batch_size = windows, batch_size
        self.lengths, self.seed = lengths, seed
        self.epoch = self.start = 0

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch; Lightning calls this before each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.windows // self.batch_size)

    def __iter__(self) -> Iterator[Int64Array]:
        in_one = self.seed is None and self.lengths is not None
        batches = max(1, len(self)) if in_one else self.POOL  # a fixed order is sorted as a whole
        for pool in range(self.start // batches, -(-len(self) // batches)):
            yield from self._pool(pool, batches)[max(0, self.start - pool * batches) :]

    def _pool(self, pool: int, batches: int) -> list[Int64Array]:
        """Returns the batches of a pool."""
        begin = pool * batches * self.batch_size
        end = min(begin + batches * self.batch_size, self.windows)
        rows = np.arange(begin, end)
        if self.seed is not None:
            rows = Permutation(self.windows, key=(self.seed, self.epoch))(rows)
        if self.lengths is not None:
            rows = rows[np.argsort(-self.lengths[rows], kind="stable")]
        cut = [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        if self.seed is None or self.lengths is None:
            return cut
        order = np.random.default_rng((self.seed, self.epoch, pool)).permutation(len(cut))
        return [cut[at] for at in order]


class BPTTSampler(Sampler[slice]):
    """Yields slices of the streams: the steps of truncated backpropagation through time.

    With a seed, lengths are random: normal around `length`, or around half of it in one of twenty
    steps, with a standard deviation of 5 (Merity et al. 2018, section 4.1). So the words at the end
    of a step, which get no gradient from what follows, differ from epoch to epoch. All epochs have
    equally many steps: the lengths in each block of `BLOCK` steps are scaled to its share of the
    words.

    Args:
        words: length of the longest stream.
        length: words in a step.
        seed: random seed; None for steps of exactly `length` words.
    """

    SHORTEST, DEVIATION, SHARE_OF_HALVES, BLOCK = 5, 5, 0.05, 64

    def __init__(self, words: int, *, length: int, seed: int | None) -> None:
        self.words, self.length, self.seed = words, length, seed
        self.epoch = self.start = 0
        mean = (
            length if seed is None else max(self.SHORTEST, length * (1 - self.SHARE_OF_HALVES / 2))
        )
        self.steps = max(1, math.ceil(words / mean) if seed is None else round(words / mean))

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch; Lightning calls this before each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[slice]:
        for block in range(self.start // self.BLOCK, -(-self.steps // self.BLOCK)):
            first = block * self.BLOCK
            cuts = self._cuts(first, min(self.BLOCK, self.steps - first)).tolist()
            for step in range(max(0, self.start - first), len(cuts) - 1):
                yield slice(cuts[step], cuts[step + 1])

    def _cuts(self, first: int, steps: int) -> Int64Array:
        """Returns where `steps` steps begin, from step `first` on, and where the last one ends."""
        numbers = np.arange(first, first + steps + 1)
        if self.seed is None:
            return np.minimum(numbers * self.length, self.words)
        begin, end = (self.words * at // self.steps for at in (first, first + steps))
        random = np.random.default_rng((self.seed, self.epoch, first // self.BLOCK))
        half = random.random(steps) < self.SHARE_OF_HALVES
        lengths = random.normal(np.where(half, self.length / 2, self.length), self.DEVIATION)
        least = min(self.SHORTEST, (end - begin) // steps)
        more = np.cumsum(np.maximum(lengths - least, 1e-6))
        fitted = (more * ((end - begin - steps * least) / more[-1])).round().astype(np.int64)
        return begin + np.append(0, fitted + least * np.arange(1, steps + 1))
