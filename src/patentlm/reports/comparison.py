"""Compares checkpoints and baselines on the same targets."""

import json
import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from tabulate import tabulate

from patentlm.checkpoint import CheckpointMetadata, build_data
from patentlm.data.arrays import Ids
from patentlm.data.corpus import Corpus
from patentlm.data.fixed_vocabulary import FixedVocabulary
from patentlm.data.preparation import fingerprint, prepare
from patentlm.data.sources import Source
from patentlm.data.windows import describe_context
from patentlm.data.words import Tokenizer
from patentlm.errors import ConfigError, DataError
from patentlm.evaluation.dynamic import Settings, score_adapting, second_moments
from patentlm.evaluation.metrics import Score
from patentlm.evaluation.mixture_fit import MixtureFit
from patentlm.evaluation.scoring import score_most_common, score_ngram, score_unigram
from patentlm.paths import expanded
from patentlm.reports import mixture
from patentlm.settings.parts import PORTAL
from patentlm.terminal import say
from patentlm.trained_model import TrainedModel, load

Row = tuple[str, ...]

HEADINGS = (
    "model", "parameters", "context", "perplexity", "bits/word", "bits/char", "top-1", "top-5",
    "unknown",
)  # fmt: skip


def load_models(paths: str, *, device: str | None) -> dict[str, TrainedModel]:
    """Loads models.

    Args:
        paths: paths separated by commas; existing paths may have commas themselves.
        device: device to compute on; None for the default.

    Returns:
        Models by path.

    Raises:
        CheckpointError: if one can't be loaded.
    """
    return {path: load(path, device=device) for path in paths_in(paths)}


def paths_in(text: str) -> list[str]:
    """Splits paths separated by commas, so that each is the longest that exists."""
    parts, paths = text.split(","), []
    while parts:
        ends = range(len(parts), 0, -1)
        joined = [(end, ",".join(parts[:end]).strip()) for end in ends]
        there = ((end, path) for end, path in joined if _exists(path))
        end, path = next(there, joined[-1])
        paths.append(path)
        parts = parts[end:]
    return paths


def _exists(path: str) -> bool:
    """True if a path exists, or all members of an ensemble do."""
    members = [path] if expanded(path).exists() else path.split("+")
    return all(expanded(member.strip()).exists() for member in members)


def corpora_of(models: Mapping[str, TrainedModel], data: DictConfig | None) -> dict[str, Corpus]:
    """Prepares the corpus to score on, in the vocabulary of each model.

    Args:
        models: models by path.
        data: config of the data; None for the training data of the first model.

    Returns:
        Corpora by path.

    Raises:
        DataError: if it can't be prepared.
    """
    first = next(iter(models.values())).metadata
    plain: Any = OmegaConf.to_container(data, resolve=True) if data else own_data(first)
    source: Source = build_data(plain)

    @cache
    def prepared(tokenizer: Tokenizer) -> Corpus:
        return prepare(source, tokenizer)

    return {path: prepared(_tokenizer(model.metadata, source)) for path, model in models.items()}


def own_data(metadata: CheckpointMetadata) -> dict[str, Any]:
    """Returns the config of a model's training data, made safe.

    A checkpoint may come from anywhere, so the path to read is announced first, and only the
    portal's own host is asked.

    Raises:
        DataError: if the checkpoint has none.
    """
    data = dict(metadata.data)
    if not data:
        raise DataError("the checkpoint does not say what data it was trained on; give data=…")
    if "path" in data:
        say(f"note: reads {data['path']}, which the checkpoint names as its data")
    if "api_url" in data:
        data["api_url"] = PORTAL
    return data


def training_set(path: str, model: TrainedModel, data: DictConfig | None) -> Ids:
    """Returns the ids of train of the data given, or of the model's training data.

    Args:
        path: path of the model, for the error message.
        model: the model.
        data: config of the data; None for the model's training data.

    Raises:
        DataError: if they can't be prepared.
    """
    try:
        return corpora_of({path: model}, data)[path].ids("train")
    except DataError as error:
        raise DataError(
            f"the training set of {path} can't be had ({error}); name with data=… where it lies, "
            "or leave out novelty=true and adaptation=dynamic, which need it"
        ) from error


def _tokenizer(metadata: CheckpointMetadata, source: Source) -> Tokenizer:
    """Returns the model's own tokenizer if the texts are its own, else one with its vocabulary."""
    tokenizer: Tokenizer = build_data(metadata.tokenizer)
    if fingerprint(source, tokenizer) == metadata.fingerprint:
        return tokenizer
    return FixedVocabulary(tokenizer=tokenizer, vocabulary=tuple(metadata.vocabulary))


