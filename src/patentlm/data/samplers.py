"""Which windows make which batch of an epoch: pure functions of seed, epoch and place.

None of them holds a list of all windows: an epoch of any size is drawn as it is read.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

Rows = NDArray[np.int64]


class Lengths(Protocol):
    """Words of windows, by their numbers; an array is one."""

    def __getitem__(self, rows: Rows) -> Rows: ...


class Permutation:
    """A pseudo-random permutation of `0 … size - 1` that needs no memory.

    A Feistel network of four rounds shuffles the numbers of the next even number of bits; one that
    is too large is shuffled again until it is not (Black & Rogaway 2002, "Ciphers with arbitrary
    finite domains").

    Args:
        size: of the permutation.
        key: what it is drawn from.

    >>> sorted(Permutation(5, key=(1, 0))(np.arange(5)).tolist())
    [0, 1, 2, 3, 4]
    """

    ROUNDS = 4

    def __init__(self, size: int, *, key: tuple[int, ...]) -> None:
        self.size = size
        self.half = np.uint64(max(1, -(-max(size - 1, 1).bit_length() // 2)))
        self.mask = np.uint64((1 << int(self.half)) - 1)
        self.keys = np.random.SeedSequence(key).generate_state(self.ROUNDS, np.uint64)

    def __call__(self, places: Rows) -> Rows:
        """The numbers that stand at some places."""
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
    """Numbers whose bits all hang on all bits (the finaliser of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


class LengthBucketSampler(Sampler[Rows]):
    """Which windows make which batch of an epoch.

    All windows are shuffled. Those of unequal length are batched with others of about their length:
    sorted within pools of `POOL` batches, whose batches are shuffled again, so that little is
    padding.

    Args:
        windows: number of windows.
        batch_size: windows in a batch; the last one may be smaller.
        lengths: words of windows, None where all are equally long.
        seed: None for the fixed order, longest first, that evaluation uses.
    """

    POOL = 64

    def __init__(
        self, windows: int, *, batch_size: int, lengths: Lengths | None, seed: int | None
    ) -> None:
        self.windows, self.batch_size = windows, batch_size
        self.lengths, self.seed = lengths, seed
        self.epoch = self.start = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.windows // self.batch_size)

    def __iter__(self) -> Iterator[Rows]:
        in_one = self.seed is None and self.lengths is not None
        batches = max(1, len(self)) if in_one else self.POOL  # sorted, a fixed order is one pool
        for pool in range(self.start // batches, -(-len(self) // batches)):
            yield from self._pool(pool, batches)[max(0, self.start - pool * batches) :]

    def _pool(self, pool: int, batches: int) -> list[Rows]:
        """The batches of a pool."""
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
    """Where the streams are cut into steps.

    At random, a step is about `length` words long, one in twenty half as long, give or take a
    normal deviation of 5 (Merity et al. 2018, section 4.1); so an epoch's last words of a step,
    which teach nothing of what follows them, are other ones each time. Every epoch has as many
    steps: the lengths in each block of `BLOCK` steps are fitted to its share of the words.

    Args:
        words: of the longest stream.
        length: words in a step.
        seed: None for steps of that very length.
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
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[slice]:
        for block in range(self.start // self.BLOCK, -(-self.steps // self.BLOCK)):
            first = block * self.BLOCK
            cuts = self._cuts(first, min(self.BLOCK, self.steps - first)).tolist()
            for step in range(max(0, self.start - first), len(cuts) - 1):
                yield slice(cuts[step], cuts[step + 1])

    def _cuts(self, first: int, steps: int) -> Rows:
        """Where so many steps begin, from the first one on, and where the last one ends."""
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
