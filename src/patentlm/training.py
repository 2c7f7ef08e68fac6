"""The steps of `train.py`: config → data → network → trainer → report."""

import json
import logging
import os
import platform
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from tabulate import tabulate

from patentlm.callbacks import Hyperparameters, Throughput
from patentlm.checkpoint import Contents, build_network, check_resumable
from patentlm.data.datamodule import PatentData
from patentlm.data.windows import describe_context
from patentlm.errors import ConfigError
from patentlm.evaluation.evaluate import score_most_common, score_unigram
from patentlm.generation.sampling import check_sampling
from patentlm.machine import fastest_precision, keep_freed_memory
from patentlm.model.language_model import LanguageModel
from patentlm.trained_model import TrainedModel

log = logging.getLogger(__name__)


def run_folder() -> Path:
    """Where this run writes."""
    return Path(HydraConfig.get().runtime.output_dir)


def prepare_process(seed: int) -> None:
    """Seeds everything and keeps warnings that no user can act on off the screen."""
    seed_everything(seed, verbose=False)
    # Denormals slow softmax gradients many-fold on CPUs.
    torch.set_flush_denormal(True)
    keep_freed_memory()
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Cutting a batch from memory-mapped ids takes microseconds; a worker would only add copies.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated.*")
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")


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
        seed=config.seed,
    )
    _ = data.windows
    return data


def make_contents(config: DictConfig, data: PatentData) -> Contents:
    """What the run's checkpoints hold beside the weights.

    Raises:
        ConfigError: if the sampling can't work.
    """
    plain: Any = OmegaConf.to_container(config, resolve=True)
    check_sampling(plain["sampling"])
    return Contents(
        network=plain["model"],
        vocabulary=list(data.corpus.words.vocabulary),
        context=data.windows.context,
        data=plain["data"] | data.source.pinned(),
        tokenizer=plain["tokenizer"],
        label=data.corpus.label,
        fingerprint=data.corpus.fingerprint,
        sampling=plain["sampling"],
        max_words=plain["samples"]["max_words"],
        seed=plain["seed"],
        versions=versions(),
    )


def make_model(config: DictConfig, data: PatentData, contents: Contents) -> LanguageModel:
    """The network in its LightningModule, freshly initialised."""
    return LanguageModel(
        build_network(contents.network, vocabulary=len(contents.vocabulary)),
        optimizer=instantiate(config.optimizer),
        scheduler=instantiate(config.scheduler),
        carry_state=data.windows.carry_state,
        running_text=isinstance(contents.context, str),
        seed=config.seed,
        extras=contents.as_extras(),
    )


def make_trainer(config: DictConfig) -> Trainer:
    """Lightning's Trainer with callbacks and loggers.

    Raises:
        ConfigError: if this machine has no such accelerator, or settings do not go together.
    """
    callbacks = [instantiate(callback) for callback in config.callbacks.values()]
    callbacks.append(Hyperparameters(dict(_scalars(config))))
    loggers = [instantiate(logger) for logger in config.logger.values()]
    precision = choose_precision(config.trainer.precision, config.trainer.accelerator)
    parts = {"callbacks": callbacks, "logger": loggers, "precision": precision}
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


def choose_precision(precision: str, accelerator: str) -> str:
    """A precision as Lightning knows it; `auto` means the machine's fastest."""
    if precision != "auto":
        return precision
    device = None if accelerator == "cpu" else torch.accelerator.current_accelerator()
    return fastest_precision("cpu" if device is None else device.type)


def fit(
    trainer: Trainer, model: LanguageModel, data: PatentData, contents: Contents, resume: str | None
) -> None:
    """Trains, from a checkpoint if one is given, and goes back to the best weights.

    Raises:
        CheckpointError: if the checkpoint can't be read or belongs to another run.
    """
    path = str(check_resumable(resume, contents, epochs=trainer.max_epochs)) if resume else None
    _write_record(contents, data)
    log.info(
        "%s: %s parameters, %s words, precision %s, %s",
        HydraConfig.get().runtime.choices["model"],
        f"{model.network.size:,}",
        f"{len(contents.vocabulary):,}",
        trainer.precision,
        f"run folder {os.path.relpath(run_folder())}",
    )
    trainer.fit(model, datamodule=data, ckpt_path=path, weights_only=True)
    best = best_checkpoint(trainer)
    if best is not None and best.best_model_path:
        weights = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        model.load_state_dict(weights["state_dict"])


