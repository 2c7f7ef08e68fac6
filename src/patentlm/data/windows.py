"""Windows: ways to cut a split's ids into batches of `(inputs, targets)`.

A split is one flat array `<end> w1 … wn <end> w1 … wn <end>`: it begins with `<end>`, and each
abstract is followed by one. So every word and every `<end>` but the first is a target once, and the
first word of an abstract is predicted from the `<end>` before it. Windows are cut from the
memory-mapped array batch by batch and never stored.
"""

from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from patentlm.batch import IGNORE, Batch, LoadedBatch
from patentlm.data.arrays import Ids, Int64Array
from patentlm.data.loading import Loader
from patentlm.data.samplers import BPTTSampler, LengthBucketSampler
from patentlm.data.words import END

Context = int | str | None
"""How far back a model was made to look: so many words, `None` for the start of the abstract,
or `RUNNING` for all the text before it."""

RUNNING = "running text"
BLOCK = 2**22
"""Number of ids that are searched at a time."""


def describe_context(context: Context) -> str:
    """Returns how tables describe the context of a model."""
    return f"{context} words" if isinstance(context, int) else context or "abstract"


class Windows(Protocol):
    """A data set whose items are batches: `windows[rows]` cuts the windows with these numbers."""

    carry_state: bool
    """Whether a batch goes on where the one before it stopped."""

    @property
    def context(self) -> Context:
        """How far back a model that is trained on these windows looks."""
        ...

    @property
    def full(self) -> bool:
        """True if there is at least one whole batch."""
        ...

    def __len__(self) -> int: ...

    def sampler(self, seed: int | None) -> LengthBucketSampler | BPTTSampler:
        """Returns the sampler of batches, shuffled by the seed; None for a fixed order."""
        ...


def abstract_starts(ids: Ids) -> Int64Array:
    """Returns the index of the `<end>` before each abstract and of the last, `(abstracts + 1,)`."""
    blocks = range(0, len(ids), BLOCK)  # a mask of all ids would take half their memory
    return np.concatenate([at + np.flatnonzero(ids[at : at + BLOCK] == END) for at in blocks])


def chosen_abstracts(ids: Ids, chosen: Int64Array) -> Ids:
    """Returns a split `(targets + 1,)` of some abstracts of another, by their places there."""
    starts = abstract_starts(ids)
    texts = [ids[starts[at] + 1 : starts[at + 1] + 1] for at in chosen]
    return np.concatenate([ids[:1], *texts])


def contexts(
    ids: Ids, positions: Int64Array, length: int, starts: Int64Array | None = None
) -> Int64Array:
    """Returns the `length` words before each position `(N,)` in its abstract, `(N, length)`.

    Positions before the abstract are filled with `<end>`, the one that precedes the abstract.
    """
    starts = abstract_starts(ids) if starts is None else starts
    first = starts[np.searchsorted(starts, positions, side="left") - 1]
    back = positions[:, None] + np.arange(-length, 0)
    words: Int64Array = ids[np.maximum(back, first[:, None])].astype(np.int64)
    return words  # (N, length)


class ManyToOne(Dataset[Batch]):
    """Windows of `length` words with the next word as the only target.

    Args:
        ids: a split, `(targets + 1,)`.
        length: words in a window; short ones are filled with `<end>` on the left.
        stride: distance of targets; 1 makes each word a target once.
        batch_size: windows in a batch.
    """

    carry_state = False

    def __init__(self, ids: Ids, *, length: int, stride: int, batch_size: int) -> None:
        self.ids, self.length, self.stride, self.batch_size = ids, length, stride, batch_size
        self.context: Context = length
        self.starts = abstract_starts(ids)

    def __len__(self) -> int:
        return (len(self.ids) - 2) // self.stride + 1

    @property
    def full(self) -> bool:
        return len(self) >= self.batch_size

    def __getitem__(self, rows: Int64Array) -> Batch:
        positions = 1 + rows * self.stride
        inputs = contexts(self.ids, positions, self.length, self.starts)
        targets = np.full_like(inputs, IGNORE)
        targets[:, -1] = self.ids[positions]
        return torch.from_numpy(inputs), torch.from_numpy(targets)  # (B, T), (B, T)

    def sampler(self, seed: int | None) -> LengthBucketSampler:
        return LengthBucketSampler(len(self), batch_size=self.batch_size, lengths=None, seed=seed)


