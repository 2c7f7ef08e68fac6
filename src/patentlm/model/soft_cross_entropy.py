"""The loss of a softmax head on soft targets and its gradient in one pass."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from patentlm.model.autocast import product_dtype, without_autocast
from patentlm.model.copies import Copies, sums_by_word
from patentlm.model.linear_cross_entropy import rows_at_once, with_bias

SoftTargets = Callable[[slice], Tensor]
"""Returns the soft targets of some rows: probabilities of all words, `(R, V)`, which sum to 1."""


def soft_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    soft_targets: SoftTargets,
    copies: Copies | None = None,
) -> Tensor:
    """Returns the mean of `-Σ p(v) log q(v)`, with p the soft targets and q the prediction.

    q is `softmax(hidden @ weight.T + bias)`, or its mixture with copied words. Its gradient is
    known as soon as the logits are, and is computed with them; see `linear_cross_entropy`.

    Args:
        hidden: hidden vectors, `(N, H)`.
        weight: weights, `(V, H)`.
        bias: bias, `(V,)`.
        soft_targets: returns the soft targets of some rows, in float32 or wider.
        copies: what the N rows can copy; None for a softmax alone.

    Returns:
        The loss `()`; 0 if N is 0.
    """
    parts = (None,) * 3 if copies is None else copies
    total: Tensor = _SoftNllSum.apply(hidden, weight, bias, soft_targets, *parts)  # type: ignore[no-untyped-call]
    return total / max(1, len(hidden))


class _SoftNllSum(torch.autograd.Function):
    """The sum over all rows."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        soft_targets: SoftTargets,
        *parts: Tensor | None,
    ) -> Tensor:
        copies = None if parts[0] is None else Copies(*parts)  # type: ignore[arg-type]
        (count, size), words, inputs = hidden.shape, len(weight), (hidden, weight, bias)
        dtype, wide = product_dtype(hidden), torch.promote_types(hidden.dtype, torch.float32)
        with without_autocast(hidden):
            rows, table = with_bias(hidden, weight, bias, dtype)
        by_rows, by_table = torch.empty_like(rows), torch.zeros_like(table, dtype=wide)
        losses, by_copies, at_once = [], [], rows_at_once(table)
        for at in range(0, len(rows), at_once):
            padded, real = slice(at, at + at_once), slice(at, min(at + at_once, count))
            some, soft = None if copies is None else copies.of(real), soft_targets(real)
            with without_autocast(hidden):
                logits = rows[padded] @ table.t()
                loss, by_parts = _chunk(logits, soft, some)
                torch.mm(logits, table, out=by_rows[padded])
                by_table += logits.t() @ rows[padded]
            losses.append(loss)
            by_copies.append(by_parts)
        gradients = by_rows[:count, :size], by_table[:words, :size], by_table[:words, size]
        saved = [g.to(x.dtype) for g, x in zip(gradients, inputs, strict=True)]
        saved += [torch.cat(part) for part in zip(*by_copies, strict=True)]
        ctx.save_for_backward(*saved)
        return torch.stack(losses).sum() if losses else hidden.new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        by_inputs = [gradient * saved for saved in ctx.saved_tensors]
        by_copies: list[Tensor | None] = [*by_inputs[3:], None, None, None]
        return *by_inputs[:3], None, *by_copies[:2], None


def _chunk(
    logits: Tensor, soft: Tensor, copies: Copies | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Returns the loss `()` of some rows, and its gradients.

    Args:
        logits: `(R or more, W)`; those beyond the vocabulary V are of no word. They are overwritten
            with their gradient.
        soft: soft targets, `(R, V)`.
        copies: what the rows can copy; None for nothing.

    Returns:
        The sum of losses, and its gradients by the log weight of the vocabulary `(R,)` and by the
        log-probabilities of copying `(R, S)`; none without copies.
    """
    count, words = soft.shape
    wide = logits[:count].to(soft.dtype)
    known, total = wide[:, :words], wide.logsumexp(1)
    loss = (total - torch.linalg.vecdot(soft, known)).sum()
    probs = wide.softmax(1)
    if copies is None:
        probs[:, :words] -= soft
        logits[:count] = probs
        return loss, ()
    log_weight, log_probs = (part.to(soft.dtype) for part in copies[:2])
    at = known.gather(1, copies.words) + (log_weight - total)[:, None]  # log(weight q), (R, S)
    copied = log_probs.exp()
    sums = sums_by_word(copied, copies.words, words)
    fractions = soft.gather(1, copies.words) * copied / sums
    more = sums.log() - at
    of_places = fractions * more.sigmoid()  # what is asked of each place, and of the vocabulary
    rest = 1 - of_places.sum(1)
    probs[:, :words].mul_(rest[:, None]).sub_(soft)
    logits[:count] = probs.scatter_add_(1, copies.words, of_places)
    loss = loss - log_weight.sum() - (fractions * F.softplus(more)).sum()
    return loss, (-rest, -of_places)
