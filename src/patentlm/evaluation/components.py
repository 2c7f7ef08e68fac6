"""The components of a mixture: what each predicts of the next word."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from patentlm.data.arrays import Ids
from patentlm.data.windows import Windows
from patentlm.evaluation.ngram import KneserNey
from patentlm.evaluation.scoring import read_windows
from patentlm.model.ensemble import Ensemble, JointHidden
from patentlm.model.memory import Rows
from patentlm.model.network import Network
from patentlm.terminal import say

KEYS, QUERIES = 1 << 16, 256
"""Training states and queries compared at once: 64 MiB of scores."""

OF_THE_MODEL = tuple(k / 20 for k in range(14, 33))
OF_MEMORIES = tuple(2.0 ** (k / 2) for k in range(-16, 17))
"""Temperatures that a fit tries."""


class Parts(NamedTuple):
    """What the components of a mixture predict from, at N positions of a text."""

    hidden: Any
    """Input of the network's own head."""
    vectors: Tensor
    """Hidden vectors, `(N, H)`; those of an ensemble's members end to end."""
    scores: Tensor
    """Dot products with the hidden vectors of earlier positions, `(N, S)`; minus infinity at
    positions that are not remembered."""
    words: Tensor
    """Words after the earlier positions, `(N, S)`."""
    contexts: Tensor
    """The last words read, `(N, order - 1)`, padded with `<end>`."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Unnormalised log-probabilities over places, each with a word; equal words add up.

    Args:
        scores: `(N, S)`; minus infinity at empty places.
        words: `(N, S)`; None if the places are the words of the vocabulary.
    """

    scores: Tensor
    words: Tensor | None = None

    def log_probs(self, temperature: float, vocabulary: int) -> Tensor:
        """Returns log-probabilities `(N, V)`; nan in rows without any place."""
        places = (self.scores / temperature).log_softmax(-1)  # (N, S)
        if self.words is None:
            return places
        probs = places.new_zeros(len(places), vocabulary)
        probs.scatter_add_(1, self.words, places.exp())
        return _log_probs(probs).masked_fill_(self._empty[:, None], torch.nan)

    def target_probs(self, temperature: float, targets: Tensor) -> Tensor:
        """Returns the probabilities of words `(N,)`, float64 on the CPU; nan without a place."""
        places = (self.scores / temperature).log_softmax(-1)
        if self.words is None:
            return places.gather(1, targets[:, None])[:, 0].cpu().double().exp()
        hits = places.masked_fill(self.words != targets[:, None], -torch.inf)
        probs = hits.cpu().double().exp().sum(1)
        return probs.masked_fill(self._empty.cpu(), torch.nan)

    @property
    def _empty(self) -> Tensor:
        return self.scores.isneginf().all(1)  # (N,)


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a mixture.

    Args:
        name: shown in tables.
        temperatures: values that a fit tries.
        scores: function from N positions to scores.
    """

    name: str
    temperatures: tuple[float, ...]
    scores: Callable[[Parts], Scores]


def model_components(network: Network) -> list[Component]:
    """Returns the component of a network; for an ensemble, one for each member."""
    if not isinstance(network, Ensemble):
        return [Component("model", OF_THE_MODEL, lambda parts: _said(network, parts.hidden))]
    return [
        Component(
            f"model {at + 1}",
            OF_THE_MODEL,
            lambda parts, at=at: _said(network.members[at], parts.hidden.parts[at]),  # type: ignore[misc]
        )
        for at in range(len(network.members))
    ]


def _said(network: Network, hidden: Any) -> Scores:
    return Scores(network.head.logits(hidden).float())


def ngram_component(model: KneserNey) -> Component:
    """Returns the component of an n-gram model."""

    def scores(parts: Parts) -> Scores:
        probs = torch.from_numpy(model.probabilities(parts.contexts.cpu().numpy()))
        return Scores(probs.log().float().to(parts.contexts.device))

    return Component("n-gram", (1.0,), scores)


def cache_component() -> Component:
    """Returns the neural cache: words after similar states of the same text.

    See Grave et al. 2017, "Improving neural language models with a continuous cache".
    """
    return Component("cache", OF_MEMORIES, lambda parts: Scores(parts.scores, parts.words))


def neighbours_component(states: "TrainingStates", count: int) -> Component:
    """Returns the nearest neighbours: words after similar states of the training set.

    See Khandelwal et al. 2020, "Generalization through memorization: nearest neighbor language
    models".
    """
    return Component(
        "neighbours", OF_MEMORIES, lambda parts: Scores(*states.nearest(parts.vectors, count))
    )


class TrainingStates:
    """Hidden vectors of the training set as float16, and the word after each, in memory.

    Args:
        network: trained network.
        windows: training set with every word a target once.
        ids: training set, `(targets + 1,)`.
    """

    def __init__(self, network: Network, windows: Windows, ids: Ids) -> None:
        device, filled = next(network.parameters()).device, 0
        self.words = torch.empty(len(ids) - 1, dtype=torch.int64, device=device)
        for hidden, targets in read_windows(network, windows, doing="States of train"):
            vectors, end = vectors_of(hidden), filled + len(targets)
            if filled == 0:
                size = (len(self.words), vectors.shape[1])
                self.vectors = torch.empty(size, dtype=torch.float16, device=device)
            self.vectors[filled:end], self.words[filled:end] = vectors, targets
            filled = end
        blocks: tuple[Tensor, ...] = torch.split(self.vectors, KEYS)
        self.squares = torch.cat([block.float().square().sum(1) for block in blocks])
        bytes_held = sum(part.nbytes for part in (self.vectors, self.words, self.squares))
        say(f"note: holds {filled:,} states of train in {bytes_held / 1e6:,.0f} MB of memory")

    def nearest(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Returns the nearest states of each vector `(N, H)`, by exact search.

        Returns:
            Negative squared distances plus a constant of each vector, and the words after the
            states, both `(N, min(count, states))`.
        """
        found = [self._nearest(part, count) for part in torch.split(vectors, QUERIES)]
        scores, places = (torch.cat(part) for part in zip(*found, strict=True))
        return scores, self.words[places]

    def _nearest(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Returns scores `2 q·k - |k|² = |q|² - |q - k|²` and places, `(N, count)`."""
        best = vectors.new_empty(len(vectors), 0)
        places = self.words.new_empty(len(vectors), 0)
        for start in range(0, len(self.words), KEYS):
            keys = self.vectors[start : start + KEYS].to(vectors.dtype)
            squares = self.squares[start : start + KEYS].to(vectors.dtype)
            scores, at = torch.addmm(-squares, vectors, keys.T, alpha=2).topk(min(count, len(keys)))
            best, places = torch.cat([best, scores], 1), torch.cat([places, start + at], 1)
            best, kept = best.topk(min(count, best.shape[1]))
            places = places.gather(1, kept)
        return best, places


def vectors_of(hidden: Any) -> Tensor:
    """Returns the hidden vectors `(…, H)` of a network's output; an ensemble's are concatenated."""
    if isinstance(hidden, JointHidden):
        return torch.cat([vectors_of(part) for part in hidden.parts], dim=-1)
    return (hidden.hidden if isinstance(hidden, Rows) else hidden).detach()


def _log_probs(probs: Tensor) -> Tensor:
    """Returns logarithms, minus infinity of 0.

    On some processors the logarithm of 0 takes twenty times as long as that of other numbers, and
    most words of a vocabulary did not follow any of the states.
    """
    logs = probs.clamp(min=torch.finfo(probs.dtype).tiny).log()
    return logs.masked_fill(probs == 0, -torch.inf)
