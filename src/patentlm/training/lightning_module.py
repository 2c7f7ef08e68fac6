"""The LightningModule: how a network is trained."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from patentlm.batch import IGNORE, Batch, LoadedBatch, select_targets
from patentlm.checkpoint import KEY
from patentlm.evaluation.metrics import Score, batch_metric_sums
from patentlm.integrity import seal
from patentlm.model.network import Network, State, detach
from patentlm.training import moment
from patentlm.training.changes import Changes
from patentlm.training.distillation import Learner
from patentlm.training.regularisation import ActivationPenalty
from patentlm.training.subwords import Subwords

SETTINGS = "settings"
"""Key in a checkpoint of the settings that a resumed run has to keep."""
MOMENT = "moment"
"""Key in a checkpoint of the state that makes a run resume at the exact step."""
SEEDS_APART = 1_000_003
"""Difference of the seeds of two processes, so that each has its own dropout."""
SAMPLE = 256
"""Maximum number of targets by which a step's accuracy is estimated."""


class LanguageModel(LightningModule):
    """Trains a network on batches `(inputs, targets)` and scores it on held-out ones.

    Args:
        network: the network.
        optimizer: makes the optimizer from the named parameters.
        scheduler: makes the learning-rate schedule from the optimizer.
        scheduler_interval: when the schedule advances: after each "epoch", each "step" or each
            "validation", by its perplexity.
        penalty: weights of the penalties on activations, see `ActivationPenalty`.
        carry_state: each training batch continues the one before.
        running_text: batches of validation and test do, too.
        seed: random seed; with the epoch's number it seeds dropout, so that a resumed run continues
            as it would have.
        checkpoint_entry: plain values to store in every checkpoint.
        settings: settings that a resumed run has to keep, stored likewise.
        changes: settings of optimizer and schedule that a resumed run changes.
        subwords: makes the subwords of an embedding, if it is trained; None for none.
        learner: reads and learns in training as the network itself does, or with a teacher.
    """

    def __init__(
        self,
        network: Network,
        *,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler],
        scheduler_interval: str,
        penalty: Mapping[str, float],
        carry_state: bool,
        running_text: bool,
        seed: int,
        checkpoint_entry: Mapping[str, Any],
        settings: Mapping[str, Any] | None = None,
        changes: Changes | None = None,
        subwords: Callable[[Tensor], Subwords] | None = None,
        learner: Callable[[Network], Learner] = Learner,
    ) -> None:
        super().__init__()
        self.network, self.learner = network, learner(network)
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.scheduler_interval = scheduler_interval
        self.penalty = ActivationPenalty(network, **penalty) if any(penalty.values()) else None
        self.carry_state, self.running_text, self.seed = carry_state, running_text, seed
        self.checkpoint_entry = dict(checkpoint_entry)
        self.settings, self.changes = dict(settings or {}), changes
        self.make_subwords = subwords
        self.subwords: Subwords | None = None
        self.plateau: ReduceLROnPlateau | None = None
        self.goes_on_from: dict[str, Any] | None = None
        self.window: list[int] = []  # targets of each batch of a step, with accumulation
        self.state: State = None
        self.training_state: State = None
        self.metric_sums = torch.zeros(4, dtype=torch.float64)

    def configure_optimizers(self) -> Any:
        optimizer = self._optimizer()
        # A fused optimizer declares that it unscales gradients itself. Then Lightning refuses to
        # clip them, even in bf16, which scales none. Without this flag, Lightning unscales them.
        vars(optimizer).pop("_step_supports_amp_scaling", None)
        if self.changes is not None:
            self.changes.note(optimizer)
        scheduler = self.make_scheduler(optimizer)
        if isinstance(scheduler, ReduceLROnPlateau):  # Lightning would only step it by epochs
            self.plateau = scheduler
            return optimizer
        schedule = {"scheduler": scheduler, "interval": self.scheduler_interval}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _optimizer(self) -> Optimizer:
        named = dict(self.named_parameters())
        embedding = self.network.embedding.weight
        if self.make_subwords is None or not embedding.requires_grad:
            return self.make_optimizer(named.items())
        self.subwords = self.make_subwords(embedding)
        optimizer = self.make_optimizer([*named.items(), ("subwords", self.subwords.step)])
        self.subwords.attach(optimizer)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        entry, weights = self.checkpoint_entry[KEY], checkpoint["state_dict"]
        checkpoint[KEY] = seal(entry, weights)
        checkpoint[SETTINGS] = self.settings
        checkpoint[MOMENT] = moment.take(self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.goes_on_from = checkpoint[MOMENT]

    def on_fit_start(self) -> None:
        self.learner.to(self.device)

    def on_train_start(self) -> None:
        """Resumes from a checkpoint, whose weights, optimizer and schedule Lightning has loaded."""
        if self.goes_on_from is not None:
            moment.restore(self, self.goes_on_from)
            if self.changes is not None:
                self.changes.apply(self.trainer.optimizers[0], self.schedule)
            self.goes_on_from = None

    @property
    def schedule(self) -> LRScheduler:
        """The learning-rate schedule."""
        if self.plateau is not None:
            return self.plateau
        return self.trainer.lr_scheduler_configs[0].scheduler

    def on_train_epoch_start(self) -> None:
        self.state = None
        torch.manual_seed(self.seed + self.current_epoch + SEEDS_APART * self.global_rank)

    def training_step(self, batch: Batch, step: int) -> dict[str, Any]:
        loaded = LoadedBatch.of(batch)
        hidden, state = self.learner(loaded.inputs, self.state)  # (B, T, H)
        self.state = detach(state) if self.carry_state else None
        hidden, targets = select_targets(hidden, loaded.targets, loaded.places)  # (N, H), (N,)
        # Processes average their gradients. Each weights its loss by its share of the targets, so
        # that the average is the mean over all targets, as in one process.
        weight = len(targets) * self.trainer.world_size / max(1, loaded.learned)
        if self.trainer.accumulate_grad_batches > 1:
            weight *= self._weight_in_window(loaded.learned)
        loss = self.learner.loss(hidden, targets)
        # Lightning takes much of a millisecond to log a value, and drops it at other steps.
        if (self.global_step + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._log_step(weight, loss, hidden, targets)
        if self.penalty is not None:
            loss = loss + self.penalty.loss(loaded.targets != IGNORE)
        return {"loss": weight * loss, "targets": loaded.learned}

    def _weight_in_window(self, learned: int) -> float:
        """Returns a batch's weight among those of one step: its targets relative to the first's."""
        self.window.append(learned)
        return learned / self.window[0]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Scales the gradient to the mean over all targets of a step, and gives subwords theirs."""
        if self.window:
            # Lightning divided each loss by the number of batches that a full step has.
            factor = self.trainer.accumulate_grad_batches * self.window[0] / sum(self.window)
            for parameter in self.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(factor)
            self.window.clear()
        if self.subwords is not None:
            self.subwords.take_gradient()

    def _sum(self, part: Tensor) -> Tensor:
        """Sums over all processes."""
        if self.trainer.world_size == 1:
            return part
        whole = self.trainer.strategy.reduce(part.to(self.device), reduce_op="sum")
        return whole.to(part.device)

    @torch.no_grad()
    def _log_step(self, weight: float, loss: Tensor, hidden: Any, targets: Tensor) -> None:
        loss = weight * self.learner.hard_loss(loss, hidden, targets)
        hidden = self.learner.own(hidden)
        some = slice(None, None, math.ceil(len(targets) / SAMPLE) or 1)  # from all parts of texts
        right = self.network.head.logits(hidden[some]).argmax(dim=-1) == targets[some]
        parts = [loss, right.sum(), torch.tensor(len(right), device=self.device)]
        loss, hits, guesses = self._sum(torch.stack(parts))
        loss = loss / self.trainer.world_size
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/perplexity", loss.exp())
        self.log("train/accuracy", hits / guesses.clamp(min=1))
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_epoch_start(self) -> None:
        self.training_state, self.state = self.state, None
        self.metric_sums = torch.zeros(4, dtype=torch.float64)

    def validation_step(self, batch: Batch, step: int) -> None:
        sums, state = batch_metric_sums(self.network, batch, self.state)
        self.state = state if self.running_text else None
        self.metric_sums += sums

    def on_validation_epoch_end(self) -> None:
        score = self._log_score("valid")
        self.state = self.training_state
        if self.plateau is not None and not self.trainer.sanity_checking:
            self.plateau.step(score.perplexity)

    on_test_epoch_start = on_validation_epoch_start
    test_step = validation_step

    def on_test_epoch_end(self) -> None:
        self._log_score("test")

    def _log_score(self, part: str) -> Score:
        score = Score.of(self._sum(self.metric_sums))
        for name in ("loss", "perplexity", "accuracy"):
            shown = name == "perplexity"
            self.log(f"{part}/{name}", torch.tensor(getattr(score, name)), prog_bar=shown)
        self.log(f"{part}/targets", float(score.targets), logger=False)
        return score
