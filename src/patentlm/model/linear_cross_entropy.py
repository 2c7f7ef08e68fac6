"""The loss of a softmax head and its gradient in one pass, without all logits in memory."""

from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from patentlm.model.autocast import product_dtype, without_autocast

ROWS = 768
"""Targets whose logits exist at once: few enough to stay in a CPU's cache, many enough for its
matrix products to run at full speed (`python -m benchmarks.head_loss`)."""

LOGITS = 2**27
"""Logits that exist at once on other devices: half a GiB of float32, which keeps a GPU busy."""

ALIGNED = 64
"""Bytes. Sides of the products are as many numbers as fill a multiple of it, as rows of the tiles
are in which processors multiply; and with an odd vocabulary, rows of logits would not lie at the
addresses vector instructions like. Other products take up to twice as long, and of so many shapes
that what oneDNN keeps for each comes to gigabytes."""


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    mixture: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Returns the mean cross entropy `()` of `softmax(hidden @ weight.T + bias)`.

    It is the mean of the targets' negative log-probabilities, with the natural logarithm. Its
    gradient, softmax minus one-hot, is known as soon as the logits are; so it is computed chunk by
    chunk in the forward pass, and the logits are dropped (the idea of Hsu et al. 2024, "Liger
    Kernel", in plain torch operations). Under autocast the matrix products run in its type, the
    softmax in float32.

    Args:
        hidden: hidden vectors, `(N, H)`.
        weight: weights, `(V, H)`.
        bias: bias, `(V,)`.
        targets: words, `(N,)`; the loss is 0 if N is 0.
        mixture: for a mixture with another prediction: the softmax's log weight, and `log q`, the
            log-probability of the targets by the other prediction times its weight, `(N,)` each.
            The loss is then the mean of `-log(exp(weight) softmax(…)[target] + q)`.
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    parts = None if mixture is None else torch.stack(mixture).to(wide)  # (2, N)
    total: Tensor = _NllSum.apply(hidden, weight, bias, targets, parts)  # type: ignore[no-untyped-call]
    return total / max(1, len(targets))


class _NllSum(torch.autograd.Function):
    """The sum of the negative log-likelihoods over all targets."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        mixture: Tensor | None,
    ) -> Tensor:
        dtype = product_dtype(hidden)
        with without_autocast(hidden):
            rows, table = with_bias(hidden, weight, bias, dtype)
            by_mixture = None if mixture is None else mixture.clone()
            losses, by_rows, by_table = _losses_and_gradients(rows, table, targets, by_mixture)
        (count, size), words, inputs = hidden.shape, len(weight), (hidden, weight, bias)
        gradients = by_rows[:count, :size], by_table[:words, :size], by_table[:words, size]
        saved = (g.to(x.dtype) for g, x in zip(gradients, inputs, strict=True))
        ctx.save_for_backward(*saved, by_mixture)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *by_inputs, by_mixture = ctx.saved_tensors
        by_mixture = None if by_mixture is None else gradient * by_mixture
        return *(gradient * saved for saved in by_inputs), None, by_mixture


def _losses_and_gradients(
    rows: Tensor, table: Tensor, targets: Tensor, mixture: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the sum of losses `()`, and its gradients by rows `(N', H')` and table `(W, H')`.

    See `with_bias` for these. A mixture `(2, N)` is overwritten with its gradient.
    """
    wide = torch.promote_types(rows.dtype, torch.float32)
    losses, by_rows = torch.empty_like(targets, dtype=wide), torch.empty_like(rows)
    at_once = rows_at_once(table)
    logits = rows.new_empty(min(at_once, len(rows)), len(table))
    parts = [list(torch.split(t, at_once)) for t in (rows, targets, by_rows, losses)]
    mixed = [None] * len(parts[0]) if mixture is None else torch.split(mixture, at_once, dim=1)
    chunks = zip(*parts, mixed, strict=True)
    products = (_chunk(table, logits, *chunk).to(wide) for chunk in chunks)
    by_table = reduce(Tensor.add_, products)
    return losses.sum(), by_rows, by_table


def _chunk(
    table: Tensor,
    logits: Tensor,
    rows: Tensor,
    targets: Tensor,
    by_rows: Tensor,
    losses: Tensor,
    mixture: Tensor | None,
) -> Tensor:
    """Returns the gradient by the table from some rows `(R, H')`.

    Their losses `(R,)` and their gradient are written in place, and a mixture `(2, R)` is
    overwritten with its gradient; logits `(R or more, W)` are scratch memory.
    """
    probs = logits[: len(rows)]
    torch.mm(rows, table.t(), out=probs)
    if probs.device.type != "cpu":  # a second pass over the logits, without synchronisation
        wide = probs[: len(targets)].to(losses.dtype)
        losses.copy_(F.cross_entropy(wide, targets, reduction="none"))
    torch.softmax(probs, dim=1, out=probs)
    places = (torch.arange(len(targets), device=targets.device), targets)
    target_probs = probs[places]
    if probs.device.type == "cpu":
        losses.copy_(_losses(target_probs, rows, table, targets))
    probs[places] = target_probs - 1
    if mixture is not None:
        probs[: len(targets)].mul_(_mix(losses, mixture).to(probs.dtype)[:, None])
    torch.mm(probs, table, out=by_rows)
    return probs.t() @ rows


def _mix(losses: Tensor, mixture: Tensor) -> Tensor:
    """Returns the softmax's part `(R,)` of each target's probability, which scales its gradient.

    The losses of the mixture are written in place, and its gradient over its parts `(2, R)`.
    """
    weight, other = mixture
    known = weight - losses
    both = torch.logaddexp(known, other)
    responsibility: Tensor = (known - both).exp_()
    losses.copy_(-both)
    torch.stack([-responsibility, responsibility - 1], out=mixture)
    return responsibility


def rows_at_once(table: Tensor) -> int:
    """Returns how many rows have their logits of a table `(W, H')` in memory at once."""
    return ROWS if table.device.type == "cpu" else max(ROWS, LOGITS // len(table))


def with_bias(
    hidden: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Returns hidden vectors `(N', H')` and weights `(W, H')` whose products include the bias.

    The bias is the weight of a further input, which is 1. All sides are padded (see `ALIGNED`):
    with words of probability 0, inputs of 0, and vectors of 0, which do not change the gradient of
    the weights.
    """
    (words, size), count = weight.shape, len(hidden)
    step = ALIGNED // dtype.itemsize
    rows, table = (
        part.new_zeros(_up_to(len(part), step), _up_to(size + 1, step), dtype=dtype)
        for part in (hidden, weight)
    )
    rows[:count, :size], rows[:count, size] = hidden, 1
    table[:words, :size], table[:words, size] = weight, bias
    table[words:, size] = torch.finfo(dtype).min
    return rows, table


def _up_to(number: int, step: int) -> int:
    """Returns the next multiple."""
    return -(-number // step) * step


def _losses(target_probs: Tensor, rows: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """Returns the log-probabilities of words `(R,)`, computed from logits if they underflow."""
    wide = torch.promote_types(target_probs.dtype, torch.float32)
    losses = -target_probs.to(wide).log()
    rare = (target_probs < torch.finfo(target_probs.dtype).tiny).nonzero()[:, 0]
    logits = (rows[rare] @ table.t()).to(wide)
    losses[rare] = F.cross_entropy(logits, targets[rare], reduction="none")
    return losses
