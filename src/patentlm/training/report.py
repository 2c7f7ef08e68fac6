"""What a run came to: the table at its end, sample texts, `metrics.json`."""

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
from patentlm.training.callbacks import Throughput, best_checkpoint
from patentlm.training.lightning_module import LanguageModel
from patentlm.training.showing import show

log = logging.getLogger(__name__)


def report(
    trainer: Trainer,
    model: LanguageModel,
    data: PatentData,
    metadata: CheckpointMetadata,
    folder: RunFolder,
    count: int,
    page: bool,
) -> float:
    """Prints and stores what the run came to: table, sample texts, `metrics.json`.

    Args:
        count: sample texts.
        page: whether to make the page that shows the network at work.

    Returns:
        The best valid perplexity.
    """
    metrics = _metrics(trainer, model, data, metadata)
    if trainer.is_global_zero:
        texts = TrainedModel(model.network, metadata).generate(count=count, seed=metadata.seed)
        samples = "\n\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1))
        heading = f"Generated after training on {metadata.label}, seed {metadata.seed}:"
        folder.store("samples.txt", f"{heading}\n\n{samples}\n")
        log.info("\n%s\n\n%s\n\n%s\n", _table(metrics, data), heading, samples)
        folder.store_json(METRICS, metrics)  # last: a run that has it is complete
        show(folder, TrainedModel(model.network.cpu(), metadata), data, page=page)
    return float(metrics["valid/perplexity"])


def _metrics(
    trainer: Trainer, model: LanguageModel, data: PatentData, metadata: CheckpointMetadata
) -> dict[str, Any]:
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    best = best_checkpoint(trainer)
    valid = best.best_model_score if best is not None else None
    speed = next((c for c in trainer.callbacks if isinstance(c, Throughput)), None)  # type: ignore[attr-defined]
    return {
        **{name: value for name, value in logged.items() if name.startswith("test/")},
        "test/targets": round(logged["test/targets"]),
        "test/bits_per_character": logged["test/loss"]
        / math.log(2)
        / data.corpus.characters_per_target("test"),
        "test/context": describe_context(metadata.context),
        "valid/perplexity": float("nan") if valid is None else float(valid),
        "parameters": model.network.size,
        "vocabulary": len(metadata.vocabulary),
        "epochs": trainer.current_epoch,
        "precision": trainer.precision,
        "processes": trainer.world_size,
        "threads": torch.get_num_threads(),
        "fit/seconds": speed.fit_seconds if speed else None,
        "train/words_per_second": speed.words_per_second if speed else None,
        "seed": metadata.seed,
        "data": metadata.label,
        "data/fingerprint": metadata.fingerprint,
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