class EveryWord(Dataset[Batch]):
    """Pieces of abstracts in which every next word is a target.

    Args:
        ids: a split, `(targets + 1,)`.
        length: words in a piece, so that each is a target once; None for whole abstracts.
        batch_size: pieces in a batch.
    """

    carry_state = False
    context: Context = None

    def __init__(self, ids: Ids, *, length: int | None, batch_size: int) -> None:
        self.ids, self.length, self.batch_size = ids, length, batch_size
        self.starts = abstract_starts(ids)
        self.pieces: Int64Array | None = None  # number before each abstract, if it can have several
        if length is not None:
            self.pieces = np.zeros_like(self.starts)
            np.cumsum(-(-np.diff(self.starts) // length), out=self.pieces[1:])

    def __len__(self) -> int:
        return len(self.starts) - 1 if self.pieces is None else int(self.pieces[-1])

    @property
    def full(self) -> bool:
        return len(self) >= self.batch_size

    def __getitem__(self, rows: Int64Array) -> Batch:
        first, words = self.cut(rows)
        offsets = np.arange(words.max())[None]
        at = first[:, None] + np.minimum(offsets, words[:, None] - 1)
        inputs = self.ids[at].astype(np.int64)
        targets = np.where(offsets < words[:, None], self.ids[at + 1].astype(np.int64), IGNORE)
        return torch.from_numpy(inputs), torch.from_numpy(targets)  # (B, T), (B, T)

    def sampler(self, seed: int | None) -> LengthBucketSampler:
        return LengthBucketSampler(
            len(self), batch_size=self.batch_size, lengths=PieceLengths(self), seed=seed
        )

    def cut(self, rows: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Returns where pieces begin and how many words they have, both `(B,)`."""
        if self.pieces is None or self.length is None:
            return self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        abstracts = np.searchsorted(self.pieces, rows, side="right") - 1
        first = self.starts[abstracts] + (rows - self.pieces[abstracts]) * self.length
        return first, np.minimum(self.length, self.starts[abstracts + 1] - first)


class PieceLengths:
    """Lengths of pieces, computed when they are asked for: `lengths[rows]`."""

    def __init__(self, pieces: EveryWord) -> None:
        self.pieces = pieces

    def __getitem__(self, rows: Int64Array) -> Int64Array:
        return self.pieces.cut(rows)[1]


class Stream(Dataset[Batch]):
    """The joined corpus as `batch_size` parallel streams, read `length` words at a time.

    Row b of a batch continues row b of the batch before, for a network whose state is carried
    (Mikolov et al. 2010).

    Args:
        ids: a split, `(targets + 1,)`.
        length: words in a step.
        batch_size: number of streams.
        random_length: draw the lengths of steps anew for each epoch, see `BPTTSampler`.
        running_text: the corpus is one running text rather than independent texts, and is tested
            as a stream too.
    """

    carry_state = True

    def __init__(
        self, ids: Ids, *, length: int, batch_size: int, random_length: bool, running_text: bool
    ) -> None:
        self.ids, self.length, self.batch_size = ids, length, batch_size
        self.random_length = random_length
        self.context: Context = RUNNING if running_text else None
        self.bounds = np.linspace(0, len(ids) - 1, batch_size + 1).astype(np.int64)
        self.words = int(np.diff(self.bounds).max())

    def __len__(self) -> int:
        return -(-self.words // self.length)

    @property
    def full(self) -> bool:
        return len(self.ids) > self.batch_size

    def __getitem__(self, step: slice) -> Batch:
        at = self.bounds[:-1, None] + np.arange(step.start, step.stop)
        at = at[:, (at < self.bounds[1:, None]).any(axis=0)]
        inside = at < self.bounds[1:, None]
        at = np.minimum(at, len(self.ids) - 2)
        inputs = self.ids[at].astype(np.int64)
        targets = np.where(inside, self.ids[at + 1].astype(np.int64), IGNORE)
        return torch.from_numpy(inputs), torch.from_numpy(targets)  # (B, T), (B, T)

    def sampler(self, seed: int | None) -> BPTTSampler:
        return BPTTSampler(
            self.words, length=self.length, seed=seed if self.random_length else None
        )


def evaluation_windows(ids: Ids, *, context: Context, batch_size: int) -> Windows:
    """Returns windows in which every word and every `<end>` of a split is a target exactly once.

    Args:
        ids: a split, `(targets + 1,)`.
        context: how far back the model looks.
        batch_size: abstracts in a batch; for a context of n words, a batch has about as many words.
    """
    if context == RUNNING:
        return Stream(ids, length=256, batch_size=1, random_length=False, running_text=True)
    if isinstance(context, int):
        return ManyToOne(ids, length=context, stride=1, batch_size=8 * batch_size)
    return EveryWord(ids, length=None, batch_size=batch_size)


def share(batch: Batch, *, rank: int, processes: int) -> LoadedBatch:
    """Returns one process's rows of a batch: every `processes`-th, from row `rank` on.

    A process without a row gets one without targets, since all processes have to take equally many
    steps.
    """
    inputs, targets = batch
    learned = int((targets != IGNORE).sum())
    if rank >= len(inputs):
        return LoadedBatch.of((inputs[:1], torch.full_like(targets[:1], IGNORE)), learned)
    return LoadedBatch.of((inputs[rank::processes], targets[rank::processes]), learned)


def loader(
    windows: Windows,
    *,
    seed: int | None,
    rank: int = 0,
    processes: int = 1,
    pin_memory: bool = False,
) -> Loader:
    """Returns a loader of an epoch's batches, each a `LoadedBatch`.

    Args:
        windows: cut the batches.
        seed: random seed of the order; None for a fixed order.
        rank: rank of this process.
        processes: number of processes that share a batch.
        pin_memory: put batches into pinned memory, for a GPU.
    """
    return Loader(
        windows,  # type: ignore[arg-type]
        order=windows.sampler(seed),
        collate_fn=partial(share, rank=rank, processes=processes),
        pin_memory=pin_memory,
    )
