"""The pointer sentinel mixture: a head that learns when to copy."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from patentlm.model.head import VocabularyHead
from patentlm.model.memory import CopyingHead, Places, Rows

RARE = -3.0
"""Where the bias of each word begins: copying is learned, not unlearned."""


class PointerSentinelHead(CopyingHead):
    """Points at remembered words or, with a trained sentinel, at the vocabulary.

    Merity et al. 2017, "Pointer sentinel mixture models". With a query `q = tanh(W h + b)`, one
    softmax over `q · h_i` for all remembered vectors and `q · s` for the sentinel gives the weights
    of the remembered words and of the vocabulary.

    To the scores of remembered words two learned terms can be added:

    - `match`: for each k up to it, `w_k · h + b_k` where the last k words are those that stood
      before the remembered word. So runs of words are copied on, as the induction heads of
      transformers do (Olsson et al. 2022, "In-context learning and induction heads").
    - `word_bias`: a number for each word of the vocabulary: some are worth copying, others not.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: embedding of the words.
        softmax: makes the head over the vocabulary from these two.
        size: last words that can be pointed at; None for all.
        match: longest run of words that is compared; 0 for none.
        word_bias: with a term for the word.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        embedding: nn.Embedding,
        softmax: Callable[..., VocabularyHead],
        size: int | None,
        match: int,
        word_bias: bool,
    ) -> None:
        head = softmax(hidden_size=hidden_size, embedding=embedding)
        super().__init__(head, hidden_size=hidden_size, size=size, match=match)
        self.query = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.Tanh())
        self.sentinel = nn.Parameter(torch.zeros(hidden_size))
        self.run_weights = nn.Linear(hidden_size, match) if match else None
        self.word_bias = None
        if word_bias:
            self.word_bias = nn.Parameter(torch.full((embedding.num_embeddings,), RARE))

    def scores(self, hidden: Tensor, places: Places) -> Tensor:
        scores = self.query(hidden) @ places.vectors.mT  # (B, T, S)
        if self.run_weights is not None:
            weights = self.run_weights(hidden)[..., None, :]  # (B, T, 1, K)
            scores = scores + (weights @ places.runs.to(scores.dtype))[..., 0, :]
        if self.word_bias is not None:
            scores = scores + self.word_bias[places.words][:, None]
        return scores  # type: ignore[no-any-return]

    def log_weights(self, hidden: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.cat([self._sentinel(hidden), scores], dim=-1).log_softmax(-1)
        return weights[..., :1], weights[..., 1:]

    def log_masses(self, rows: Rows, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Computes what any copying head does, in one pass over the scores each way."""
        sentinel = self._sentinel(rows.hidden)[:, 0]
        total, hits = _LogSums.apply(sentinel, rows.scores, rows.words == targets[:, None])  # type: ignore[no-untyped-call]
        return sentinel - total, hits - total

    def _sentinel(self, hidden: Tensor) -> Tensor:
        """Returns the sentinel's score `(…, 1)`."""
        return (self.query(hidden) * self.sentinel).sum(-1, keepdim=True)  # type: ignore[no-any-return]


class _LogSums(torch.autograd.Function):
    """Log-sum-exp of a sentinel `(N,)` and all scores `(N, S)`, and of the scores of matches.

    Both use one exponential, which is also all that the backward pass needs.
    """

    @staticmethod
    def forward(ctx: Any, sentinel: Tensor, scores: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        scores = torch.cat([sentinel[:, None], scores.to(sentinel.dtype)], dim=1)
        most = scores.amax(1, keepdim=True)
        all_probs = (scores - most).exp_()  # (N, 1 + S)
        hit_probs = all_probs[:, 1:] * hits
        all_sums, hit_sums = (probs.sum(1, keepdim=True) for probs in (all_probs, hit_probs))
        tiny = torch.finfo(scores.dtype).tiny
        ctx.save_for_backward(all_probs.div_(all_sums), hit_probs.div_(hit_sums.clamp(min=tiny)))
        return (all_sums.log() + most)[:, 0], (hit_sums.log() + most)[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_total: Tensor, by_hits: Tensor) -> tuple[Tensor | None, ...]:
        all_probs, hit_probs = ctx.saved_tensors
        gradients = all_probs * by_total[:, None]
        gradients[:, 1:].addcmul_(hit_probs, by_hits[:, None])
        return gradients[:, 0], gradients[:, 1:], None
