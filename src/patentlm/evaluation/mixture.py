"""Interpolates a network with an n-gram, a neural cache and nearest neighbours."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from patentlm.data.arrays import Ids
from patentlm.data.windows import Context, evaluation_windows
from patentlm.evaluation.components import (
    Component,
    Parts,
    Scores,
    TrainingStates,
    cache_component,
    model_components,
    neighbours_component,
    ngram_component,
    vectors_of,
)
from patentlm.evaluation.ngram import KneserNey
from patentlm.model.ensemble import Ensemble, JointHidden
from patentlm.model.memory import empty_places
from patentlm.model.network import Head, Network, State

Memory = tuple[Tensor, Tensor]
"""Hidden vectors `(P, B, H)` after the last words, and those words' ids plus 1, `(P, B, 1)`; zeros
are an empty memory."""


class Mixture(Network):
    """A linear interpolation of a network's probabilities with those of other components.

    It is a network itself, so it scores, writes and adapts like one. Where a component predicts
    nothing, as the cache does at the first word, its weight goes to the first.

    Args:
        network: trained network.
        components: components of the mixture, the network's first; an ensemble has several.
        vocabulary: number of words V.
        order: words in the longest n-gram.
        cache_size: positions of the text remembered.
    """

    def __init__(
        self,
        network: Network,
        components: Sequence[Component],
        *,
        vocabulary: int,
        order: int,
        cache_size: int,
    ) -> None:
        nn.Module.__init__(self)
        self.network, self.components, self.vocabulary = network, list(components), vocabulary
        self.order, self.cache_size = order, cache_size
        models = len(network.members) if isinstance(network, Ensemble) else 1
        self.weights = [1 / models] * models + [0.0] * (len(components) - models)
        self.temperatures = [1.0] * len(components)

    @property
    def head(self) -> Head:
        """Returns the mixture itself, which turns what it has read into log-probabilities."""
        return cast(Head, self)

    def forward(self, inputs: Tensor, state: State = None) -> tuple[Any, State]:
        """Returns the components' input after each word `(B, T)`, and the state after the last."""
        before, memory = (None, None) if state is None else state
        hidden, after = self.network(inputs, before)
        parts, memory = self._parts(hidden, inputs, memory)
        return JointHidden(parts), (after, memory)

    def logits(self, hidden: JointHidden) -> Tensor:
        """Returns log-probabilities `(N, V)`."""
        mixed: Tensor | None = None
        for scores, weight, temperature in zip(
            self.scores(hidden), self.weights, self.temperatures, strict=True
        ):
            log_probs = scores.log_probs(temperature, self.vocabulary)
            if mixed is None:
                model = log_probs
                mixed = model + _log(weight, model)
            else:
                said = torch.where(log_probs.isnan(), model, log_probs)
                mixed = torch.logaddexp(mixed, said + _log(weight, said))
        return cast(Tensor, mixed)

    def loss(self, hidden: JointHidden, targets: Tensor) -> Tensor:
        """Returns the network's own loss: no other component learns."""
        return self.network.head.loss(hidden.parts[0], targets)

    def scores(self, hidden: JointHidden) -> list[Scores]:
        """Returns the scores of each component."""
        parts = Parts(*hidden.parts)
        return [component.scores(parts) for component in self.components]

    def shares(self, hidden: JointHidden, targets: Tensor) -> Tensor:
        """Returns each component's share of the probability of words `(N,)`, `(N, C)`."""
        said = [
            scores.target_probs(temperature, targets)
            for scores, temperature in zip(self.scores(hidden), self.temperatures, strict=True)
        ]
        probs = torch.stack(said, dim=1)
        joint = torch.where(probs.isnan(), probs[:, :1], probs) * torch.tensor(self.weights)
        return joint / joint.sum(1, keepdim=True)

    def _parts(self, hidden: Any, inputs: Tensor, memory: Memory | None) -> tuple[Parts, Memory]:
        """Returns the components' input at each word `(B, T)`, and the memory after the last."""
        read = vectors_of(hidden)  # (B, T, H)
        vectors, words = read, inputs + 1
        if memory is not None:
            vectors = torch.cat([memory[0].transpose(0, 1), read], dim=1)  # (B, P + T, H)
            words = torch.cat([memory[1][..., 0].t(), words], dim=1)
        kept = slice(-max(self.cache_size, self.order), None)
        memory = vectors[:, kept].transpose(0, 1), words[:, kept].t()[..., None]
        unread, words = words[:, :-1] == 0, (words - 1).clamp(min=0)
        scores = read @ vectors[:, :-1].mT  # (B, T, P + T - 1)
        followers = words[:, 1:]
        empty = empty_places(followers, inputs.shape[1], self.cache_size) | unread[:, None]
        scores = scores.masked_fill(empty, -torch.inf)
        followers = followers[:, None].expand(scores.shape)
        contexts = _contexts(words, inputs, self.order - 1)
        return Parts(hidden, read, scores, followers, contexts), memory


def mix(
    network: Network,
    train: Ids,
    *,
    vocabulary: int,
    context: Context,
    ngram_order: int,
    cache_size: int,
    neighbours: int,
) -> Mixture:
    """Builds the mixture of a network; before a fit all weight is the network's.

    Args:
        network: trained network.
        train: its training set, `(targets + 1,)`.
        vocabulary: number of words V.
        context: how far back the network looks; no other component looks further.
        ngram_order: words in the longest n-gram; 0 for no n-gram.
        cache_size: positions of the text remembered; 0 for no cache.
        neighbours: nearest training states; 0 for none.
    """
    components = model_components(network)
    if ngram_order:
        counted = KneserNey(train, vocabulary=vocabulary, order=ngram_order)
        components.append(ngram_component(counted))
    if cache_size:
        components.append(cache_component())
    if neighbours:
        windows = evaluation_windows(train, context=context, batch_size=32)
        states = TrainingStates(network, windows, train)
        components.append(neighbours_component(states, neighbours))
    order = max(1, ngram_order)
    return Mixture(network, components, vocabulary=vocabulary, order=order, cache_size=cache_size)


def _contexts(words: Tensor, inputs: Tensor, length: int) -> Tensor:
    """Returns the last words `(B, T, length)` at each input, padded with `<end>`.

    Args:
        words: word ids in memory, the inputs included, `(B, P + T)`.
        inputs: word ids, `(B, T)`.
        length: words of a context, which does not go back beyond an `<end>`.
    """
    filled = torch.nn.functional.pad(words, (length, 0))  # `<end>` is 0
    last = filled.unfold(1, length, 1)[:, -inputs.shape[1] :]
    same_text = (last != 0).flip(-1).cumprod(-1).flip(-1)
    return last * same_text


def _log(weight: float, like: Tensor) -> Tensor:
    return like.new_tensor(weight).log()
