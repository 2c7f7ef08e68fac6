"""Checkpoints and baselines side by side on the same targets."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from tabulate import tabulate

from patentlm.checkpoint import build_data, other_vocabulary
from patentlm.data.corpus import Corpus, prepare
from patentlm.data.windows import describe_context
from patentlm.evaluation.dynamic import Settings, mean_squares, score_adapting
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
    scores = {path: _score(model, corpus, config) for path, model in models.items()}
    best_first = sorted(models, key=lambda path: scores[path].nats)
    rows = [
        _model_row(path + _additions(config), models[path], scores[path]) for path in best_first
    ]
    rows += _baseline_rows(corpus, config.split, config.ngram_order)
    table = tabulate(rows, HEADINGS, colalign=("left", "right", "left", *["right"] * 4))
    targets = scores[best_first[0]].targets
    return f"{corpus.label}: {config.split}, {targets:,} targets\n\n{table}"


def _score(model: TrainedModel, corpus: Corpus, config: DictConfig) -> Score:
    if config.cache:
        model = model.with_cache(**config.cache)
    ids, context = corpus.ids(config.split), model.contents.context
    if not config.adaptation:
        return model.score(ids, batch_size=config.evaluation_batch_size)
    settings = Settings(**config.adaptation)
    squares = mean_squares(model.network, corpus.ids("train"), settings, context=context)
    return score_adapting(model.network, ids, squares, settings, context=context)


def _additions(config: DictConfig) -> str:
    """What a model's row says of how it was scored."""
    additions = {" + dynamic evaluation": config.adaptation, " + neural cache": config.cache}
    return "".join(name for name, settings in additions.items() if settings)


def _model_row(path: str, model: TrainedModel, score: Score) -> Row:
    context = describe_context(model.contents.context)
    return (path, f"{model.network.size:,}", context, *_figures(score))


def _baseline_rows(corpus: Corpus, split: str, order: int) -> list[Row]:
    ngram = score_ngram(corpus, split, order=order)
    return [
        (f"Kneser-Ney {order}-gram", "–", f"{order - 1} words", *_figures(ngram)),
        ("unigram", "–", "none", *_figures(score_unigram(corpus, split))),
        ("most common word", "–", "none", *_figures(score_most_common(corpus, split))),
    ]


def _figures(score: Score) -> Row:
    likelihoods = (f"{score.perplexity:,.2f}", f"{score.bits:.3f}")
    if math.isnan(score.nats):
        likelihoods = ("–", "–")
    return (*likelihoods, f"{score.accuracy:.2%}", f"{score.accuracy5:.2%}")
