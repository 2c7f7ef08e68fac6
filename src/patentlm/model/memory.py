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
from patentlm.model.copies import Copies, with_copies
from patentlm.model.head import VocabularyHead
from patentlm.model.soft_cross_entropy import SoftTargets

Memory = tuple[Tensor, Tensor]
"""Hidden vectors `(P, B, H)`, and the last K words that each had read, latest first, as ids plus 1,
`(P, B, K)`. All zeros are an empty memory."""


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
        runs: whether the last 1, 2, … K words read by a place are the last ones read now,
            `(B, T, K, S)` bool.
    """

    vectors: Tensor
    words: Tensor
    runs: Tensor


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

    def log_parts(self, rows: Rows, targets: Tensor) -> Tensor:
        """Returns log-probabilities of targets `(N,)` from the vocabulary and copied, `(N, 2)`."""
        weight, copied = self.log_masses(rows, targets)
        known = self.softmax.logits(rows.hidden).float().log_softmax(-1)
        known = known.gather(1, targets[:, None])[:, 0] + weight
        return torch.stack([known, copied], dim=1)

    def logits(self, rows: Rows) -> Tensor:
        """Returns log-probabilities `(…, V)` for rows."""
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        logs = self.softmax.logits(rows.hidden).log_softmax(-1)
        return with_copies(logs, Copies(weight[..., 0], copied, rows.words))

    @torch.no_grad()
    def probs(self, rows: Rows) -> Tensor:
        """Returns probabilities `(…, V)` for rows, in float32 or wider, without a gradient."""
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        probs = self.softmax.probs(rows.hidden).mul_(weight.exp())
        return probs.scatter_add_(-1, rows.words, copied.exp().to(probs.dtype))

    def loss(self, rows: Rows, targets: Tensor) -> Tensor:
        """Returns the mean cross entropy `()` of N rows and targets `(N,)`; 0 if N is 0."""
        return self.softmax.mixed_loss(rows.hidden, targets, *self.log_masses(rows, targets))

    def soft_loss(self, rows: Rows, soft_targets: SoftTargets) -> Tensor:
        """Returns the mean cross entropy `()` of N rows and soft targets; 0 if N is 0."""
        weight, copied = self.log_weights(rows.hidden, rows.scores)
        return self.softmax.soft_loss(
            rows.hidden, soft_targets, Copies(weight[:, 0], copied, rows.words)
        )


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
    vectors, steps = hidden, inputs.shape[1]
    if memory is not None:
        vectors = torch.cat([memory[0].transpose(0, 1), hidden], dim=1)  # (B, P + T, H)
    read = _last_read(inputs + 1, memory, max(1, head.match))  # (B, P + T, K)
    words = (read[:, 1:, 0] - 1).clamp(min=0) * (read[:, :-1, 0] > 0)
    places = Places(vectors[:, :-1], words, _runs(read, steps)[:, :, : head.match])
    scores = head.scores(hidden, places)  # (B, T, S)
    scores = scores.masked_fill(empty_places(words, steps, head.size), -torch.inf)
    kept = slice(-head.size if head.size else None, None)
    memory = vectors[:, kept].transpose(0, 1), read[:, kept].transpose(0, 1)
    return Rows(hidden, scores, words[:, None].expand(scores.shape)), memory


def _last_read(read: Tensor, memory: Memory | None, count: int) -> Tensor:
    """Returns the last K words read by each vector, latest first, `(B, P + T, K)`.

    Args:
        read: ids plus 1 of the words read now, `(B, T)`.
        memory: memory before them.
        count: words K.
    """
    if memory is None:
        return torch.nn.functional.pad(read, (count - 1, 0)).unfold(1, count, 1).flip(2)
    before = memory[1].transpose(0, 1)  # (B, P, K)
    read = torch.cat([before[:, -1, : count - 1].flip(1), read], dim=1)
    return torch.cat([before, read.unfold(1, count, 1).flip(2)], dim=1)


def _runs(read: Tensor, steps: int) -> Tensor:
    """Returns the runs of `Places`; `<end>` and what was not read stand before no word."""
    now, then = read[:, -steps:, :, None], read[:, None, :-1].mT.contiguous()
    same = now.where(now > 1, -1) == then  # (B, T, K, S)
    for longer in range(1, same.shape[2]):
        same[:, :, longer] &= same[:, :, longer - 1]
    return same


def empty_places(words: Tensor, steps: int, size: int | None) -> Tensor:
    """Returns a mask of places that must not be copied: `<end>`, future pairs, pairs too old.

    Args:
        words: remembered words, `(B, S)`.
        steps: number T of positions; before the last are all pairs.
        size: how far back a position looks; None for no limit.

    Returns:
        Mask `(B, T or 1, S)`.
    """
    empty, count = (words == 0)[:, None], words.shape[1]
    if steps == 1 and (size is None or count <= size):  # all pairs are before it, none too old
        return empty
    places, positions = (torch.arange(n, device=words.device) for n in (count, steps))
    age = count - steps + 1 + positions[:, None] - places  # (T, S)
    usable = age > 0 if size is None else (age > 0) & (age <= size)
    return ~usable | empty
