"""Weights and temperatures of a mixture, fitted by expectation maximisation."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from patentlm.evaluation.components import Scores
from patentlm.evaluation.metrics import ROWS, full_float32
from patentlm.evaluation.mixture import Mixture

FEW_STEPS, MOST_STEPS = 50, 2000
"""Steps of expectation maximisation for each temperature tried, and at the end."""
PRECISION = 1e-6
"""Change of all weights below which expectation maximisation stops."""


@dataclass(frozen=True, slots=True)
class FittedComponent:
    """What a component is worth on the targets of a fit.

    Args:
        name: name of the component.
        weight: mixture weight.
        temperature: divisor of its scores.
        perplexity: perplexity of the component alone; infinite if a target has probability 0.
        without: perplexity of the mixture of all others, with weights fitted again; infinite if
            there are none.
    """

    name: str
    weight: float
    temperature: float
    perplexity: float
    without: float


@dataclass(frozen=True, slots=True)
class MixtureFit:
    """A fit of a mixture: its components, the perplexity and the number of targets."""

    components: tuple[FittedComponent, ...]
    perplexity: float
    targets: int


@torch.no_grad()
def fit_mixture(mixture: Mixture, reads: Iterable[tuple[Any, Tensor]]) -> MixtureFit:
    """Sets a mixture's weights and temperatures to those with the lowest perplexity on targets.

    Args:
        mixture: mixture to fit, in place.
        reads: its hidden vectors and targets `(N,)`, batch by batch.
    """
    parts = zip(*_tables(mixture, reads), strict=True)
    tables = [torch.cat(part) for part in parts]  # (N, temperatures) of each component
    choices, weights = choose(tables)
    probs = _chosen(tables, choices)
    mixture.weights = weights.tolist()
    mixture.temperatures = [
        component.temperatures[choice]
        for component, choice in zip(mixture.components, choices, strict=True)
    ]
    fitted = tuple(
        FittedComponent(
            component.name, weight, temperature, _perplexity(probs[:, at]), _without(probs, at)
        )
        for at, (component, weight, temperature) in enumerate(
            zip(mixture.components, mixture.weights, mixture.temperatures, strict=True)
        )
    )
    return MixtureFit(fitted, _perplexity(probs @ weights), len(probs))


def choose(tables: Sequence[Tensor]) -> tuple[list[int], Tensor]:
    """Returns a column of each table and weights `(C,)` that give targets the highest likelihood.

    The search is by coordinate: in the end no other column of any one table is better.

    Args:
        tables: probabilities of N targets by each component, `(N, columns)`; nan stands for what
            the first component gives.
    """
    choices = [table.shape[1] // 2 for table in tables]
    before: list[int] = []
    while choices != before:
        before = choices.copy()
        for at, table in enumerate(tables):
            columns = [[*choices[:at], k, *choices[at + 1 :]] for k in range(table.shape[1])]
            tried = [_best_perplexity(_chosen(tables, some), FEW_STEPS) for some in columns]
            choices[at] = tried.index(min(tried))
    return choices, expectation_maximisation(_chosen(tables, choices), MOST_STEPS)


def expectation_maximisation(probs: Tensor, steps: int) -> Tensor:
    """Returns mixture weights `(C,)` that maximise likelihood, by expectation maximisation.

    The likelihood is concave in the weights, so there is one maximum (Dempster et al. 1977).

    Args:
        probs: probabilities of N targets by each component, `(N, C)`.
        steps: maximum number of steps.
    """
    weights = torch.full((probs.shape[1],), 1 / probs.shape[1], dtype=torch.float64)
    for _ in range(steps):
        joint = probs * weights
        updated = (joint / joint.sum(1, keepdim=True)).mean(0)
        moved, weights = float((updated - weights).abs().max()), updated
        if moved < PRECISION:
            break
    return weights


def _tables(mixture: Mixture, reads: Iterable[tuple[Any, Tensor]]) -> Iterator[list[Tensor]]:
    """Yields the probabilities of targets by component and temperature, nan for no prediction."""
    for hidden, targets in reads:
        for start in range(0, len(targets), ROWS):
            at = slice(start, start + ROWS)
            with full_float32(targets):
                said = mixture.scores(hidden[at])
            pairs = zip(said, mixture.components, strict=True)
            yield [
                _by_temperature(scores, part.temperatures, targets[at]) for scores, part in pairs
            ]


def _by_temperature(scores: Scores, temperatures: Sequence[float], targets: Tensor) -> Tensor:
    return torch.stack([scores.target_probs(some, targets) for some in temperatures], dim=1)


def _chosen(tables: Sequence[Tensor], choices: Sequence[int]) -> Tensor:
    pairs = zip(tables, choices, strict=True)
    probs = torch.stack([table[:, choice] for table, choice in pairs], dim=1)  # (N, C)
    return torch.where(probs.isnan(), probs[:, :1], probs)


def _without(probs: Tensor, at: int) -> float:
    others = torch.cat([probs[:, :at], probs[:, at + 1 :]], dim=1)
    return _best_perplexity(others, MOST_STEPS) if others.shape[1] else math.inf


def _best_perplexity(probs: Tensor, steps: int) -> float:
    return _perplexity(probs @ expectation_maximisation(probs, steps))


def _perplexity(probs: Tensor) -> float:
    loss = float(-probs.log().mean())
    return math.exp(loss) if loss < 700 else math.inf
