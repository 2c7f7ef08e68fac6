"""Calibrates the neural cache and dynamic evaluation on valid alone."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from patentlm.data.arrays import Ids
from patentlm.data.corpus import Corpus
from patentlm.data.windows import (
    Context,
    abstract_starts,
    chosen_abstracts,
    evaluation_windows,
)
from patentlm.errors import ConfigError
from patentlm.evaluation.dynamic import Settings, read_adapting, second_moments
from patentlm.evaluation.metrics import Score, hidden_metric_sums
from patentlm.evaluation.scoring import read_windows
from patentlm.model.cache import CacheHead
from patentlm.model.ensemble import Ensemble
from patentlm.model.memory import Rows
from patentlm.model.network import Network
from patentlm.trained_model import TrainedModel

SPLIT = "valid"
THETAS = tuple(2 ** (k / 2) for k in range(-16, 7))
WEIGHTS = tuple(k / 50 for k in range(48))
STEP = 2.0
"""Factor between neighbouring learning rates, and between decays."""


def calibrate(
    models: Mapping[str, TrainedModel],
    corpora: Mapping[str, Corpus],
    config: DictConfig,
    *,
    abstracts: int,
) -> str:
    """Returns a line for each model, see `tune`."""
    return "\n".join(
        f"{path}: {tune(model, corpora[path], config, abstracts=abstracts)}"
        for path, model in models.items()
    )


def tune(model: TrainedModel, corpus: Corpus, config: DictConfig, *, abstracts: int) -> str:
    """Finds the constants with the lowest perplexity on abstracts of valid.

    Learning rate and decay are found by hill climbing from the given ones; for each pair, all
    thetas and weights of a grid are tried on one reading.

    Args:
        model: model without a cache.
        corpus: corpus, of which train and valid are read, test never.
        config: settings of evaluate.py.
        abstracts: number of abstracts of valid, evenly spaced.

    Returns:
        The constants as command-line arguments.

    Raises:
        ConfigError: if there is nothing to tune, or settings do not work.
    """
    if isinstance(model.network, Ensemble):
        raise ConfigError("tune finds constants of single models; give the members one by one")
    if not config.cache and not config.adaptation:
        raise ConfigError(
            "report=calibration has nothing to tune; give cache=neural or adaptation=dynamic"
        )
    ids, context = some_abstracts(corpus.ids(SPLIT), abstracts), model.metadata.context
    network = model.with_cache(**config.cache).network if config.cache else model.network
    chosen = []
    if config.adaptation:
        settings = Settings(**config.adaptation)
        squares = second_moments(model.network, corpus.ids("train"), settings, context=context)
        settings, found = hill_climb(network, ids, squares, settings, context=context)
        chosen += ["adaptation=dynamic"]
        chosen += [f"adaptation.{n}={getattr(settings, n):.3g}" for n in ("learning_rate", "decay")]
    else:
        windows = evaluation_windows(ids, context=context, batch_size=config.evaluation_batch_size)
        found = fit(network, read_windows(network, windows))
    if config.cache:
        chosen += ["cache=neural", f"cache.theta={found.theta:.3g} cache.weight={found.weight:.3g}"]
    arguments = " ".join(chosen)
    return f"{SPLIT}, {len(ids) - 1:,} targets: perplexity {found.perplexity:.2f} with\n{arguments}"


def some_abstracts(ids: Ids, count: int) -> Ids:
    """Returns `count` evenly spaced abstracts of a split `(targets + 1,)`, or all of fewer."""
    abstracts = len(abstract_starts(ids)) - 1
    chosen = np.unique(np.linspace(0, abstracts - 1, min(count, abstracts)).round().astype(int))
    return chosen_abstracts(ids, chosen)


@dataclass(frozen=True, slots=True)
class Fit:
    """A perplexity and the cache's constants that give it, nan without a cache."""

    perplexity: float
    theta: float = math.nan
    weight: float = math.nan


@torch.no_grad()
def fit(network: Network, reads: Iterable[tuple[Any, Tensor]]) -> Fit:
    """Returns the lowest perplexity with any of `THETAS` and `WEIGHTS`, or without a cache.

    Args:
        network: network, whose cache's own constants are not used.
        reads: its rows and the targets.
    """
    head = network.head
    if not isinstance(head, CacheHead):
        sums = [hidden_metric_sums(network, hidden, targets) for hidden, targets in reads]
        return Fit(Score.of(torch.stack(sums).sum(0)).perplexity)
    parts = [_target_probs(head, rows, targets) for rows, targets in reads]
    known, copied = (torch.cat(part) for part in zip(*parts, strict=True))  # (N, 1), (N, thetas)
    full = ~copied.isnan()
    losses = torch.stack(
        [
            -torch.where(full, weight * copied + (1 - weight) * known, known).log().mean(0)
            for weight in WEIGHTS
        ]
    )  # (weights, thetas)
    weight, theta = divmod(int(losses.argmin()), len(THETAS))
    return Fit(math.exp(float(losses.min())), THETAS[theta], WEIGHTS[weight])


def _target_probs(head: CacheHead, rows: Rows, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns each target's probability without the cache `(N, 1)` and by the cache `(N, thetas)`.

    The latter is nan while the cache is empty.
    """
    # Apple's GPUs have no float64.
    logits = head.softmax.logits(rows.hidden).cpu().double()
    known = logits.softmax(-1).gather(1, targets.cpu()[:, None])
    hits = rows.words == targets[:, None]
    copied = [((theta * rows.scores).softmax(-1) * hits).sum(1) for theta in THETAS]
    empty = rows.scores.isinf().all(-1, keepdim=True)
    return known, torch.stack(copied, dim=1).masked_fill(empty, torch.nan).cpu().double()


def hill_climb(
    network: Network, ids: Ids, squares: Sequence[Tensor], settings: Settings, *, context: Context
) -> tuple[Settings, Fit]:
    """Finds a learning rate and a decay that no neighbour improves, by hill climbing.

    Each pair is rated with the best constants of the cache, if there is one.
    """
    tried: dict[Settings, Fit] = {}

    def perplexity(settings: Settings) -> float:
        if settings not in tried:
            reads = read_adapting(network, ids, squares, settings, context=context)
            tried[settings] = fit(network, reads)
        return tried[settings].perplexity

    while True:
        best = min([settings, *_neighbours(settings)], key=perplexity)
        if best == settings:
            return best, tried[best]
        settings = best


def _neighbours(settings: Settings) -> Iterator[Settings]:
    for factor in (STEP, 1 / STEP):
        yield replace(settings, learning_rate=settings.learning_rate * factor)
        yield replace(settings, decay=settings.decay * factor)
