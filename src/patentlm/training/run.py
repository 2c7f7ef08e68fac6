"""The steps of `train.py`: config → data → network → trainer → report."""

import logging
import math
import os
import platform
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.loggers import Logger

from patentlm import runtime
from patentlm.checkpoint import CheckpointMetadata, build_network, check_resumable, check_schedule
from patentlm.data.datamodule import PatentData
from patentlm.errors import ConfigError
from patentlm.generation.sampling import check_sampling
from patentlm.sweeps.run_folder import RECORD, RunFolder
from patentlm.training import distributed
from patentlm.training.callbacks import Hyperparameters, best_checkpoint
from patentlm.training.lightning_module import LanguageModel
from patentlm.training.parts import check_parts
from patentlm.training.precision import cpu_has_bf16_lstm, fastest_precision
from patentlm.training.report import report
from patentlm.training.warm_start import warm_start

log = logging.getLogger(__name__)


def run(config: DictConfig) -> float:
    """A whole run: fits, tests the best checkpoint, reports.

    One that is complete is left as it is, one that was interrupted goes on where it stopped.

    Returns:
        The best valid perplexity.

    Raises:
        PatentLMError: if settings, data or a checkpoint can't work.
    """
    folder = run_folder()
    folder.check_same(list(HydraConfig.get().overrides.task))
    if folder.metrics is not None:
        log.info("%s is complete", os.path.relpath(folder.path))
        return float(folder.metrics["valid/perplexity"])
    prepare_process(config.seed)
    config.trainer.precision = choose_precision(
        config.trainer.precision, config.trainer.accelerator
    )
    trainer = make_trainer(config)
    if not trainer.is_global_zero:
        logging.disable(logging.WARNING)  # the first of several processes speaks for all
    check_parts(config)
    data = make_data(config)
    metadata = make_metadata(config, data)
    resume = find_resumable(config.ckpt_path, folder, metadata, trainer.max_epochs)
    if resume is not None and by_step(config):
        check_schedule(resume, steps=config.trainer.max_epochs * steps_per_epoch(config, data))
    model = make_model(config, data, metadata)
    if resume is None:
        warm_start(
            model.network, metadata, init_from=config.init_from, word_vectors=config.word_vectors
        )
    if distributed.is_alone(trainer):
        return distributed.launch(run, config, trainer)
    fit(trainer, model, data, metadata, folder, resume)
    trainer.test(model, datamodule=data, verbose=False)
    return report(trainer, model, data, metadata, folder, config.samples.count, config.page)


def run_folder() -> RunFolder:
    """Where this run writes."""
    return RunFolder(Path(HydraConfig.get().runtime.output_dir))


def prepare_process(seed: int) -> None:
    """Seeds everything and keeps warnings that no user can act on off the screen."""
    seed_everything(seed, verbose=False)
    runtime.prepare()
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Cutting a batch from memory-mapped ids takes microseconds; a worker would only add copies.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated.*")
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", ".*`srun` command is available.*")
    # What is logged of a whole epoch is the same in all processes already.
    warnings.filterwarnings("ignore", ".*sync_dist=True.* when logging on epoch level.*")


def make_data(config: DictConfig) -> PatentData:
    """The data module, its corpus prepared.

    Raises:
        DataError: if the corpus can't be had or is too small.
    """
    data = PatentData(
        instantiate(config.data),
        instantiate(config.tokenizer),
        cut=instantiate(config.windows),
        evaluation_batch_size=config.evaluation_batch_size,
        seed=config.seed if config.shuffle else None,
    )
    _ = data.windows
    return data


def make_metadata(config: DictConfig, data: PatentData) -> CheckpointMetadata:
    """What the run's checkpoints hold beside the weights.

    Raises:
        ConfigError: if the sampling can't work.
    """
    plain: Any = OmegaConf.to_container(config, resolve=True)
    check_sampling(plain["sampling"])
    return CheckpointMetadata(
        network=plain["model"],
        vocabulary=list(data.corpus.vocabulary.tokens),
        context=data.windows.context,
        data=plain["data"] | data.source.resolved(),
        tokenizer=plain["tokenizer"],
        label=data.corpus.label,
        fingerprint=data.corpus.fingerprint,
        sampling=plain["sampling"],
        max_words=plain["samples"]["max_words"],
        seed=plain["seed"],
        versions=versions(),
    )


def make_model(config: DictConfig, data: PatentData, metadata: CheckpointMetadata) -> LanguageModel:
    """The network in its LightningModule, freshly initialised."""
    steps = {"steps_per_epoch": steps_per_epoch(config, data)} if by_step(config) else {}
    return LanguageModel(
        build_network(metadata.network, vocabulary=len(metadata.vocabulary)),
        optimizer=instantiate(config.optimizer),
        scheduler=instantiate(config.scheduler, **steps),
        scheduler_interval="step" if by_step(config) else "epoch",
        penalty=config.penalty,
        carry_state=data.windows.carry_state,
        running_text=isinstance(metadata.context, str),
        seed=config.seed,
        checkpoint_entry=metadata.as_entry(),
    )


def by_step(config: DictConfig) -> bool:
    """Whether the learning rate's schedule goes on at each step, to an end that is known."""
    return "steps_per_epoch" in config.scheduler


