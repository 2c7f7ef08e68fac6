"""What a text has said so far as a memory, and heads that copy words from it.

A memory holds pairs: the network's hidden vector at a position, and the word that followed. Where
a network with a copying head has read a word, it gives `Rows` in place of hidden vectors: with each
vector, how well the remembered ones fit, and which words followed them.

`<end>`, which closes texts and pads them, is never copied: its id 0 marks an empty place.
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
"""Hidden vectors `(P, B, H)`, and the words after them `(P, B, 1)`; the last vector still waits
for its word, which a 1 says. All zeros are an empty memory."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a copying head predicts from: along the leading dimensions it acts like a tensor.

    Args:
        hidden: hidden vectors, `(…, H)`.
        scores: how well each remembered vector fits, `(…, S)`; minus infinity at empty places.
        words: that followed the remembered vectors, `(…, S)` int64.

    >>> rows = Rows(torch.zeros(2, 3), torch.zeros(2, 5), torch.ones(2, 5, dtype=torch.int64))
    >>> rows[0].scores.shape, rows.repeat(4, 1).words.shape
    (torch.Size([5]), torch.Size([8, 5]))
    """

    hidden: Tensor
    scores: Tensor
    words: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> "Rows":
        """The same change of all three."""
        return Rows(change(self.hidden), change(self.scores), change(self.words))

    def __getitem__(self, at: Any) -> "Rows":
        return self.each(lambda part: part[at])

    def __len__(self) -> int:
        return len(self.hidden)

    def detach(self) -> "Rows":
        """Without the graph that led to it."""
        return self.each(Tensor.detach)

    def transpose(self, one: int, other: int) -> "Rows":
        """Two leading dimensions swapped."""
        return self.each(lambda part: part.transpose(one, other))

    def flatten(self, first: int, last: int) -> "Rows":
        """Leading dimensions as one."""
        return self.each(lambda part: part.flatten(first, last))

    def index_select(self, dimension: int, places: Tensor) -> "Rows":
        """Those at some places of a leading dimension."""
        return self.each(lambda part: part.index_select(dimension, places))

    def repeat(self, *counts: int) -> "Rows":
        """Several times over."""
        return self.each(lambda part: part.repeat(*counts))


class CopyingHead(nn.Module, ABC):
    """Predicts a mixture of a distribution over the vocabulary and of remembered words.

    Args:
        softmax: head over the vocabulary.
        hidden_size: size H of a hidden vector.
        size: pairs remembered; None for all.
    """

    def __init__(self, softmax: VocabularyHead, *, hidden_size: int, size: int | None) -> None:
        super().__init__()
        self.softmax, self.hidden_size, self.size = softmax, hidden_size, size

    @abstractmethod
    def scores(self, hidden: Tensor, remembered: Tensor) -> Tensor:
        """How well vectors `(B, S, H)` fit hidden vectors `(B, T, H)`, as `(B, T, S)`."""

    @abstractmethod
    def log_weights(self, hidden: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of the mixture.

        Args:
            hidden: `(…, H)`.
            scores: `(…, S)`, minus infinity where a place is empty.

        Returns:
            Log weights of the vocabulary `(…, 1)` and of each remembered word `(…, S)`.
        """

    def log_masses(self, rows: Rows, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The log weight of the vocabulary, and the log probability with which targets are copied.

        Args:
            rows: N of them.
            targets: `(N,)`.

        Returns:
            Both `(N,)`; the latter is minus infinity for a word that is not remembered.
        """
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        hits = copied.masked_fill(rows.words != targets[:, None], -torch.inf)
        return weight[:, 0], hits.logsumexp(1)

    def logits(self, rows: Rows) -> Tensor:
        """Log-probabilities `(…, V)` of rows."""
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        known = self.softmax.logits(rows.hidden).log_softmax(-1) + weight
        probs = torch.zeros_like(known).scatter_add(-1, rows.words, copied.exp().to(known.dtype))
        return torch.logaddexp(known, probs.log())

    def loss(self, rows: Rows, targets: Tensor) -> Tensor:
        """Mean cross entropy in nats, `()`, of N rows against words `(N,)`; of none it is 0."""
        return self.softmax.mixed_loss(rows.hidden, targets, *self.log_masses(rows, targets))


def recall(
    read: Callable[[Tensor, Any], tuple[Tensor, Any]], head: CopyingHead, inputs: Tensor, state: Any
) -> tuple[Rows, Any]:
    """Rows `(B, T)` of a network that gives hidden vectors, and the state to go on from.

    Args:
        read: `(inputs, state) -> (hidden (B, T, H), state)`.
        head: scores what is remembered.
        inputs: word ids, `(B, T)`.
        state: where an earlier call stopped, memory included; None starts anew.
    """
    before, memory = (None, None) if state is None else state
    hidden, after = read(inputs, before)
    with without_autocast(hidden):  # differences between scores would be rounded
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
    scores = head.scores(hidden, vectors[:, :-1])  # (B, T, S)
    scores = scores.masked_fill(_empty(words, hidden.shape[1], head.size), -torch.inf)
    rows = Rows(hidden, scores, words[:, None].expand(scores.shape))
    kept = slice(-head.size if head.size else None, None)
    words = torch.cat([words, torch.ones_like(inputs[:, :1])], dim=1)[:, kept]
    return rows, (vectors[:, kept].transpose(0, 1), words.t()[..., None])


def _empty(words: Tensor, steps: int, size: int | None) -> Tensor:
    """Places `(B, T, S)` that must not be copied: `<end>`, what is yet to come, and pairs that are
    too old.

    Args:
        words: remembered, `(B, S)`.
        steps: positions T; before the last of them stand all pairs.
        size: how far back a position looks, None for all the way.
    """
    count = words.shape[1]
    places, positions = (torch.arange(n, device=words.device) for n in (count, steps))
    age = count - steps + 1 + positions[:, None] - places  # (T, S)
    usable = age > 0 if size is None else (age > 0) & (age <= size)
    return ~usable | (words == 0)[:, None]
