"""A softmax head's loss and its gradient in one pass, without all logits in memory."""

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
    """Mean cross entropy in nats, `()`, of `softmax(hidden @ weight.T + bias)`, alone or mixed with
    another prediction.

    The gradient of cross entropy is softmax minus one-hot, known as soon as the logits are; so it
    is worked out chunk by chunk on the way forward and the logits are dropped (the idea of Hsu et
    al. 2024, "Liger Kernel", in plain torch operations). Under autocast the matrix products run in
    its type, the softmax in float32.

    Args:
        hidden: `(N, H)`.
        weight: `(V, H)`.
        bias: `(V,)`.
        targets: words, `(N,)`; of none the loss is 0.
        mixture: the softmax's log weight in it, and the log probability `log q` of the targets by
            what it is mixed with, times its weight, `(N,)` each. Then the loss is the mean of
            `-log(exp(weight) softmax(…)[target] + q)`.

    >>> zeros = torch.zeros(2, 3)
    >>> loss = linear_cross_entropy(zeros, zeros, torch.zeros(2), torch.tensor([0, 1]))
    >>> round(loss.item(), 4)  # two words, equally likely
    0.6931
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)
    parts = None if mixture is None else torch.stack(mixture).to(wide)  # (2, N)
    total: Tensor = _Nats.apply(hidden, weight, bias, targets, parts)  # type: ignore[no-untyped-call]
    return total / max(1, len(targets))


class _Nats(torch.autograd.Function):
    """The sum over all targets."""

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
            rows, table = _with_bias(hidden, weight, bias, dtype)
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
    """The sum of all losses `()`, and its gradients by rows `(N', H')` and table `(W, H')`, see
    `_with_bias`; a mixture `(2, N)` is overwritten with the gradient by it."""
    wide = torch.promote_types(rows.dtype, torch.float32)
    losses, by_rows = torch.empty_like(targets, dtype=wide), torch.empty_like(rows)
    at_once = ROWS if rows.device.type == "cpu" else max(ROWS, LOGITS // len(table))
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
    """The gradient by the table from some rows `(R, H')`. What they lose `(R,)` and the gradient by
    them is filled in, a mixture `(2, R)` overwritten with its own; logits `(R or more, W)` are room
    to work in."""
    probs = logits[: len(rows)]
    torch.mm(rows, table.t(), out=probs)
    if probs.device.type != "cpu":  # another pass over the logits, but nothing waits for a device
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
    """The softmax's share `(R,)` in the probability of each target, by which its gradient counts.
    What the mixture loses is filled in, and the gradient by it written over its parts `(2, R)`."""
    weight, other = mixture
    known = weight - losses
    both = torch.logaddexp(known, other)
    responsibility: Tensor = (known - both).exp_()
    losses.copy_(-both)
    torch.stack([-responsibility, responsibility - 1], out=mixture)
    return responsibility


def _with_bias(
    hidden: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Hidden vectors `(N', H')` and weights `(W, H')` whose products have the bias in them: it is
    the weight of a further input, which is 1. All sides are filled up (see `ALIGNED`) with words
    that are never likely, inputs that are 0, and vectors of nothing but 0, which have no share in
    the gradient of the weights."""
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
    """The next multiple."""
    return -(-number // step) * step


def _losses(target_probs: Tensor, rows: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """Of words `(R,)`: the logarithm of their probabilities, or where those are too small for a
    number, that of the logits of their rows."""
    wide = torch.promote_types(target_probs.dtype, torch.float32)
    losses = -target_probs.to(wide).log()
    rare = (target_probs < torch.finfo(target_probs.dtype).tiny).nonzero()[:, 0]
    logits = (rows[rare] @ table.t()).to(wide)
    losses[rare] = F.cross_entropy(logits, targets[rare], reduction="none")
    return losses
