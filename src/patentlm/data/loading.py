"""A data loader that can resume at any batch."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from patentlm.batch import Batch
from patentlm.data.samplers import BPTTSampler, LengthBucketSampler


class Loader(DataLoader[Batch]):
    """Batches of an epoch; its state is the position of the next batch.

    Args:
        windows: cut the batches.
        order: sampler of the batches.
        settings: of torch's `DataLoader`.
    """

    def __init__(
        self, windows: Dataset[Batch], *, order: LengthBucketSampler | BPTTSampler, **settings: Any
    ) -> None:
        self.order = order
        self.place = {"epoch": 0, "batch": 0}
        self.goes_on_from: dict[str, int] | None = None
        # Its own generator, so that iterators do not change the random numbers of dropout.
        random = torch.Generator()
        super().__init__(windows, batch_size=None, sampler=order, generator=random, **settings)

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        self.place = {"epoch": self.order.epoch, "batch": 0}
        place, self.goes_on_from = self.goes_on_from, None
        if place is not None and place["epoch"] == self.order.epoch:
            self.place = place
        self.order.start = self.place["batch"]
        for batch in super().__iter__():
            self.place["batch"] += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Returns the epoch and the position of the next batch."""
        return dict(self.place)

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.goes_on_from = dict(state)
