"""Averages of the weights over steps, which are tested and kept."""

import logging
from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

log = logging.getLogger(__name__)


class Average(AveragedModel):
    """torch's `AveragedModel` with the number of steps on the CPU.

    torch reads the number from the device for each parameter, and so waits for the device.
    """

    def __init__(self, module: nn.Module, average: Callable[[Tensor, Tensor, int], Tensor]) -> None:
        super().__init__(module)
        self.n_averaged = self.n_averaged.cpu()
        self.average = average

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        steps = int(self.n_averaged)
        ours = chain(self.module.parameters(), self.module.buffers())
        theirs = chain(model.parameters(), model.buffers())
        for kept, current in zip(ours, theirs, strict=True):
            kept.copy_(self.average(kept, current, steps) if steps else current)
        self.n_averaged += 1


class Averaging(WeightAveraging):
    """Lightning's `WeightAveraging`, which can also be saved during a validation.

    Args:
        average: returns the new average from the old one, the weights and the number of steps so
            far; until averaging begins it returns the weights, so that validations score them.
    """

    def __init__(self, average: Callable[[Tensor, Tensor, int], Tensor]) -> None:
        super().__init__(avg_fn=average)
        self.of_step = average
        self.swapped = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Lightning moves the network only after this. The average would stay on the CPU, and all
        # weights would be copied between GPU and CPU at each step.
        pl_module.to(trainer.strategy.root_device)
        if stage == "fit":
            self._average_model = Average(pl_module, self.of_step)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_start(trainer, pl_module)
        self.swapped = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_end(trainer, pl_module)
        self.swapped = False

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if not self.swapped:
            super().on_save_checkpoint(trainer, pl_module, checkpoint)
            return
        # During a validation the network holds the average, whose memory its state shares.
        self.on_validation_epoch_end(trainer, pl_module)
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        for part in ("state_dict", "current_model_state"):
            checkpoint[part] = {name: weight.clone() for name, weight in checkpoint[part].items()}
        self.on_validation_epoch_start(trainer, pl_module)


class NonMonotonicAveraging(Averaging):
    """Averages the weights since valid perplexity stopped falling (NT-ASGD).

    Merity et al. 2018, algorithm 1. Before that, the average is the weights themselves.

    Args:
        patience: averaging begins after a validation that is no better than the best of those more
            than so many validations ago.
        monitor: metric to watch.
    """

    def __init__(self, *, patience: int, monitor: str) -> None:
        super().__init__(self.average)
        self.patience, self.monitor = patience, monitor
        self.history: list[float] = []
        self.begun: int | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        now, earlier = float(trainer.callback_metrics[self.monitor]), self.history[: -self.patience]
        if self.begun is None and earlier and now > min(earlier):
            self.begun = trainer.global_step
            log.info("Averaging weights from step %s on", f"{self.begun:,}")
        self.history.append(now)

    def average(self, average: Tensor, current: Tensor, steps: int) -> Tensor:
        if self.begun is None:
            return current
        return average + (current - average) / (steps - self.begun + 1)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "history": list(self.history), "begun": self.begun}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.history, self.begun = list(state_dict["history"]), state_dict["begun"]


class ExponentialMovingAverage(Averaging):
    """An exponential moving average of the weights (Polyak & Juditsky 1992).

    Args:
        decay: weight of the old average at each step.
        start: first step that is averaged.
    """

    def __init__(self, *, decay: float, start: int) -> None:
        super().__init__(self.average)
        self.start = start
        self.moved = get_ema_avg_fn(decay)  # type: ignore[no-untyped-call]

    def average(self, average: Tensor, current: Tensor, steps: int) -> Tensor:
        return current if steps < self.start else self.moved(average, current, steps)


class PolynomialAverage(Averaging):
    """An average of the weights of all steps, in which the later a step, the more it counts.

    Polynomial-decay averaging of Shamir & Zhang 2013, "Stochastic gradient descent for non-smooth
    optimization": the t-th step counts about `t ** power`. So the average grows with the run, and
    no length has to be chosen.

    Args:
        power: 0 for the mean of all steps; the larger, the fewer count.
    """

    def __init__(self, *, power: float) -> None:
        super().__init__(self.average)
        self.power = power

    def average(self, average: Tensor, current: Tensor, steps: int) -> Tensor:
        share = (self.power + 1) / (self.power + steps + 1)
        return average + (current - average) * share
