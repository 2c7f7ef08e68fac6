"""Checkpoints and baselines side by side on the same targets."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from tabulate import tabulate

from patentlm.checkpoint import build_data, other_vocabulary
from patentlm.data.corpus import Corpus, prepare
from patentlm.data.windows import Context
from patentlm.evaluation.evaluate import score_most_common, score_ngram, score_unigram
from patentlm.model.score import Score
from patentlm.trained_model import TrainedModel, load

Row = tuple[str, ...]

HEADINGS = ("model", "parameters", "context", "perplexity", "bits/word", "top-1", "top-5")


def load_models(paths: Sequence[str], *, device: str | None) -> dict[str, TrainedModel]:
    """Models by the path they were asked for.

    Raises:
        CheckpointError: if one can't be loaded.
    """
    return {path: load(path, device=device) for path in map(str.strip, paths)}


def corpus_of(models: Mapping[str, TrainedModel], data: DictConfig | None) -> Corpus:
    """The corpus to score on: the data given, or those the first model was trained on.

    Raises:
        DataError: if it can't be prepared.
        CheckpointError: if a model has another vocabulary.
    """
    first = next(iter(models.values())).contents
    plain: Any = OmegaConf.to_container(data, resolve=True) if data else first.data
    corpus = prepare(build_data(plain), build_data(first.tokenizer))
    for path, model in models.items():
        if model.words.vocabulary != corpus.words.vocabulary:
            raise other_vocabulary(path, model.contents, len(corpus.words))
    return corpus


def compare(models: Mapping[str, TrainedModel], corpus: Corpus, config: DictConfig) -> str:
    """The table: models by perplexity, then baselines, over every target of a split."""
    split, ids = config.split, corpus.ids(config.split)
    scores = {
        path: model.score(ids, batch_size=config.evaluation_batch_size)
        for path, model in models.items()
    }
    rows = [
        _row(path, score, f"{models[path].parameters:,}", _context(models[path].contents.context))
        for path, score in sorted(scores.items(), key=lambda item: item[1].nats)
    ]
    order = config.ngram_order
    words = f"{order - 1} words"
    rows += [
        _row(f"Kneser-Ney {order}-gram", score_ngram(corpus, split, order=order), "–", words),
        _row("unigram", score_unigram(corpus, split), "–", "none"),
        _row("most common word", score_most_common(corpus, split), "–", "none"),
    ]
    targets = next(iter(scores.values())).targets
    table = tabulate(rows, HEADINGS, colalign=("left", "right", "left", *["right"] * 4))
    return f"{corpus.label}: {split}, {targets:,} targets\n\n{table}"


def _row(name: str, score: Score, parameters: str, context: str) -> Row:
    likelihoods = (
        ("–", "–") if score.nats != score.nats
        else (f"{score.perplexity:,.2f}", f"{score.bits:.3f}")
    )  # fmt: skip
    return (
        name, parameters, context, *likelihoods, f"{score.accuracy:.2%}", f"{score.accuracy5:.2%}"
    )  # fmt: skip


def _context(context: Context) -> str:
    if isinstance(context, int):
        return f"{context} words"
    return context or "abstract"
