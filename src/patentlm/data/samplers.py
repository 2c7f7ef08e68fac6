"""Which windows make which batch of an epoch: pure functions of seed and epoch."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

Rows = NDArray[np.int64]


class LengthBucketSampler(Sampler[Rows]):
    """Which windows make which batch: a pure function of seed and epoch.

    Windows of unequal length are batched with others of about their length: shuffled, sorted
    within pools of `POOL` batches, and the batches shuffled again, so that little is padding.

    Args:
        windows: number of windows.
        batch_size: windows in a batch; the last one may be smaller.
        lengths: words of each window `(windows,)`, None where all are equally long.
        seed: None for the fixed order, longest first, that evaluation uses.
    """

    POOL = 64

    def __init__(
        self, windows: int, *, batch_size: int, lengths: Rows | None, seed: int | None
    ) -> None:
        self.windows, self.batch_size = windows, batch_size
        self.lengths, self.seed, self.epoch = lengths, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.windows // self.batch_size)

    def __iter__(self) -> Iterator[Rows]:
        shuffle = None if self.seed is None else np.random.default_rng((self.seed, self.epoch))
        order = shuffle.permutation(self.windows) if shuffle else np.arange(self.windows)
        pool = self.batch_size * self.POOL if shuffle else self.windows
        if self.lengths is not None:
            pools = (order[at : at + pool] for at in range(0, self.windows, pool))
            order = np.concatenate([p[np.argsort(-self.lengths[p], kind="stable")] for p in pools])
        batches = np.arange(len(self))
        if shuffle and self.lengths is not None:
            batches = shuffle.permutation(batches)
        for batch in batches:
            yield order[batch * self.batch_size : (batch + 1) * self.batch_size]


class BPTTSampler(Sampler[slice]):
    """Where the streams are cut into steps: a pure function of seed and epoch.

    At random, a step is `length` words long, one in twenty half as long, give or take a normal
    deviation of 5 (Merity et al. 2018, section 4.1); so an epoch's last words of a step, which
    teach nothing of what follows them, are other ones each time.

    Args:
        words: of the longest stream.
        length: words in a step.
        seed: None for steps of that very length.
    """

    SHORTEST, DEVIATION, SHARE_OF_HALVES = 5, 5, 0.05

    def __init__(self, words: int, *, length: int, seed: int | None) -> None:
        self.words, self.length, self.seed, self.epoch = words, length, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._cuts()) - 1

    def __iter__(self) -> Iterator[slice]:
        cuts = self._cuts().tolist()
        return (slice(*pair) for pair in pairwise(cuts))

    def _cuts(self) -> Rows:
        if self.seed is None:
            return np.append(np.arange(0, self.words, self.length), self.words)
        random = np.random.default_rng((self.seed, self.epoch))
        steps = self.words // self.SHORTEST + 1
        half = random.random(steps) < self.SHARE_OF_HALVES
        lengths = random.normal(np.where(half, self.length / 2, self.length), self.DEVIATION)
        cuts = np.cumsum(np.maximum(lengths.astype(np.int64), self.SHORTEST))
        return np.concatenate([[0], cuts[cuts < self.words], [self.words]])
