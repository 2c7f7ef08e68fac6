"""Memory of the text so far, and heads that copy words from it.

A memory holds pairs of a hidden vector and the word that followed it. A network with a copying head
returns `Rows` instead of hidden vectors: each vector with the scores of the remembered ones and the
words that followed them.

`<end>`, which ends and pads texts, is never copied: its id 0 marks an empty place.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from patentlm.model.autocast import without_autocast
from patentlm.model.head import VocabularyHead

Memory = tuple[Tensor, Tensor]
"""Hidden vectors `(P, B, H)`, and words `(P, B, 1 + K)`: the one after each vector, and the last K
read by then, latest first. The last vector still waits for its word, which a 1 says. All zeros are
an empty memory."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a copying head predicts from; its leading dimensions are used like those of a tensor.

    Args:
        hidden: hidden vectors, `(…, H)`.
        scores: score of each remembered vector, `(…, S)`; minus infinity at empty places.
        words: words that followed the remembered vectors, `(…, S)` int64.
    """

    hidden: Tensor
    scores: Tensor
    words: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> "Rows":
        """Applies a change to all three."""
        return Rows(change(self.hidden), change(self.scores), change(self.words))

    def __getitem__(self, at: Any) -> "Rows":
        return self.each(lambda part: part[at])

    def __len__(self) -> int:
        return len(self.hidden)

    def detach(self) -> "Rows":
        """Detaches from the graph."""
        return self.each(Tensor.detach)

    def transpose(self, one: int, other: int) -> "Rows":
        """Swaps two leading dimensions."""
        return self.each(lambda part: part.transpose(one, other))

    def flatten(self, first: int, last: int) -> "Rows":
        """Flattens leading dimensions into one."""
        return self.each(lambda part: part.flatten(first, last))

    def index_select(self, dimension: int, places: Tensor) -> "Rows":
        """Selects indices of a leading dimension."""
        return self.each(lambda part: part.index_select(dimension, places))

    def repeat(self, *counts: int) -> "Rows":
        """Repeats along each leading dimension."""
        return self.each(lambda part: part.repeat(*counts))


@dataclass(frozen=True, slots=True)
class Places:
    """What may be copied: S remembered pairs as T positions see them.

    Args:
        vectors: hidden vectors, `(B, S, H)`.
        words: that followed them, `(B, S)` int64.
        runs: whether the last 1, 2, … K words read by a place are the last ones read now, K times
            `(B, T, S)` bool.
    """

    vectors: Tensor
    words: Tensor
    runs: tuple[Tensor, ...]


class CopyingHead(nn.Module, ABC):
    """Predicts a mixture of a distribution over the vocabulary and remembered words.

    Args:
        softmax: head over the vocabulary.
        hidden_size: size H of a hidden vector.
        size: pairs that are remembered; None for all.
        match: words K before each place that are compared with the last ones.
    """

    def __init__(
        self, softmax: VocabularyHead, *, hidden_size: int, size: int | None, match: int
    ) -> None:
        super().__init__()
        self.softmax, self.hidden_size, self.size, self.match = softmax, hidden_size, size, match

    @abstractmethod
    def scores(self, hidden: Tensor, places: Places) -> Tensor:
        """Scores places against hidden vectors `(B, T, H)`, as `(B, T, S)`."""

    @abstractmethod
    def log_weights(self, hidden: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the mixture weights.

        Args:
            hidden: hidden vectors, `(…, H)`.
            scores: scores, `(…, S)`, minus infinity at empty places.

        Returns:
            Log weights of the vocabulary `(…, 1)` and of each remembered word `(…, S)`.
        """

    def log_masses(self, rows: Rows, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the vocabulary's log weight, and the log-probability of copying each target.

        Args:
            rows: N rows.
            targets: words, `(N,)`.

        Returns:
            Both `(N,)`; the latter is minus infinity for a word that is not remembered.
        """
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        hits = copied.masked_fill(rows.words != targets[:, None], -torch.inf)
        return weight[:, 0], hits.logsumexp(1)

    def logits(self, rows: Rows) -> Tensor:
        """Returns log-probabilities `(…, V)` for rows."""
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        known = self.softmax.logits(rows.hidden).log_softmax(-1) + weight
        probs = torch.zeros_like(known).scatter_add(-1, rows.words, copied.exp().to(known.dtype))
        return torch.logaddexp(known, probs.log())

    def loss(self, rows: Rows, targets: Tensor) -> Tensor:
        """Returns the mean cross entropy `()` of N rows and targets `(N,)`; 0 if N is 0."""
        return self.softmax.mixed_loss(rows.hidden, targets, *self.log_masses(rows, targets))


def recall(
    read: Callable[[Tensor, Any], tuple[Tensor, Any]], head: CopyingHead, inputs: Tensor, state: Any
) -> tuple[Rows, Any]:
    """Returns rows `(B, T)` of a network, and the state to continue from.

    Args:
        read: `(inputs, state) -> (hidden (B, T, H), state)`.
        head: scores the memory.
        inputs: word ids, `(B, T)`.
        state: state of an earlier call, memory included; None for a new text.
    """
    before, memory = (None, None) if state is None else state
    hidden, after = read(inputs, before)
    with without_autocast(hidden):  # low precision rounds differences between scores
        hidden = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        rows, memory = _remember(hidden, inputs, memory, head)
    return rows, (after, memory)


def _remember(
    hidden: Tensor, inputs: Tensor, memory: Memory | None, head: CopyingHead
) -> tuple[Rows, Memory]:
    vectors, words = hidden, inputs[:, 1:]
    if memory is not None:
        vectors = torch.cat([memory[0].transpose(0, 1), hidden], dim=1)  # (B, P + T, H)
        earlier = memory[1][..., 0].t()
        words = torch.cat([earlier[:, :-1], earlier[:, -1:] * inputs[:, :1], words], dim=1)
    steps, before = hidden.shape[1], _words_before(inputs, memory, head.match)
    places = Places(vectors[:, :-1], words, _runs(before, steps))
    scores = head.scores(hidden, places)  # (B, T, S)
    scores = scores.masked_fill(empty_places(words, steps, head.size), -torch.inf)
    rows = Rows(hidden, scores, words[:, None].expand(scores.shape))
    words = torch.cat([words, torch.ones_like(inputs[:, :1])], dim=1)
    words = torch.cat([words[..., None], before], dim=2)  # (B, P + T, 1 + K)
    kept = slice(-head.size if head.size else None, None)
    return rows, (vectors[:, kept].transpose(0, 1), words[:, kept].transpose(0, 1))


def _words_before(inputs: Tensor, memory: Memory | None, count: int) -> Tensor:
    """Last K words read by each vector, latest first, `(B, P + T, K)`; 0 where there were none."""
    texts, steps = inputs.shape
    if memory is None:
        known = inputs.new_zeros(texts, 1, count)
    else:
        known = memory[1][..., 1:].transpose(0, 1)
    read = torch.cat([known[:, -1].flip(1), inputs], dim=1)  # (B, K + T)
    latest = [read[:, count - back : count - back + steps] for back in range(count)]
    new = torch.stack(latest, dim=2) if count else read.new_empty(*read.shape, 0)
    return new if memory is None else torch.cat([known, new], dim=1)


def _runs(before: Tensor, steps: int) -> tuple[Tensor, ...]:
    """See `Places`; the empty word 0 is never one that stood before."""
    runs: list[Tensor] = []
    for words in before.unbind(2):
        now, then = words[:, -steps:, None], words[:, None, :-1]
        same = (now == then) & (now != 0)
        runs.append(runs[-1] & same if runs else same)
    return tuple(runs)


def empty_places(words: Tensor, steps: int, size: int | None) -> Tensor:
    """Returns a mask of places that must not be copied: `<end>`, future pairs, pairs too old.

    Args:
        words: remembered words, `(B, S)`.
        steps: number T of positions; before the last are all pairs.
        size: how far back a position looks; None for no limit.

    Returns:
        Mask `(B, T, S)`.
    """
    count = words.shape[1]
    places, positions = (torch.arange(n, device=words.device) for n in (count, steps))
    age = count - steps + 1 + positions[:, None] - places  # (T, S)
    usable = age > 0 if size is None else (age > 0) & (age <= size)
    return ~usable | (words == 0)[:, None]
