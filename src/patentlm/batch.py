"""The contract between data and model: a batch is `(inputs, targets)`, both `(B, T)` int64."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]

IGNORE = -100
"""Marks positions of `targets` without a prediction; the default of torch's cross entropy."""


@dataclass(slots=True)  # not frozen: Lightning changes the types of its tensors
class LoadedBatch:
    """One process's share of a batch, as the data loader yields it; unpacks as `(inputs, targets)`.

    The loader computes on the CPU where the targets are and how many the whole batch has. Computing
    this later would synchronise with the device and with the other processes.

    Args:
        inputs: word ids, `(B, T)`.
        targets: word ids or `IGNORE`, `(B, T)`.
        places: indices of the targets in `targets.t().flatten()`, `(N,)`.
        learned: number of targets in the whole batch, over all processes.
    """

    inputs: Tensor
    targets: Tensor
    places: Tensor
    learned: int

    @classmethod
    def of(cls, batch: "Batch | LoadedBatch", learned: int | None = None) -> "LoadedBatch":
        """Returns the batch with its target places; by default, one process has all of it."""
        if isinstance(batch, LoadedBatch):
            return batch
        places = target_places(batch[1])
        return cls(*batch, places, len(places) if learned is None else learned)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.inputs, self.targets))

    def __getitem__(self, at: int) -> Tensor:
        return (self.inputs, self.targets)[at]

    def to(self, device: torch.device, non_blocking: bool = False) -> "LoadedBatch":
        """Returns the batch on a device; Lightning calls this."""
        return self._each(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "LoadedBatch":
        """Returns the batch in pinned memory; torch's loader calls this."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "LoadedBatch":
        inputs, targets, places = map(change, (self.inputs, self.targets, self.places))
        return LoadedBatch(inputs, targets, places, self.learned)


def target_places(targets: Tensor) -> Tensor:
    """Returns the indices `(N,)` of the targets in `targets.t().flatten()`.

    Args:
            targets: word ids or `IGNORE`, `(B, T)`.

        >>> target_places(torch.tensor([[7, 8, IGNORE], [9, IGNORE, 5]])).tolist()
        [0, 1, 2, 5]
    """
    return (targets.t().flatten() != IGNORE).nonzero()[:, 0]


def select_targets(
    hidden: Tensor, targets: Tensor, places: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Selects hidden vectors and targets at the positions where a prediction is asked for.

    They are ordered by position in the text first, since hidden vectors are stored in that order;
    selecting rows is then faster than a mask over `(B, T)`, above all in the backward pass.

    Args:
        hidden: hidden vectors, `(B, T, H)`.
        targets: word ids or `IGNORE`, `(B, T)`.
        places: indices of the targets, see `target_places`; computed if None.

    Returns:
        Hidden vectors `(N, H)` and targets `(N,)`.

    Example:
        >>> hidden = torch.arange(4.0).view(1, 4, 1)
        >>> chosen, targets = select_targets(hidden, torch.tensor([[IGNORE, 7, IGNORE, 8]]))
        >>> chosen.flatten().tolist(), targets.tolist()
        ([1.0, 3.0], [7, 8])
    """
    places = target_places(targets) if places is None else places
    by_word = hidden.transpose(0, 1).flatten(0, 1)  # (T B, H)
    return by_word.index_select(0, places), targets.t().flatten().index_select(0, places)
