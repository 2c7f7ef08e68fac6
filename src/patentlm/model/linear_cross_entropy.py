"""A softmax head's loss and its gradient in one pass, without all logits in memory."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 768
"""Targets whose logits exist at once: few enough to stay in a CPU's cache, many enough for its
matrix products to run at full speed (`python -m benchmarks.head_loss`)."""

ALIGNED = 64
"""Bytes. Sides of the products are as many numbers as fill a multiple of it, as rows of the tiles
are in which processors multiply; and with an odd vocabulary, rows of logits would not lie at the
addresses vector instructions like. Other products take up to twice as long."""


def linear_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy in nats, `()`, of `softmax(hidden @ weight.T + bias)`.

    The gradient of cross entropy is softmax minus one-hot, known as soon as the logits are; so it
    is worked out chunk by chunk on the way forward and the logits are dropped (the idea of Hsu et
    al. 2024, "Liger Kernel", in plain torch operations). Under autocast the matrix products run in
    its type, the softmax in float32.

    Args:
        hidden: `(N, H)`.
        weight: `(V, H)`.
        bias: `(V,)`.
        targets: words, `(N,)`; of none the loss is 0.
    """
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, bias, targets)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        device = hidden.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden.dtype
        with torch.autocast(device, enabled=False):
            loss, *gradients = _loss_and_gradients(
                hidden.to(dtype), weight.to(dtype), bias.to(dtype), targets
            )
        inputs = (hidden, weight, bias)
        ctx.save_for_backward(*(g.to(x.dtype) for g, x in zip(gradients, inputs, strict=True)))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *(gradient.to(saved.dtype) * saved for saved in ctx.saved_tensors), None


def _loss_and_gradients(
    hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The mean loss `()`, and its gradients by hidden `(N, H)`, weight `(V, H)` and bias `(V,)`."""
    (words, size), count = weight.shape, len(hidden)
    rows, table = _with_bias(hidden, weight, bias)  # (N', H'), (W, H')
    by_rows, logits = torch.empty_like(rows), rows.new_empty(min(ROWS, len(rows)), len(table))
    wide = torch.promote_types(hidden.dtype, torch.float32)
    loss = by_table = hidden.new_zeros((), dtype=wide)
    chunks = zip(*(torch.split(t, ROWS) for t in (rows, targets, by_rows)), strict=True)
    for some, asked, by_some in chunks:
        shares = logits[: len(some)]  # (R, W)
        torch.mm(some, table.t(), out=shares)
        torch.softmax(shares, dim=1, out=shares)
        places = (torch.arange(len(asked), device=asked.device), asked)
        chances = shares[places]
        shares[places] = chances - 1
        torch.mm(shares, table, out=by_some)
        loss = loss + _nats(chances, some, table, asked).sum()
        by_table = (shares.t() @ some).to(wide).add_(by_table)
    scale = 1 / max(1, count)
    by_rows, by_table = by_rows[:count].mul_(scale), by_table[:words].mul_(scale)
    return loss * scale, by_rows[:, :size], by_table[:, :size], by_table[:, size]


def _with_bias(hidden: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden vectors `(N', H')` and weights `(W, H')` whose products have the bias in them: it is
    the weight of a further input, which is 1. All sides are filled up (see `ALIGNED`) with words
    that are never likely, inputs that are 0, and vectors of nothing but 0, which have no share in
    the gradient of the weights."""
    (words, size), count = weight.shape, len(hidden)
    step = ALIGNED // hidden.itemsize
    more = step - size % step
    rows = F.pad(hidden, (0, more, 0, -count % step))
    rows[:count, size] = 1
    table = F.pad(weight, (0, more, 0, -words % step))
    table[:words, size], table[words:, size] = bias, torch.finfo(table.dtype).min
    return rows, table


def _nats(chances: Tensor, rows: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """Of words `(R,)`: the logarithm of their probabilities, or where those are too small for a
    number, that of the logits of their rows."""
    wide = torch.promote_types(chances.dtype, torch.float32)
    nats = -chances.to(wide).log()
    rare = (chances < torch.finfo(chances.dtype).tiny).nonzero()[:, 0]
    logits = (rows[rare] @ table.t()).to(wide)
    nats[rare] = F.cross_entropy(logits, targets[rare], reduction="none")
    return nats