def report(
    trainer: Trainer, model: LanguageModel, data: PatentData, contents: Contents, count: int
) -> float:
    """Prints and stores what the run came to: table, sample texts, `metrics.json`.

    Returns:
        The best valid perplexity.
    """
    metrics = _metrics(trainer, model, data, contents)
    folder = run_folder()
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    texts = TrainedModel(model.network, contents).generate(count=count, seed=contents.seed)
    samples = "\n\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1))
    heading = f"Generated after training on {contents.label}, seed {contents.seed}:"
    (folder / "samples.txt").write_text(f"{heading}\n\n{samples}\n", "utf-8")
    log.info("\n%s\n\n%s\n\n%s\n", _table(metrics, data), heading, samples)
    return float(metrics["valid/perplexity"])


def best_checkpoint(trainer: Trainer) -> ModelCheckpoint | None:
    """The callback that keeps the best weights, if the run has one."""
    callback = trainer.checkpoint_callback
    return callback if isinstance(callback, ModelCheckpoint) else None


def versions() -> dict[str, str]:
    """Of what results depend on."""
    packages = ("patentlm", "torch", "pytorch-lightning", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _metrics(
    trainer: Trainer, model: LanguageModel, data: PatentData, contents: Contents
) -> dict[str, Any]:
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    best = best_checkpoint(trainer)
    valid = best.best_model_score if best is not None else None
    speed = next((c for c in trainer.callbacks if isinstance(c, Throughput)), None)  # type: ignore[attr-defined]
    return {
        **{name: value for name, value in logged.items() if name.startswith("test/")},
        "test/targets": round(logged["test/targets"]),
        "test/context": describe_context(contents.context),
        "valid/perplexity": float("nan") if valid is None else float(valid),
        "parameters": model.network.size,
        "vocabulary": len(contents.vocabulary),
        "epochs": trainer.current_epoch,
        "precision": trainer.precision,
        "fit/seconds": speed.fit_seconds if speed else None,
        "train/words_per_second": speed.words_per_second if speed else None,
        "seed": contents.seed,
        "data": contents.label,
        "data/fingerprint": contents.fingerprint,
    }


def _table(metrics: Mapping[str, Any], data: PatentData) -> str:
    rows = [
        ("this model", metrics["test/perplexity"], metrics["test/accuracy"]),
        *(
            (name, score.perplexity, score.accuracy)
            for name, score in (
                ("unigram", score_unigram(data.corpus, "test")),
                ("most common word", score_most_common(data.corpus, "test")),
            )
        ),
    ]
    shown = [(name, "–" if p != p else f"{p:,.1f}", f"{a:.1%}") for name, p, a in rows]
    heading = f"{metrics['data']}: test, {metrics['test/targets']:,} targets, "
    heading += f"context: {metrics['test/context']}"
    table = tabulate(shown, ("", "perplexity", "accuracy"), colalign=("left", "right", "right"))
    return f"{heading}\n\n{table}"


def _write_record(contents: Contents, data: PatentData) -> None:
    """The resolved settings, versions and what the data are, in `run.json`."""
    hidden = ("vocabulary",)
    record = {k: v for k, v in vars(contents).items() if k not in hidden}
    record["counts"] = data.corpus.counts
    (run_folder() / "run.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def _scalars(config: DictConfig) -> Iterator[tuple[str, bool | int | float | str]]:
    """Settings that say something about a run, by dotted name, for TensorBoard."""
    groups = ("data", "tokenizer", "windows", "model", "optimizer", "scheduler", "trainer")
    choices = HydraConfig.get().runtime.choices
    yield "seed", config.seed
    for group in groups:
        yield group, str(choices[group])
        settings: Any = OmegaConf.to_container(config[group], resolve=True)
        for name, value in settings.items():
            if isinstance(value, bool | int | float) and not name.startswith("_"):
                yield f"{group}.{name}", value
