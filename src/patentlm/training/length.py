"""The length of a run in steps and epochs, and the schedules that depend on it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from hydra.utils import instantiate
from omegaconf import DictConfig
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from patentlm.errors import ConfigError


@dataclass(frozen=True)
class Length:
    """The length of a run.

    Args:
        batches: batches in an epoch.
        accumulate: batches in a step.
        epochs: maximum number of epochs; None for no limit.
        steps: maximum number of optimizer steps; None for no limit.
    """

    batches: int
    accumulate: int
    epochs: int | None
    steps: int | None

    @classmethod
    def of(cls, trainer: DictConfig, batches: int) -> "Length":
        """Returns the length that Lightning's settings give, for epochs of so many batches."""
        batches = limited(trainer.limit_train_batches, batches)
        epochs = None if trainer.max_epochs in (None, -1) else int(trainer.max_epochs)
        steps = None if trainer.max_steps == -1 else int(trainer.max_steps)
        return cls(batches, int(trainer.accumulate_grad_batches), epochs, steps)

    @property
    def steps_per_epoch(self) -> int:
        """Number of optimizer steps in an epoch.

        >>> Length(batches=7, accumulate=2, epochs=3, steps=None).steps_per_epoch
        4
        """
        return math.ceil(self.batches / self.accumulate)

    @property
    def total_steps(self) -> int | None:
        """Number of steps of the whole run; None if only early stopping ends it.

        >>> Length(batches=7, accumulate=2, epochs=3, steps=10).total_steps
        10
        """
        by_epochs = None if self.epochs is None else self.epochs * self.steps_per_epoch
        limits = [limit for limit in (by_epochs, self.steps) if limit is not None]
        return min(limits) if limits else None


def limited(limit: float | int | None, batches: int) -> int:
    """Returns the batches of an epoch under a limit: a number or a share.

    Example:
        >>> limited(3, batches=10), limited(0.5, batches=10)
        (3, 5)
    """
    if limit is None:
        return batches
    return min(limit, batches) if isinstance(limit, int) else int(limit * batches)


def schedule(config: DictConfig, length: Length) -> tuple[Callable[[Optimizer], LRScheduler], str]:
    """Returns a function that makes a schedule, and its interval, "epoch" or "step".

    A schedule with an end is told when it is: `total_steps` in steps, `T_max` in epochs, or in
    steps if these limit the run.

    Raises:
        ConfigError: if the schedule has an end and the run has none.
    """
    if not {"total_steps", "T_max"} & set(config):
        return instantiate(config), "step" if "warmup_steps" in config else "epoch"
    if length.total_steps is None:
        raise ConfigError(
            f"scheduler: {config._target_.split('.')[-1]} falls to its end over the whole run; "
            "set trainer.max_epochs or trainer.max_steps, or take scheduler=constant"
        )
    if "total_steps" in config:
        given: dict[str, float] = {"total_steps": length.total_steps}
        if config.get("pct_start", 0) * length.total_steps == 1:
            # torch divides by the rising steps minus one; with half a step, it starts at the top.
            given["pct_start"] = 0.5 / length.total_steps
        return instantiate(config, **given), "step"
    if length.steps is None:
        return instantiate(config, T_max=length.epochs), "epoch"
    return instantiate(config, T_max=length.total_steps), "step"


def warmup_cosine(
    optimizer: Optimizer, *, warmup_steps: int, total_steps: int, final: float
) -> LambdaLR:
    """Increases the learning rate, then lowers it along half a cosine (Loshchilov & Hutter 2017).

    Args:
        optimizer: its learning rate is the highest.
        warmup_steps: optimizer steps of the linear increase.
        total_steps: optimizer steps of the run.
        final: final learning rate relative to the highest.

    Returns:
        The schedule, which advances step by step.
    """
    fall = max(1, total_steps - warmup_steps)

    def share(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        progress = min(1.0, (step - warmup_steps) / fall)
        return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2

    return LambdaLR(optimizer, share)


def warmup_constant(optimizer: Optimizer, *, warmup_steps: int) -> LambdaLR:
    """Increases the learning rate linearly over the first steps, then keeps it."""
    return LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (warmup_steps + 1)))
