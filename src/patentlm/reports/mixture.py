"""Fits mixtures on valid alone, and reports what each component is worth."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from omegaconf import DictConfig
from tabulate import tabulate
from torch import Tensor

from patentlm.data.corpus import Corpus
from patentlm.data.windows import evaluation_windows
from patentlm.errors import ConfigError
from patentlm.evaluation.dynamic import Settings, read_adapting
from patentlm.evaluation.mixture import mix
from patentlm.evaluation.mixture_fit import MixtureFit, fit_mixture
from patentlm.evaluation.scoring import read_windows
from patentlm.reports.calibration import SPLIT, some_abstracts
from patentlm.trained_model import TrainedModel

HEADINGS = ("component", "weight", "temperature", "alone", "without it")


def check_mixture(config: DictConfig) -> None:
    """Checks that a mixture goes with the other settings.

    Args:
        config: settings of evaluate.py.

    Raises:
        ConfigError: if it doesn't.
    """
    if not config.mixture:
        return
    if config.cache:
        raise ConfigError("mixture=fitted has a cache of its own; leave out cache=neural")
    if config.split == "train":
        raise ConfigError("split=train: a mixture remembers train; score valid or test")
    if not config.report._target_.endswith("comparison.compare"):
        raise ConfigError("mixture=fitted goes with report=scores alone")


def mixed(
    model: TrainedModel, corpus: Corpus, config: DictConfig, squares: Sequence[Tensor] | None
) -> tuple[TrainedModel, MixtureFit]:
    """Returns a model as a fitted mixture, and what its components are worth.

    Args:
        model: model without a cache.
        corpus: corpus whose train is remembered and valid fitted to; its test is never read.
        config: settings of evaluate.py.
        squares: second moments of gradients for a model that adapts; None for no adaptation.
    """
    context, words = model.metadata.context, len(corpus.vocabulary)
    settings: dict[str, Any] = dict(config.mixture)
    abstracts = settings.pop("abstracts")
    network = mix(model.network, corpus.ids("train"), vocabulary=words, context=context, **settings)
    ids = corpus.ids(SPLIT)
    ids = ids if abstracts is None else some_abstracts(ids, abstracts)
    reads: Iterable[tuple[Any, Tensor]]
    if squares is None:
        windows = evaluation_windows(ids, context=context, batch_size=config.evaluation_batch_size)
        reads = read_windows(network, windows, doing="Fitting the mixture")
    else:
        adaptation = Settings(**config.adaptation)
        reads = read_adapting(network, ids, squares, adaptation, context=context)
    return TrainedModel(network, model.metadata), fit_mixture(network, reads)


def table(name: str, fit: MixtureFit) -> str:
    """Returns a table of what each component of a mixture is worth."""
    rows = [
        (
            part.name,
            f"{part.weight:.3f}",
            f"{part.temperature:.3g}",
            *("–" if math.isinf(p) else f"{p:,.2f}" for p in (part.perplexity, part.without)),
        )
        for part in fit.components
    ]
    about = f"{name}: fitted on {SPLIT}, {fit.targets:,} targets, perplexity {fit.perplexity:,.2f}"
    columns = ("left", *["right"] * 4)
    return f"{about}\n\n{tabulate(rows, HEADINGS, colalign=columns, disable_numparse=True)}"


def figures(fit: MixtureFit) -> dict[str, float | None]:
    """Returns the same by name, for a JSON file; None for an infinite perplexity."""
    found: dict[str, float | None] = {f"mixture/{SPLIT}/perplexity": fit.perplexity}
    for part in fit.components:
        found |= {
            f"mixture/{part.name}/weight": part.weight,
            f"mixture/{part.name}/temperature": part.temperature,
            f"mixture/{part.name}/perplexity": _finite(part.perplexity),
            f"mixture/{part.name}/perplexity_without": _finite(part.without),
        }
    return found


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
