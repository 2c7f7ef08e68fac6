"""Makes Lightning's Trainer with callbacks and loggers from the settings."""

from collections.abc import Iterator
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger

from patentlm.errors import ConfigError
from patentlm.training.checkpoints import CheckpointFiles
from patentlm.training.precision import cpu_has_bf16_lstm, fastest_precision
from patentlm.training.stopping import FinalValidation
from patentlm.training.tensorboard import Hyperparameters

Scalar = bool | int | float | str


def make_trainer(config: DictConfig, *, purge_step: int | None = None) -> Trainer:
    """Makes Lightning's Trainer with callbacks and loggers.

    Args:
        config: config of the run.
        purge_step: step from which on loggers drop points of an earlier start.

    Returns:
        The trainer.

    Raises:
        ConfigError: if this machine has no such accelerator, or settings do not fit together.
    """
    callbacks = [instantiate(callback) for callback in config.callbacks.values()]
    callbacks.append(FinalValidation())
    callbacks.append(Hyperparameters(dict(_scalars(config)), apart=dict(_asked(config))))
    silent = config.trainer.get("logger", True) is False
    loggers = [] if silent else _make_loggers(config.logger, purge_step)
    parts = {"callbacks": callbacks, "logger": loggers, "plugins": [CheckpointFiles()]}
    try:
        trainer: Trainer = instantiate(config.trainer, **parts)
    except InstantiationException as error:
        raise _mistake(error) from error
    return trainer


def _mistake(error: InstantiationException) -> Exception:
    """Returns what Lightning finds wrong with its settings, as one line."""
    cause = error.__cause__
    if not isinstance(cause, MisconfigurationException | ValueError | TypeError):
        return error
    reason = " ".join(str(cause).split("\n")[0].split(". ")[0].split()).strip("!. ")
    name = f"trainer={HydraConfig.get().runtime.choices['trainer']}"
    advice = (
        "; trainer=cpu works everywhere"
        if any(word in reason.lower() for word in ("accelerator", "gpu"))
        else ""
    )
    return ConfigError(f"{name}: {reason}{advice}")


def _make_loggers(config: DictConfig | None, purge_step: int | None) -> list[Logger]:
    loggers = [logger for logger in (config or {}).values() if logger is not None]
    try:
        return [
            instantiate(logger, **({"purge_step": purge_step} if _purges(logger) else {}))
            for logger in loggers
        ]
    except InstantiationException as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        name = HydraConfig.get().runtime.choices["logger"]
        raise ConfigError(f"logger={name} needs pip install -e '.[{name}]'") from error


def _purges(logger: DictConfig) -> bool:
    return str(logger._target_).startswith("patentlm.")


def choose_precision(precision: str, accelerator: str) -> str:
    """Returns a precision as Lightning names it; `auto` is the fastest of the machine.

    Raises:
        ConfigError: if bf16 is set and the processor can't run an LSTM in it.
    """
    # Without check_available, torch returns the device it was compiled for, even if there is none.
    accelerated = torch.accelerator.current_accelerator(check_available=True)
    device = "cpu" if accelerated is None or accelerator == "cpu" else accelerated.type
    if precision == "auto":
        return fastest_precision(device)
    if device == "cpu" and str(precision).startswith("bf16") and not cpu_has_bf16_lstm():
        raise ConfigError(
            f"trainer.precision={precision}: this processor can't run an LSTM in bf16; leave the"
            " setting out, or train with trainer.precision=32-true"
        )
    return precision


def _scalars(config: DictConfig) -> Iterator[tuple[str, Scalar]]:
    """Returns single settings by dotted name, for the run's loggers."""
    groups = ("data", "tokenizer", "windows", "model", "optimizer", "scheduler", "subwords",
              "distillation", "trainer")  # fmt: skip
    choices = HydraConfig.get().runtime.choices
    yield "seed", config.seed
    for group in groups:
        yield group, str(choices[group])
        settings: Any = OmegaConf.to_container(config[group], resolve=True)
        for name, value in settings.items():
            if isinstance(value, bool | int | float) and not name.startswith("_"):
                yield f"{group}.{name}", value


def _asked(config: DictConfig) -> Iterator[tuple[str, Scalar]]:
    """Returns the overrides of a run; in a sweep, those that vary between jobs."""
    hydra = HydraConfig.get()
    yield "model", str(hydra.runtime.choices["model"])
    yield "seed", config.seed
    for override in OverridesParser.create().parse_overrides(hydra.overrides.task):
        name = override.key_or_group
        if name not in hydra.job.config.override_dirname.exclude_keys:
            value = OmegaConf.select(config, name)
            scalar = isinstance(value, bool | int | float | str)
            yield name, value if scalar else str(override.get_value_element_as_str())
