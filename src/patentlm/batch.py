"""The one contract between data and model: a batch is `(inputs, targets)`, both `(B, T)` int64."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]

IGNORE = -100
"""Stands in `targets` wherever no prediction is asked; the default of torch's cross entropy."""


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """One process's share of a batch, as a loader hands it out; it unpacks as `(inputs, targets)`.

    The loader knows on the CPU where the targets stand and how many the whole batch has. A device
    would have to be waited for to find out, and other processes to be asked.

    Args:
        inputs: word ids, `(B, T)`.
        targets: word ids or `IGNORE`, `(B, T)`.
        places: of the targets in `targets.t().flatten()`, `(N,)`.
        learned: targets of the whole batch, the shares of all processes together.
    """

    inputs: Tensor
    targets: Tensor
    places: Tensor
    learned: int

    @classmethod
    def of(cls, batch: "Batch | LoadedBatch", learned: int | None = None) -> "LoadedBatch":
        """A batch with its places; one process has all of it where `learned` is not given."""
        if isinstance(batch, LoadedBatch):
            return batch
        places = target_places(batch[1])
        return cls(*batch, places, len(places) if learned is None else learned)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.inputs, self.targets))

    def __getitem__(self, at: int) -> Tensor:
        return (self.inputs, self.targets)[at]

    def to(self, device: torch.device, non_blocking: bool = False) -> "LoadedBatch":
        """The same on a device; Lightning calls this."""
        return self._each(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "LoadedBatch":
        """The same in memory that a GPU copies from by itself; torch's loader calls this."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "LoadedBatch":
        inputs, targets, places = map(change, (self.inputs, self.targets, self.places))
        return LoadedBatch(inputs, targets, places, self.learned)


def target_places(targets: Tensor) -> Tensor:
    """Places `(N,)` of the targets in `targets.t().flatten()`.

    Args:
        targets: word ids or `IGNORE`, `(B, T)`.

    >>> target_places(torch.tensor([[7, 8, IGNORE], [9, IGNORE, 5]])).tolist()
    [0, 1, 2, 5]
    """
    return (targets.t().flatten() != IGNORE).nonzero()[:, 0]


def select_targets(
    hidden: Tensor, targets: Tensor, places: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Hidden vectors and targets at the positions where a prediction is asked.

    Those at the first word of all texts come first, then those at the second: so hidden vectors
    lie in memory, and picking rows of it is faster than a mask over `(B, T)`, most of all on the
    way back.

    Args:
        hidden: `(B, T, H)`.
        targets: word ids or `IGNORE`, `(B, T)`.
        places: of the targets, see `target_places`; found where they are not given.

    Returns:
        Hidden vectors `(N, H)` and targets `(N,)`.
    """
    places = target_places(targets) if places is None else places
    by_word = hidden.transpose(0, 1).flatten(0, 1)  # (T B, H)
    return by_word.index_select(0, places), targets.t().flatten().index_select(0, places)
