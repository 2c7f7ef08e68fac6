"""Settings of optimizer and schedule that a run which goes on has anew: torch restores the old ones
together with what the optimizer has in mind."""

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

RATES = ("lr", "initial_lr", "max_lr", "min_lr")
"""In an optimizer's group: what is larger where the learning rate is."""


class Changes:
    """The settings of this start, applied once a checkpoint has been loaded.

    Args:
        schedule: settings of the schedule that may change, by name.
        rate: how many times as large the learning rate is.
    """

    def __init__(self, schedule: Mapping[str, Any], *, rate: float) -> None:
        self.schedule, self.rate = dict(schedule), rate
        self.groups: list[dict[str, Any]] = []

    def note(self, optimizer: Optimizer) -> None:
        """Keeps the settings of an optimizer that has just been made."""
        self.groups = [
            {name: value for name, value in group.items() if name not in ("params", *RATES)}
            for group in optimizer.param_groups
        ]

    def apply(self, optimizer: Optimizer, schedule: LRScheduler) -> None:
        """Gives optimizer and schedule the settings of this start."""
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
