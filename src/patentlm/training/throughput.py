"""Measures the speed of training."""

import time
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from patentlm.batch import Batch, LoadedBatch
from patentlm.training.lightning_module import LanguageModel


class Throughput(Callback):
    """Counts targets per second of training steps, without validation.

    Args:
        gflops: log the GFLOP/s of the matrix products, too: six operations for each weight and
            position, forward and backward (Kaplan et al. 2020, section 2.1), embedding excluded.
    """

    def __init__(self, *, gflops: bool) -> None:
        self.gflops = gflops
        self.seconds = self.fit_seconds = 0.0
        self.targets = 0
        self.mark = self.begun = time.perf_counter()

    @property
    def words_per_second(self) -> float:
        """Targets per second of the whole run, earlier parts of a resumed run included."""
        return self.targets / self.seconds if self.seconds else 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.begun = time.perf_counter()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._add_fit_seconds()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.mark = time.perf_counter()

    on_train_epoch_start = on_train_start
    on_validation_end = on_train_start

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, step: int
    ) -> None:
        now = time.perf_counter()
        self.seconds, self.mark = self.seconds + now - self.mark, now
        self.targets += outputs["targets"]
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            pl_module.log("train/words_per_second", self.words_per_second)
            if self.gflops:
                self._log_gflops(pl_module, batch)

    def _log_gflops(self, module: LightningModule, batch: Batch) -> None:
        """Logs GFLOP/s of the whole run, with the ratio of positions to targets in this batch."""
        assert isinstance(module, LanguageModel)
        loaded = LoadedBatch.of(batch)
        positions = loaded.inputs.numel() / len(loaded.places)
        a_target = 6 * module.network.macs_per_target(positions)
        module.log("train/gflops", a_target * self.words_per_second / 1e9)

    def state_dict(self) -> dict[str, Any]:
        self._add_fit_seconds()
        return {"seconds": self.seconds, "fit": self.fit_seconds, "targets": self.targets}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seconds, self.fit_seconds = state["seconds"], state["fit"]
        self.targets = state["targets"]

    def _add_fit_seconds(self) -> None:
        now = time.perf_counter()
        self.fit_seconds, self.begun = self.fit_seconds + now - self.begun, now
