"""What a run keeps beside its losses: checkpoints, speed, texts, word vectors, settings."""

import logging
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint, WeightAveraging
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from patentlm.batch import Batch, LoadedBatch
from patentlm.checkpoint import metadata_of
from patentlm.trained_model import TrainedModel
from patentlm.training.lightning_module import LanguageModel

log = logging.getLogger(__name__)

Settings = Mapping[str, bool | int | float | str]


class Throughput(Callback):
    """Counts targets learned per second of training steps; validation is left out.

    Args:
        gflops: logs the GFLOP/s of the matrix products, too: six operations for each weight and
            position, forward and backward (Kaplan et al. 2020, section 2.1), embedding left out.
    """

    def __init__(self, *, gflops: bool) -> None:
        self.gflops = gflops
        self.seconds = self.fit_seconds = 0.0
        self.targets = 0
        self.mark = self.begun = 0.0

    @property
    def words_per_second(self) -> float:
        """Of the whole run, earlier parts of a resumed one included."""
        return self.targets / self.seconds if self.seconds else 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.begun = time.perf_counter()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._add_fit_seconds()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.mark = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.mark = time.perf_counter()

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
        """Of the whole run, positions and targets being in the ratio they have in this batch."""
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


class Checkpoints(ModelCheckpoint):
    """Keeps the best and the last checkpoint of a run; a resumed run, which has a folder of its
    own, takes over the best of the run it goes on from."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        folder = Path(str(self.dirpath))
        best = Path(state_dict["best_model_path"])
        if best.parent != folder:
            if not best.is_file():
                log.warning("%s is gone: the best checkpoint is chosen from now on", best)
                return
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(best, folder / "best.part")
            (folder / "best.part").replace(folder / best.name)
        super().load_state_dict(_in_folder(state_dict, folder))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        # After an epoch that was not the best, Lightning leaves the last checkpoint as it was.
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        super().on_exception(trainer, pl_module, exception)
        if isinstance(exception, KeyboardInterrupt) and self.last_model_path:
            log.info(
                "\nInterrupted. Go on with ckpt_path=%s", os.path.relpath(self.last_model_path)
            )


def _in_folder(state: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The state of a checkpoint callback with all its paths in a folder."""

    def moved(path: str) -> str:
        return str(folder / Path(path).name) if path else path

    paths = {name: moved(path) for name, path in state.items() if name.endswith("_model_path")}
    kept = {moved(path): score for path, score in state["best_k_models"].items()}
    return {**state, **paths, "best_k_models": kept, "dirpath": str(folder)}


class NonMonotonicAveraging(WeightAveraging):
    """Averages the weights of all steps since valid perplexity stopped falling, as NT-ASGD does
    (Merity et al. 2018, algorithm 1); until then the average is the weights themselves.

    Args:
        patience: epochs; it begins after one that is no better than the best before so many.
        monitor: the metric that is watched.
    """

    def __init__(self, *, patience: int, monitor: str) -> None:
        super().__init__(avg_fn=self._average)
        self.patience, self.monitor = patience, monitor
        self.history: list[float] = []
        self.begun: int | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        now, earlier = float(trainer.callback_metrics[self.monitor]), self.history[: -self.patience]
        if self.begun is None and earlier and now > min(earlier):
            self.begun = trainer.global_step
            log.info("Averaging weights from step %s on", f"{self.begun:,}")
        self.history.append(now)

    def _average(self, average: torch.Tensor, current: torch.Tensor, steps: Any) -> torch.Tensor:
        """Of `steps` steps the average is already made of."""
        if self.begun is None:
            return current
        return average + (current - average) / (int(steps) - self.begun + 1)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "history": self.history, "begun": self.begun}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.history, self.begun = list(state_dict["history"]), state_dict["begun"]


class SampleTexts(Callback):
    """Writes texts to TensorBoard after every epoch, so that one can watch them become better.

    Args:
        count: how many.
        seed: the same every epoch, so that the texts can be compared.
    """

    def __init__(self, *, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is None or trainer.sanity_checking:
            return
        model = trained(pl_module)
        texts = model.generate(count=self.count, seed=self.seed)
        heading = f"*after epoch {trainer.current_epoch + 1} on {model.metadata.label}*"
        shown = "\n\n".join([heading, *(f"{n}. {text}" for n, text in enumerate(texts, 1))])
        writer.add_text("samples", shown, trainer.global_step)


class WordVectors(Callback):
    """Gives TensorBoard's projector the embedding of the tested network, with its words.

    Args:
        words: how many, the most frequent first.
    """

    def __init__(self, *, words: int) -> None:
        self.words = words

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is not None:
            model = trained(pl_module)
            vectors = model.network.embedding.weight.detach()[: self.words].cpu()
            names = list(model.vocabulary.tokens[: self.words])
            writer.add_embedding(vectors, metadata=names, tag="embedding")


class Hyperparameters(Callback):
    """Gives the run's settings to its loggers, and to TensorBoard's HParams tab those that set the
    run apart; the tab shows them beside the last of all metrics.

    Args:
        settings: all of them.
        apart: what the run was asked for.
    """

    def __init__(self, settings: Settings, *, apart: Settings) -> None:
        self.settings, self.apart = dict(settings), dict(apart)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in trainer.loggers:
            logger.log_hyperparams(self.settings)
        writer = tensorboard(trainer)
        if writer is not None:
            # The first of the three would list the table's columns; TensorBoard takes the list of
            # one run for all runs, and where there is none, everything that the runs have.
            _, start, _ = hparams(self.apart, {})  # type: ignore[no-untyped-call]
            writer._get_file_writer().add_summary(start)  # type: ignore[no-untyped-call]


def best_checkpoint(trainer: Trainer) -> ModelCheckpoint | None:
    """The callback that keeps the best weights, if the run has one."""
    callback = trainer.checkpoint_callback
    return callback if isinstance(callback, ModelCheckpoint) else None


def trained(module: LightningModule) -> TrainedModel:
    """The network in training as one that writes; it shares the weights."""
    assert isinstance(module, LanguageModel)
    return TrainedModel(module.network, metadata_of(module.checkpoint_entry, "this run"))


def tensorboard(trainer: Trainer) -> SummaryWriter | None:
    """The writer of the run's TensorBoard logger; None where it has none or another process's."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
            return logger.experiment  # type: ignore[no-any-return]
    return None
