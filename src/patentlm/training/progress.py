"""The progress bar of training."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar


class ProgressBar(TQDMProgressBar):
    """Lightning's progress bar, which tells the epoch when a run resumes within one."""

    def on_train_start(self, *arguments: Any) -> None:
        super().on_train_start(*arguments)
        trainer: Trainer = arguments[0]
        self.on_train_epoch_start(trainer)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Returns the metrics without Lightning's version number, which is not the run's."""
        shown = super().get_metrics(trainer, pl_module)
        return {name: value for name, value in shown.items() if name != "v_num"}
