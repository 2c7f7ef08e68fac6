"""Applies changed settings of optimizer and schedule to a resumed run.

torch restores the old settings together with the optimizer's state.
"""

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

RATES = ("lr", "initial_lr", "max_lr", "min_lr")
"""Entries of an optimizer's group that scale with the learning rate."""


class Changes:
    """The settings of this start, applied after a checkpoint is loaded.

    Args:
        schedule: changed settings of the schedule, by name.
        rate: factor of the learning rate.
    """

    def __init__(self, schedule: Mapping[str, Any], *, rate: float) -> None:
        self.schedule, self.rate = dict(schedule), rate
        self.groups: list[dict[str, Any]] = []

    def note(self, optimizer: Optimizer) -> None:
        """Stores the settings of a new optimizer."""
        self.groups = [
            {name: value for name, value in group.items() if name not in ("params", *RATES)}
            for group in optimizer.param_groups
        ]

    def apply(self, optimizer: Optimizer, schedule: LRScheduler) -> None:
        """Applies the settings of this start to optimizer and schedule."""
        for group, settings in zip(optimizer.param_groups, self.groups, strict=True):
            group.update(settings)
            for name in RATES:
                if name in group:
                    group[name] = group[name] * self.rate
        for name in ("base_lrs", "_last_lr"):
            if hasattr(schedule, name):
                setattr(schedule, name, [rate * self.rate for rate in getattr(schedule, name)])
        for name, value in self.schedule.items():
            setattr(schedule, name, value)
