"""Checks Lightning's settings before any work is done."""

import logging
from typing import Any

from omegaconf import DictConfig, open_dict

from patentlm.errors import ConfigError
from patentlm.training.length import limited

log = logging.getLogger(__name__)

LIMITS = ("limit_train_batches", "limit_val_batches", "limit_test_batches")


def settle(config: DictConfig) -> None:
    """Makes the settings of a run consistent, in place.

    `overfit_batches` becomes limits and a fixed order; callbacks that watch validation are left out
    if there is none.

    Raises:
        ConfigError: if a setting needs validation, and there is none.
    """
    trainer = config.trainer
    with open_dict(config):
        if trainer.get("overfit_batches"):
            trainer.limit_train_batches = trainer.limit_val_batches = trainer.overfit_batches
            trainer.overfit_batches, config.shuffle = 0, False
        config.callbacks = {
            name: callback
            for name, callback in (config.callbacks or {}).items()
            if callback is not None
        }
        if trainer.get("enable_progress_bar") is False:
            config.callbacks.pop("progress", None)
        if trainer.get("enable_checkpointing") is False:
            config.callbacks.pop("checkpoint", None)
        if trainer.limit_val_batches == 0:
            _leave_out_watchers(config)


def _leave_out_watchers(config: DictConfig) -> None:
    """Leaves out what watches validation."""
    if config.scheduler._target_.endswith("ReduceLROnPlateau"):
        raise ConfigError(
            "trainer.limit_val_batches=0: scheduler=plateau follows validation; take another one"
        )
    if "monitor" in config.callbacks.get("averaging", {}):
        raise ConfigError(
            "trainer.limit_val_batches=0: callbacks=nt_asgd follows validation; take callbacks=ema"
        )
    if config.callbacks.pop("early_stopping", None) is not None:
        log.info("No validation, so no early stopping: the last weights are tested")


def check_limits(trainer: DictConfig, batches: dict[str, int]) -> None:
    """Checks limits and validation intervals against the data.

    Args:
        trainer: Lightning's settings; `val_check_interval` becomes a number of batches.
        batches: number of batches of train, val and test.

    Raises:
        ConfigError: if nothing is left of a split, or an interval does not fit an epoch.
    """
    for name in LIMITS:
        limit, whole = trainer[name], batches[name.split("_")[1]]
        if isinstance(limit, float) and 0 < limit <= 1 and int(limit * whole) == 0:
            raise ConfigError(f"trainer.{name}={limit}: {whole} batches have no such part")
    _settle_interval(trainer, limited(trainer.limit_train_batches, batches["train"]))


def _settle_interval(trainer: DictConfig, batches: int) -> None:
    interval: Any = trainer.get("val_check_interval", 1.0)
    if interval is None or not isinstance(interval, int | float):
        return  # a time, as Lightning reads it
    a_step, across = trainer.accumulate_grad_batches, trainer.check_val_every_n_epoch is None
    if isinstance(interval, float):
        if interval == 1.0 and not across:
            return
        if across:
            raise ConfigError(
                f"trainer.val_check_interval={interval}: a share of an epoch needs "
                "trainer.check_val_every_n_epoch=1; give a number of batches"
            )
        trainer.val_check_interval = max(1, int(batches * interval) // a_step) * a_step
        trainer.val_check_interval = min(trainer.val_check_interval, batches)
    elif interval > batches and not across and trainer.limit_val_batches != 0:
        raise ConfigError(
            f"trainer.val_check_interval={interval}: an epoch has {batches} batches; set it lower, "
            "or trainer.check_val_every_n_epoch=null to count across epochs"
        )
    elif interval % a_step:
        raise ConfigError(
            f"trainer.val_check_interval={interval}: a validation inside a step of "
            f"trainer.accumulate_grad_batches={a_step} batches; set it to a multiple"
        )
    elif across and batches % a_step:
        raise ConfigError(
            f"trainer.val_check_interval={interval}: counted across epochs of {batches} batches, a "
            f"validation comes inside a step of trainer.accumulate_grad_batches={a_step}; "
            f"set trainer.limit_train_batches={batches - batches % a_step}"
        )
