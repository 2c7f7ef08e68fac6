"""The results of a run: the table at its end, sample texts, `metrics.json`."""

import logging
import math
from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Trainer
from tabulate import tabulate

from patentlm.checkpoint import CheckpointMetadata
from patentlm.data.datamodule import PatentData
from patentlm.data.windows import describe_context
from patentlm.evaluation.scoring import score_most_common, score_unigram
from patentlm.sweeps.run_folder import METRICS, RunFolder
from patentlm.trained_model import TrainedModel
from patentlm.training import teachers
from patentlm.training.checkpoints import Checkpoints
from patentlm.training.lightning_module import LanguageModel
from patentlm.training.showing import show
from patentlm.training.throughput import Throughput

log = logging.getLogger(__name__)

TESTED = ("loss", "perplexity", "accuracy", "targets", "bits_per_character")


def report(
    trainer: Trainer,
    model: LanguageModel,
    data: PatentData,
    metadata: CheckpointMetadata,
    folder: RunFolder,
    count: int,
    page: bool,
) -> float:
    """Prints and stores the results of a run: table, sample texts, `metrics.json`.

    Args:
        trainer: trainer that fitted and tested.
        model: trained model with the best weights.
        data: its data.
        metadata: metadata of its checkpoints.
        folder: folder of the run.
        count: number of sample texts.
        page: export the page that shows the network at work.

    Returns:
        The best valid perplexity.
    """
    metrics = _metrics(trainer, model, data, metadata)
    if metrics["fit/seconds"] is not None:
        metrics["fit/seconds"] += teachers.fit_seconds(folder)
    if trainer.is_global_zero:
        if metrics["test/targets"]:
            log.info("\n%s\n", _table(metrics, data))
        if count:
            texts = _texts(TrainedModel(model.network, metadata), count)
            folder.store("samples.txt", f"{texts}\n")
            log.info("%s\n", texts)
        folder.store_json(METRICS, metrics)  # last: a run that has it is complete
        if count or page:
            show(folder, TrainedModel(model.network.cpu(), metadata), data, page=page)
    valid = metrics["valid/perplexity"]
    return float("nan") if valid is None else float(valid)


def _texts(model: TrainedModel, count: int) -> str:
    """Returns numbered sample texts below a line about them."""
    label, seed = model.metadata.label, model.metadata.seed
    texts = enumerate(model.generate(count=count, seed=seed), 1)
    numbered = [f"{number}. {text}" for number, text in texts]
    return "\n\n".join([f"Generated after training on {label}, seed {seed}:", *numbered])


def _metrics(
    trainer: Trainer, model: LanguageModel, data: PatentData, metadata: CheckpointMetadata
) -> dict[str, Any]:
    checkpoints = trainer.checkpoint_callback
    speed = next((c for c in trainer.callbacks if isinstance(c, Throughput)), None)  # type: ignore[attr-defined]
    return {
        **_test_metrics(trainer, data),
        "test/context": describe_context(metadata.context),
        "valid/perplexity": checkpoints.best_score
        if isinstance(checkpoints, Checkpoints)
        else None,
        "parameters": model.network.size,
        "vocabulary": len(metadata.vocabulary),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "precision": trainer.precision,
        "processes": trainer.world_size,
        "threads": torch.get_num_threads(),
        "fit/seconds": speed.fit_seconds if speed else None,
        "train/words_per_second": speed.words_per_second if speed else None,
        "seed": metadata.seed,
        "data": metadata.label,
        "data/fingerprint": metadata.fingerprint,
    }


def _test_metrics(trainer: Trainer, data: PatentData) -> dict[str, Any]:
    """Returns the metrics of test; each None if there was no test."""
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    found: dict[str, Any] = {f"test/{name}": logged.get(f"test/{name}") for name in TESTED}
    if "test/loss" in logged:
        found["test/targets"] = round(logged["test/targets"])
        bits = logged["test/loss"] / math.log(2)
        found["test/bits_per_character"] = bits / data.corpus.characters_per_target("test")
    return found


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
    shown = [(name, _figure(p, ",.1f"), _figure(a, ".1%")) for name, p, a in rows]
    heading = f"{metrics['data']}: test, {metrics['test/targets'] or 0:,} targets, "
    heading += f"context: {metrics['test/context']}"
    table = tabulate(shown, ("", "perplexity", "accuracy"), colalign=("left", "right", "right"))
    return f"{heading}\n\n{table}"


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None or not math.isfinite(value) else format(value, form)
