"""Ends the runs of a search that fall behind."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytorch_lightning import Callback, LightningModule, Trainer

if TYPE_CHECKING:
    from optuna.trial import Trial

log = logging.getLogger(__name__)


class Pruning(Callback):
    """Reports valid perplexity to the run's trial of a stored Optuna study after every epoch, and
    ends the run where the study's pruner says so. Runs outside of such a search are left alone.

    Args:
        number: of the trial; None outside of a sweep.
        study: where the study is stored, its name and the config of its pruner, as
            `patentlm.sweeps.search.open_trial` takes them; the storage is None in another kind of
            sweep.
    """

    def __init__(self, *, number: int | None, study: Mapping[str, Any]) -> None:
        self.number, self.study = number, study
        self.trial: Trial | None = None  # of several processes, the first holds it

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
        if perplexity is None:  # not every epoch needs to end with a validation
            return False
        trial.report(float(perplexity), trainer.current_epoch)
        epochs = trainer.current_epoch + 1
        if epochs == trainer.max_epochs or not trial.should_prune():
            return False
        trial.set_user_attr(PRUNED, True)
        log.info("pruned after %d epochs: valid perplexity %.2f falls behind", epochs, perplexity)
        return True
