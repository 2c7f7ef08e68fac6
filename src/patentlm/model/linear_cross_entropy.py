"""A softmax head's loss and its gradient in one pass, without all logits in memory."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 512
"""Targets whose logits exist at once: few enough to stay in a CPU's cache, many enough for its
matrix products to run at full speed (`python -m benchmarks.head_loss`)."""

ALIGNED = 16
"""Rows of logits begin a multiple of so many numbers apart. With an odd vocabulary they would not
lie at the addresses vector instructions like, and the product would take up to twice as long."""


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
    wide = torch.promote_types(hidden.dtype, torch.float32)
    (words, size), count = weight.shape, len(hidden)
    rows, table = _with_bias(hidden, weight, bias)  # (N, H'), (W, H')
    loss, by_hidden = hidden.new_zeros((), dtype=wide), torch.empty_like(hidden)
    by_table = torch.zeros_like(table, dtype=wide)
    logits = hidden.new_empty(2, min(ROWS, count), len(table))
    chunks = zip(*(torch.split(t, ROWS) for t in (rows, targets, by_hidden)), strict=True)
    for some, asked, by_some in chunks:
        scores, shares = logits[:, : len(some)]  # (R, W)
        torch.mm(some, table.t(), out=scores)
        torch.softmax(scores, dim=1, out=shares)
        places = (torch.arange(len(some), device=some.device), asked)
        chances = shares[places]
        loss += _nats(chances, scores, asked).sum()
        shares[places] = chances - 1
        torch.mm(shares, table[:, :size], out=by_some)
        _add_product(by_table, shares.t(), some)
    scale = 1 / max(1, count)
    by_table = by_table[:words].mul_(scale)
    return loss * scale, by_hidden.mul_(scale), by_table[:, :size], by_table[:, size]


def _with_bias(hidden: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden vectors `(N, H')` and weights `(W, H')` whose products have the bias in them: it is
    the weight of a further input, which is 1. Words are added that are never likely, and inputs
    that are 0, up to a multiple of `ALIGNED`."""
    (words, size), more = weight.shape, ALIGNED + -weight.shape[1] % ALIGNED
    rows = F.pad(hidden, (0, more))
    rows[:, size] = 1
    table = F.pad(weight, (0, more, 0, -words % ALIGNED))
    table[:words, size], table[words:, size] = bias, -torch.inf
    return rows, table


def _nats(chances: Tensor, scores: Tensor, asked: Tensor) -> Tensor:
    """Of words `(R,)`: the logarithm of their probabilities, or where those are too small for a
    number, that of their logits `(R, W)`."""
    wide = torch.promote_types(chances.dtype, torch.float32)
    nats = -chances.to(wide).log()
    rare = chances < torch.finfo(chances.dtype).tiny
    nats[rare] = F.cross_entropy(scores[rare].to(wide), asked[rare], reduction="none")
    return nats


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    if total.dtype == a.dtype:
        total.addmm_(a, b)
    else:
        total += a @ b
