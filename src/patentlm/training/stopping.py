"""Early stopping and the last validation of a run."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning import callbacks as lightning

SETTINGS = ("patience", "min_delta", "stopping_threshold", "divergence_threshold")


class EarlyStopping(lightning.EarlyStopping):
    """Lightning's early stopping, counting validations.

    A run that it ended is not continued when it is started again, unless its settings changed.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(check_on_train_epoch_end=False, **settings)
        self.ended = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_end(trainer, pl_module)
        self.ended = trainer.should_stop

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = (
            trainer.should_stop or self.ended or self.wait_count >= max(1, self.patience)
        )

    def state_dict(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in SETTINGS}
        return {**super().state_dict(), "ended": self.ended, "settings": settings}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        settings = {name: getattr(self, name) for name in SETTINGS}
        super().load_state_dict({**state_dict, "patience": self.patience})
        self.ended = state_dict["ended"] and state_dict["settings"] == settings


class FinalValidation(Callback):
    """Validates the last step of a run, wherever `trainer.max_steps` ends it.

    Otherwise, what was learned since the last validation would be lost.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps_left = trainer.max_steps - trainer.global_step
        last = trainer.current_epoch + 1 == trainer.max_epochs
        if trainer.max_steps >= 0:
            batches = steps_left * trainer.accumulate_grad_batches
            last = last or batches <= trainer.num_training_batches
        if last and trainer.check_val_every_n_epoch is not None:
            trainer.check_val_every_n_epoch = 1

    on_train_epoch_start = on_train_start

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == trainer.max_steps:
            trainer.should_stop = True
