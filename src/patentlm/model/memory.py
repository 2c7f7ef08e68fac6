"""What a text has said so far as a memory, and heads that copy words from it.

A memory holds pairs: the network's hidden vector at a position, and the word that followed. Where
a network with a copying head has read a word, it gives as hidden vector a *row* that stands on its
own: `[hidden (H) | scores (S) | words (S)]`, how well each remembered vector fits and which word
followed it. So whatever picks, scores or writes hidden vectors works with rows unchanged.

`<end>`, which closes texts and pads them, is never copied: its id 0 marks an empty place.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patentlm.model.autocast import without_autocast

Memory = tuple[Tensor, Tensor]
"""Hidden vectors `(P, B, H)`, and the words after them `(P, B, 1)`; the last vector still waits
for its word, which a 1 says. All zeros are an empty memory."""


class CopyingHead(nn.Module, ABC):
    """Predicts a mixture of a distribution over the vocabulary and of remembered words.

    Args:
        softmax: head over the vocabulary.
        hidden_size: size H of a hidden vector.
        size: pairs remembered; None for all.
    """

    def __init__(self, softmax: nn.Module, *, hidden_size: int, size: int | None) -> None:
        super().__init__()
        self.softmax, self.hidden_size, self.size = softmax, hidden_size, size

    @abstractmethod
    def scores(self, hidden: Tensor, remembered: Tensor) -> Tensor:
        """How well vectors `(B, S, H)` fit hidden vectors `(B, T, H)`, as `(B, T, S)`."""

    @abstractmethod
    def shares(self, hidden: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithms of the vocabulary's share `(…, 1)` and of each remembered word's `(…, S)`.

        Args:
            hidden: `(…, H)`.
            scores: `(…, S)`, minus infinity where a place is empty.
        """

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden vectors `(…, H)`, scores `(…, S)` and words `(…, S)` of rows `(…, H + 2 S)`."""
        places = (rows.shape[-1] - self.hidden_size) // 2
        hidden, scores, words = torch.split(rows, [self.hidden_size, places, places], dim=-1)
        return hidden, scores.masked_fill(words == 0, -torch.inf), words.long()

    def logits(self, rows: Tensor) -> Tensor:
        """Log-probabilities `(…, V)` of rows."""
        hidden, scores, words = self.split(rows)
        share, copied = self.shares(hidden, scores)
        known = self.softmax.logits(hidden).log_softmax(-1) + share  # type: ignore[operator]
        mass = torch.zeros_like(known).scatter_add(-1, words, copied.exp().to(known.dtype))
        return torch.logaddexp(known, mass.log())

    def loss(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy in nats, `()`, of rows `(N, H + 2 S)` against words `(N,)`; of none
        it is 0."""
        hidden, scores, words = self.split(rows)
        share, copied = self.shares(hidden, scores)
        logits = self.softmax.logits(hidden)  # type: ignore[operator]
        known = share[:, 0] - F.cross_entropy(logits, targets, reduction="none")  # (N,)
        copied = copied.masked_fill(words != targets[:, None], -torch.inf)  # (N, S)
        likelihood = torch.cat([known[:, None], copied], dim=1).logsumexp(1)
        return -likelihood.sum() / max(1, len(targets))


def recall(
    read: Callable[[Tensor, Any], tuple[Tensor, Any]], head: CopyingHead, inputs: Tensor, state: Any
) -> tuple[Tensor, Any]:
    """Rows `(B, T, H + 2 S)` of a network that gives hidden vectors, and the state to go on from.

    Args:
        read: `(inputs, state) -> (hidden (B, T, H), state)`.
        head: scores what is remembered.
        inputs: word ids, `(B, T)`.
        state: where an earlier call stopped, memory included; None starts anew.
    """
    before, memory = (None, None) if state is None else state
    hidden, after = read(inputs, before)
    with without_autocast(hidden):  # ids would be rounded
        hidden = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        rows, memory = _remember(hidden, inputs, memory, head)
    return rows, (after, memory)


def _remember(
    hidden: Tensor, inputs: Tensor, memory: Memory | None, head: CopyingHead
) -> tuple[Tensor, Memory]:
    batch, steps, size = hidden.shape
    vectors, words = hidden.new_zeros(batch, 0, size), inputs.new_zeros(batch, 0)
    if memory is not None:
        vectors, words = memory[0].transpose(0, 1), memory[1][..., 0].t()
    past = vectors.shape[1]
    vectors = torch.cat([vectors, hidden], dim=1)  # (B, P + T, H)
    words = torch.cat([words[:, :-1], words[:, -1:] * inputs[:, :1], inputs[:, 1:]], dim=1)
    # Before position t stand the pairs of vectors 0 … P + t - 1.
    places, at = (torch.arange(n, device=hidden.device) for n in (past + steps - 1, steps))
    age = past + at[:, None] - places  # (T, S)
    usable = (age > 0) if head.size is None else (age > 0) & (age <= head.size)
    scores = head.scores(hidden, vectors[:, :-1])  # (B, T, S)
    rows = torch.cat([hidden, scores, (words[:, None] * usable).to(hidden.dtype)], dim=-1)
    kept = slice(-head.size if head.size else None, None)
    waiting = torch.ones_like(inputs[:, :1])
    words = torch.cat([words, waiting], dim=1)[:, kept]
    return rows, (vectors[:, kept].transpose(0, 1), words.t()[..., None])
