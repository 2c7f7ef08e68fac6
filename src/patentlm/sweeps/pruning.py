"""Stops the runs of a search that are clearly worse than others."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytorch_lightning import Callback, LightningModule, Trainer

if TYPE_CHECKING:
    from optuna.trial import Trial

log = logging.getLogger(__name__)


class Pruning(Callback):
    """Reports valid perplexity to an Optuna trial after each epoch, and stops if it is pruned.

    Runs outside a search are not affected.

    Args:
        number: number of the trial; None outside a sweep.
        study: storage, name and pruner config of the study, as
            `patentlm.sweeps.search.open_trial` takes them; storage is None in other sweeps.
    """

    def __init__(self, *, number: int | None, study: Mapping[str, Any]) -> None:
        self.number, self.study = number, study
        self.trial: Trial | None = None  # only in the first process

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.number is not None and self.study["storage"] and trainer.is_global_zero:
            from patentlm.sweeps import (
                search,  # Optuna takes a second to import: not for other runs
            )

            self.trial = search.open_trial(self.number, **self.study)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        behind = self.trial is not None and self._falls_behind(self.trial, trainer)
        if trainer.strategy.broadcast(behind):
            trainer.should_stop = True

    def _falls_behind(self, trial: "Trial", trainer: Trainer) -> bool:
        from patentlm.sweeps.search import PRUNED

        perplexity = trainer.callback_metrics.get("valid/perplexity")
        if perplexity is None:  # this epoch had no validation
            return False
        trial.report(float(perplexity), trainer.current_epoch)
        epochs = trainer.current_epoch + 1
        if epochs == trainer.max_epochs or not trial.should_prune():
            return False
        trial.set_user_attr(PRUNED, True)
        log.info("pruned after %d epochs: valid perplexity %.2f falls behind", epochs, perplexity)
        return True