def steps_per_epoch(config: DictConfig, data: PatentData) -> int:
    """Steps of the optimizer in an epoch."""
    batches, limit = len(data.train_dataloader()), config.trainer.limit_train_batches
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    return math.ceil(batches / int(config.trainer.accumulate_grad_batches))


def make_trainer(config: DictConfig) -> Trainer:
    """Lightning's Trainer with callbacks and loggers.

    Raises:
        ConfigError: if this machine has no such accelerator, or settings do not go together.
    """
    callbacks = [instantiate(callback) for callback in config.callbacks.values()]
    callbacks.append(Hyperparameters(dict(_scalars(config)), apart=dict(_asked(config))))
    parts = {"callbacks": callbacks, "logger": _make_loggers(config.logger)}
    try:
        trainer: Trainer = instantiate(config.trainer, **parts)
    except InstantiationException as error:
        if not isinstance(error.__cause__, MisconfigurationException):
            raise
        reason = str(error.__cause__).split(". ")[0].strip("!. \n")
        raise ConfigError(
            f"trainer={HydraConfig.get().runtime.choices['trainer']}: {reason}; "
            "trainer=cpu works everywhere"
        ) from error
    return trainer


def _make_loggers(config: DictConfig) -> list[Logger]:
    try:
        return [instantiate(logger) for logger in config.values()]
    except InstantiationException as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        name = HydraConfig.get().runtime.choices["logger"]
        raise ConfigError(f"logger={name} needs pip install -e '.[{name}]'") from error


def choose_precision(precision: str, accelerator: str) -> str:
    """A precision as Lightning knows it; `auto` means the machine's fastest.

    Raises:
        ConfigError: if the processor that would train can't run an LSTM in bf16, as is asked.
    """
    # Without check_available torch names what it was compiled for, though no such device be there.
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


def fit(
    trainer: Trainer,
    model: LanguageModel,
    data: PatentData,
    metadata: CheckpointMetadata,
    folder: RunFolder,
    resume: Path | None,
) -> None:
    """Trains, from a checkpoint if one is given, and goes back to the best weights."""
    if trainer.is_global_zero:
        _record(metadata, data, folder)
    log.info(
        "%s: %s parameters, %s words, precision %s, %s, run folder %s",
        HydraConfig.get().runtime.choices["model"],
        f"{model.network.size:,}",
        f"{len(metadata.vocabulary):,}",
        trainer.precision,
        f"{trainer.world_size} process{'es' if trainer.world_size > 1 else ''}",
        os.path.relpath(folder.path),
    )
    if resume is not None:
        log.info("Going on from %s", os.path.relpath(resume))
    trainer.fit(model, datamodule=data, ckpt_path=resume, weights_only=True)
    best = best_checkpoint(trainer)
    if best is not None and best.best_model_path:
        weights = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        model.load_state_dict(weights["state_dict"])


def find_resumable(
    given: str | None, folder: RunFolder, metadata: CheckpointMetadata, epochs: int | None
) -> Path | None:
    """The checkpoint to go on from: the last of this very run, or one that is given.

    Raises:
        CheckpointError: if it can't be read or belongs to another run.
    """
    if folder.last_checkpoint is not None:
        return check_resumable(folder.last_checkpoint, metadata, epochs=None)
    return check_resumable(given, metadata, epochs=epochs) if given else None


def versions() -> dict[str, str]:
    """Of what results depend on."""
    packages = ("patentlm", "torch", "pytorch-lightning", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _record(metadata: CheckpointMetadata, data: PatentData, folder: RunFolder) -> None:
    """The resolved settings, versions and what the data are, in `run.json`."""
    record = {name: value for name, value in vars(metadata).items() if name != "vocabulary"}
    record["overrides"] = list(HydraConfig.get().overrides.task)
    record["counts"] = data.corpus.counts
    folder.store_json(RECORD, record)


def _scalars(config: DictConfig) -> Iterator[tuple[str, bool | int | float | str]]:
    """Settings that say something about a run, by dotted name, for its loggers."""
    groups = ("data", "tokenizer", "windows", "model", "optimizer", "scheduler", "trainer")
    choices = HydraConfig.get().runtime.choices
    yield "seed", config.seed
    for group in groups:
        yield group, str(choices[group])
        settings: Any = OmegaConf.to_container(config[group], resolve=True)
        for name, value in settings.items():
            if isinstance(value, bool | int | float) and not name.startswith("_"):
                yield f"{group}.{name}", value


def _asked(config: DictConfig) -> Iterator[tuple[str, bool | int | float | str]]:
    """What a run was asked for; of a sweep's job, what sets it apart from the others."""
    hydra = HydraConfig.get()
    yield "model", str(hydra.runtime.choices["model"])
    yield "seed", config.seed
    for override in OverridesParser.create().parse_overrides(hydra.overrides.task):
        name = override.key_or_group
        if name not in hydra.job.config.override_dirname.exclude_keys:
            value = OmegaConf.select(config, name)
            scalar = isinstance(value, bool | int | float | str)
            yield name, value if scalar else str(override.get_value_element_as_str())