def compare(
    models: Mapping[str, TrainedModel], corpora: Mapping[str, Corpus], config: DictConfig
) -> str:
    """Returns a table: models by likelihood, then baselines in the first model's vocabulary.

    The texts are the same for all, so bits per character (see `Corpus.characters_per_target`)
    compare any two models; perplexity, bits per word and accuracy compare models with the same
    vocabulary. `unknown` is the share of targets that are `<unk>`; `copied`, shown where a model
    copies, is the mean share of a target's probability that it copied.

    Args:
        models: models by path.
        corpora: corpora by path, see `corpora_of`.
        config: settings of evaluate.py.

    Raises:
        ConfigError: if `path` names a folder, or settings can't work.
    """
    split, path_of_figures = config.split, _file_of_figures(config.path)
    scored = {path: _score(model, corpora[path], config) for path, model in models.items()}
    best_first = sorted(models, key=lambda path: scored[path][0].nll_sum)
    names = {path: path + additions(config) for path in best_first}
    rows = [
        (*_about(name, models[path]), *_figures(scored[path][0], corpora[path], split))
        for path, name in names.items()
    ]
    corpus = next(iter(corpora.values()))
    rows += _baseline_rows(corpus, split, config.ngram_order)
    copying = any(score.copied is not None for score, _ in scored.values())
    headings = (*HEADINGS, "copied") if copying else HEADINGS
    aligned = ("left", "right", "left", *["right"] * (len(headings) - 3))
    table = tabulate([row[: len(headings)] for row in rows], headings, colalign=aligned)
    targets, characters = (corpus.counts[f"{split}_{name}"] for name in ("targets", "characters"))
    heading = f"{corpus.label}: {split}, {targets:,} targets, {characters:,} characters"
    fits = [(name, scored[path][1]) for path, name in names.items()]
    mixtures = [mixture.table(name, fit) for name, fit in fits if fit]
    if path_of_figures:
        found = {name: _plain(*scored[path], corpora[path], split) for path, name in names.items()}
        path_of_figures.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return "\n\n".join([heading, table, *mixtures])


def _file_of_figures(path: str | None) -> Path | None:
    """Returns where figures go, before any work is lost to a path that can't be written."""
    if path is None:
        return None
    file = expanded(path)
    if file.is_dir():
        raise ConfigError(f"path={path}: is a folder; name a file such as {file / 'scores.json'}")
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _score(
    model: TrainedModel, corpus: Corpus, config: DictConfig
) -> tuple[Score, MixtureFit | None]:
    """Returns a model's score, and for a mixture what its components are worth."""
    score, fit = scorer(model, corpus, config)
    return score(corpus.ids(config.split)), fit


def scorer(
    model: TrainedModel, corpus: Corpus, config: DictConfig
) -> tuple[Callable[[Ids], Score], MixtureFit | None]:
    """Makes what scores ids `(targets + 1,)` with the cache, adaptation and mixture asked for.

    Args:
        model: without any of them.
        corpus: whose train and valid they need.
        config: settings of evaluate.py.

    Returns:
        The function, and for a mixture what its components are worth.
    """
    context, fit = model.metadata.context, None
    squares, settings = None, Settings(**config.adaptation) if config.adaptation else None
    if settings:
        squares = second_moments(model.network, corpus.ids("train"), settings, context=context)
    if config.cache:
        model = model.with_cache(**config.cache)
    if config.mixture:
        model, fit = mixture.mixed(model, corpus, config, squares)
    if settings is None or squares is None:
        return partial(model.score, batch_size=config.evaluation_batch_size), fit
    adapting = partial(score_adapting, squares=squares, settings=settings, context=context)
    return partial(adapting, model.network), fit


def _plain(
    score: Score, fit: MixtureFit | None, corpus: Corpus, split: str
) -> dict[str, float | None]:
    """Returns a row of the table for programs, with the names of `metrics.json`."""
    return {
        f"{split}/perplexity": score.perplexity,
        f"{split}/loss": score.loss,
        f"{split}/bits_per_character": score.bits / corpus.characters_per_target(split),
        f"{split}/accuracy": score.accuracy,
        f"{split}/targets": score.targets,
        **({} if score.copied is None else {f"{split}/copied": score.copied}),
        **(mixture.figures(fit) if fit else {}),
    }


def additions(config: DictConfig) -> str:
    """Returns what follows a model's name: how it was read."""
    named = {
        " + dynamic evaluation": config.adaptation,
        " + neural cache": config.cache,
        " + mixture": config.mixture,
    }
    return "".join(name for name, settings in named.items() if settings)


def _about(path: str, model: TrainedModel) -> Row:
    return (path, f"{model.network.size:,}", describe_context(model.metadata.context))


def _baseline_rows(corpus: Corpus, split: str, order: int) -> list[Row]:
    scores = {
        (f"Kneser-Ney {order}-gram", "–", f"{order - 1} words"): score_ngram(
            corpus, split, order=order
        ),
        ("unigram", "–", "none"): score_unigram(corpus, split),
        ("most common word", "–", "none"): score_most_common(corpus, split),
    }
    return [(*about, *_figures(score, corpus, split)) for about, score in scores.items()]


def _figures(score: Score, corpus: Corpus, split: str) -> Row:
    characters = score.bits / corpus.characters_per_target(split)
    likelihoods = (f"{score.perplexity:,.2f}", f"{score.bits:.3f}", f"{characters:.3f}")
    if math.isnan(score.nll_sum):
        likelihoods = ("–", "–", "–")
    unknown = corpus.counts[f"{split}_unknown"] / corpus.counts[f"{split}_targets"]
    copied = "–" if score.copied is None else f"{score.copied:.1%}"
    accuracies = (f"{score.accuracy:.2%}", f"{score.accuracy5:.2%}")
    return (*likelihoods, *accuracies, f"{unknown:.1%}", copied)
