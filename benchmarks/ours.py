"""A network of ours as `train.py` trains it, for benchmarks that time some of its steps."""

from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from time import perf_counter

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import LambdaCallback

from benchmarks.stock_reference import WARM_UP, Clock, targets_per_second
from patentlm.settings.arguments import quote_literals
from patentlm.training import flags
from patentlm.training import run as training
from patentlm.training.throughput import Throughput
from patentlm.training.trainer import choose_precision, make_trainer

ROOT = Path(__file__).parent.parent

STRETCH = (
    "trainer.max_epochs=-1",
    "trainer.max_steps=1",
    "trainer.limit_val_batches=0",
    "+trainer.enable_checkpointing=false",
    "~callbacks.checkpoint",
    "~callbacks.early_stopping",
)


@cache
def precision(device: str) -> str:
    """That in which training chooses to run there, the same for all that a benchmark compares."""
    return choose_precision("auto", device)


def trainer_settings(device: str) -> list[str]:
    """Those with which `train.py` trains on a device."""
    trainer = "gpu" if device == "cuda" else device
    return [f"trainer={trainer}", f"trainer.precision={precision(device)}"]


class Ours:
    """A network of ours with its batches, made by overrides of the settings of `train.py`.

    Args:
        overrides: of the settings, without those of the trainer.
        folder: of the run.
        device: where it trains, as in `torch.device.type`.
    """

    def __init__(self, overrides: Sequence[str], folder: Path, device: str) -> None:
        self.device = device
        self.config = configured([*trainer_settings(device), *overrides, *STRETCH], folder)
        flags.settle(self.config)
        self.data = training.make_data(self.config)
        metadata = training.make_metadata(self.config, self.data)
        self.model = training.make_model(self.config, self.data, metadata)

    def trainer_speed(self, steps: int, clock: Clock = perf_counter) -> float:
        """Targets a second by the Trainer, as its callback counts them after the first steps."""
        self.config.trainer.max_steps = WARM_UP + steps
        trainer = make_trainer(self.config)
        throughput = next(one for one in trainer.callbacks if isinstance(one, Throughput))
        counts = []

        def count(trainer: Trainer, *others: object) -> None:
            if trainer.global_step in (WARM_UP, WARM_UP + steps):
                counts.append((throughput.targets, clock()))

        trainer.callbacks.append(LambdaCallback(on_train_batch_end=count))
        with redirect_stdout(StringIO()):  # the progress bar
            trainer.fit(self.model, datamodule=self.data)
        (before, begun), (after, ended) = counts
        return (after - before) / (ended - begun)

    def bare_loop_speed(self, steps: int, clock: Clock = perf_counter) -> float:
        """Targets a second by a plain loop with the same network, loss, optimizer and batches."""
        return targets_per_second(
            self.model.network.to(self.device),
            self.model.make_optimizer(self.model.named_parameters()),
            self.data.train_dataloader(),
            steps,
            carry_state=self.data.windows.carry_state,
            max_norm=self.config.trainer.gradient_clip_val,
            bf16=self.config.trainer.precision == "bf16-mixed",
            device=self.device,
            clock=clock,
        )


def configured(overrides: Sequence[str], folder: Path) -> DictConfig:
    """The project's own settings for training, with a run folder."""
    changes = [*quote_literals(overrides), f"hydra.runtime.output_dir='{folder}'"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", changes, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config.hydra
    return config
