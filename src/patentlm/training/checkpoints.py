"""The two checkpoints of a run: the best, and the last, from which it resumes."""

import logging
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from patentlm import checkpoint as files
from patentlm import signals
from patentlm.training import loops

log = logging.getLogger(__name__)

BEST, LAST = "best.ckpt", "last.ckpt"
STEPS_APART = 8
"""Steps between two messages by which several processes agree on whether to save."""


class CheckpointFiles(TorchCheckpointIO):
    """Makes Lightning read and write checkpoints with `patentlm.checkpoint`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        files.write(checkpoint, path)

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        return files.read(path)


class Wish(NamedTuple):
    """What asks for a checkpoint between two steps; the same in all processes."""

    ending: int
    """The number of the signal that ends the run; 0 for none."""
    wanted: bool
    """A warning came, or enough steps or minutes have passed."""


class Checkpoints(Checkpoint):
    """Keeps the best and the last checkpoint of a run; it can resume from both.

    The last checkpoint is saved after each epoch and each validation, and between two steps: after
    a number of steps or minutes, or when a signal asks for it. Both files are in one folder and
    contain no path, so that a run can be moved.

    Args:
        dirpath: folder of both files.
        monitor: metric that chooses the best.
        every_n_steps: steps of the optimizer between checkpoints; None for none.
        every_n_minutes: minutes between checkpoints; None for none.
        mode: "min" or "max".
    """

    def __init__(
        self,
        *,
        dirpath: str,
        monitor: str,
        every_n_steps: int | None,
        every_n_minutes: float | None,
        mode: str = "min",
    ) -> None:
        self.folder, self.monitor, self.sign = Path(dirpath), monitor, -1 if mode == "max" else 1
        self.every_n_steps, self.every_n_minutes = every_n_steps, every_n_minutes
        self.best_score: float | None = None
        self.best_step: int | None = None
        self.saved_step, self.saved_at = 0, time.monotonic()
        self.goes_on_from: Path | None = None
        self.moment: loops.Moment = loops.as_it_is

    @property
    def tested(self) -> Path | None:
        """The checkpoint to test: the best, or else the last; None if there is none."""
        path = self.folder / (LAST if self.best_step is None else BEST)
        return path if path.is_file() else None

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score, self.best_step = state_dict["best_score"], state_dict["best_step"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.goes_on_from is not None and self.best_step is not None:
            found = self._take_over_best(self.goes_on_from, copies=trainer.is_global_zero)
            if not trainer.strategy.broadcast(found):
                log.warning("best.ckpt is damaged or gone: the best is chosen from now on")
                self.best_score = self.best_step = None

    def _take_over_best(self, path: Path, *, copies: bool) -> bool:
        """True if the best checkpoint of the resumed run is in this folder."""
        for candidate in (path.parent / BEST, path):
            if files.is_whole(candidate) and files.read(candidate)["global_step"] == self.best_step:
                if copies and candidate != self.folder / BEST:
                    files.copy(candidate, self.folder / BEST)
                return True
        return False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()
        signals.defer()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        signals.act_at_once()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx % trainer.accumulate_grad_batches:
            return  # a checkpoint has no gradients of an incomplete step
        ending, wanted = self._wish(trainer, trainer.global_step)
        if (ending or wanted) and trainer.global_step != self.saved_step:
            self._save(trainer, loops.between_steps)
        if ending or wanted:
            self._answer(ending)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        ending = self._wish(trainer, batch_idx).ending
        if ending:
            self._save(trainer, loops.before_validation)
            self._answer(ending)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        stopped = trainer.global_step == trainer.max_steps
        if stopped and not trainer.enable_validation and not trainer.is_last_batch:
            self._save(trainer, loops.as_it_is)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        score = float(trainer.callback_metrics[self.monitor])
        best = self.best_score
        if best is None or math.isnan(best) or self.sign * score < self.sign * best:
            self.best_score, self.best_step = score, trainer.global_step
        if not trainer.is_last_batch:
            self._save(trainer, loops.as_it_is)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_last_batch:  # a run that ends within an epoch can be extended
            self._save(trainer, loops.as_it_is)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self.moment(checkpoint["loops"]["fit_loop"])

    def _save(self, trainer: Trainer, moment: loops.Moment) -> None:
        for logger in trainer.loggers:
            logger.save()  # a resumed run does not log these again
        self.moment = moment
        trainer.save_checkpoint(self.folder / LAST)
        if trainer.is_global_zero and self.best_step == trainer.global_step:
            files.copy(self.folder / LAST, self.folder / BEST)
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()

    def _wish(self, trainer: Trainer, step: int) -> Wish:
        due = self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0
        minutes = (time.monotonic() - self.saved_at) / 60
        late = self.every_n_minutes is not None and minutes >= self.every_n_minutes
        wish = Wish(signals.pending(), due or late or bool(signals.warned()))
        if trainer.world_size == 1:
            return wish
        if step % STEPS_APART:
            return Wish(0, due)  # all processes count the same steps
        wishes = torch.tensor(wish, device=trainer.strategy.root_device)
        ending, wanted = trainer.strategy.reduce(wishes, reduce_op="max").tolist()
        return Wish(ending, bool(wanted))

    def _answer(self, ending: int) -> None:
        signals.answer()
        if ending:
            raise signals.Interrupted(ending)
