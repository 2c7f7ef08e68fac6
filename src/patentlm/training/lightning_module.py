"""How a network learns: the LightningModule."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from patentlm.batch import IGNORE, Batch, LoadedBatch, select_targets
from patentlm.checkpoint import KEY
from patentlm.evaluation.metrics import Score, batch_metric_sums
from patentlm.integrity import seal
from patentlm.model.network import Network, State, detach
from patentlm.training.regularisation import ActivationPenalty

SEEDS_APART = 1_000_003
"""Between the seeds of two processes, so that each drops activations of its own."""
SAMPLE = 256
"""Targets of a step, at most, by which its accuracy is told."""


class LanguageModel(LightningModule):
    """Trains a network on batches `(inputs, targets)` and scores it on held-out ones.

    Args:
        network: what learns.
        optimizer: makes the optimizer from the named parameters.
        scheduler: makes the learning-rate schedule from the optimizer.
        scheduler_interval: when the schedule goes on, after each "epoch" or each "step".
        penalty: weights of the penalties on activations, see `ActivationPenalty`.
        carry_state: each training batch goes on where the one before it stopped.
        running_text: so do the batches of validation and test.
        seed: with the epoch's number, what dropout is drawn from, so that a resumed run
            continues as it would have.
        checkpoint_entry: plain values that every checkpoint holds beside the weights.
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
    ) -> None:
        super().__init__()
        self.network = network
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.scheduler_interval = scheduler_interval
        self.penalty = ActivationPenalty(network, **penalty) if any(penalty.values()) else None
        self.carry_state, self.running_text, self.seed = carry_state, running_text, seed
        self.checkpoint_entry = dict(checkpoint_entry)
        self.state: State = None
        self.training_state: State = None
        self.metric_sums = torch.zeros(4, dtype=torch.float64)

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer(self.named_parameters())
        # A fused optimizer says that it scales gradients back itself, and Lightning then refuses to
        # clip them, also in bf16, where nothing is scaled. Without this word its scaler does it.
        vars(optimizer).pop("_step_supports_amp_scaling", None)
        schedule = {
            "scheduler": self.make_scheduler(optimizer),
            "interval": self.scheduler_interval,
            "monitor": "valid/perplexity",
        }
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        entry, weights = self.checkpoint_entry[KEY], checkpoint["state_dict"]
        checkpoint[KEY] = seal(entry, weights)

    def on_train_epoch_start(self) -> None:
        self.state = None
        torch.manual_seed(self.seed + self.current_epoch + SEEDS_APART * self.global_rank)

    def training_step(self, batch: Batch, step: int) -> dict[str, Any]:
        loaded = LoadedBatch.of(batch)
        hidden, state = self.network(loaded.inputs, self.state)  # (B, T, H)
        self.state = detach(state) if self.carry_state else None
        hidden, targets = select_targets(hidden, loaded.targets, loaded.places)  # (N, H), (N,)
        # The gradient is the mean of those of all processes. Each weighs its loss by its share of
        # the targets, which makes that the mean over all targets, as in one process.
        weight = len(targets) * self.trainer.world_size / max(1, loaded.learned)
        loss = weight * self.network.head.loss(hidden, targets)
        # Lightning takes a good part of a millisecond to note a value, and drops it at other steps.
        if (self.global_step + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._log_step(loss, hidden, targets)
        if self.penalty is not None:
            loss = loss + weight * self.penalty.loss(loaded.targets != IGNORE)
        return {"loss": loss, "targets": loaded.learned}

    def _sum(self, part: Tensor) -> Tensor:
        """The sum of what each process has."""
        if self.trainer.world_size == 1:
            return part
        whole = self.trainer.strategy.reduce(part.to(self.device), reduce_op="sum")
        return whole.to(part.device)

    @torch.no_grad()
    def _log_step(self, loss: Tensor, hidden: Tensor, targets: Tensor) -> None:
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
        self._log_score("valid")
        self.state = self.training_state

    on_test_epoch_start = on_validation_epoch_start
    test_step = validation_step

    def on_test_epoch_end(self) -> None:
        self._log_score("test")

    def _log_score(self, part: str) -> None:
        score = Score.of(self._sum(self.metric_sums))
        for name in ("loss", "perplexity", "accuracy"):
            shown = name == "perplexity"
            self.log(f"{part}/{name}", torch.tensor(getattr(score, name)), prog_bar=shown)
        self.log(f"{part}/targets", float(score.targets), logger=False)
