"""A softmax head's loss and its gradient in one pass, without all logits in memory."""

from typing import Any

import torch
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
    loss = hidden.new_zeros((), dtype=wide)
    by_hidden = torch.empty_like(hidden)
    by_weight = torch.zeros_like(weight, dtype=wide)
    by_bias = torch.zeros_like(bias, dtype=wide)
    count, words_apart = max(1, len(hidden)), -(-len(weight) // ALIGNED) * ALIGNED
    logits = hidden.new_empty(min(ROWS, len(hidden)), words_apart)[:, : len(weight)]
    chunks = zip(*(torch.split(t, ROWS) for t in (hidden, targets, by_hidden)), strict=True)
    for rows, words, by_rows in chunks:
        asked = words[:, None]
        scores = torch.addmm(bias, rows, weight.t(), out=logits[: len(rows)]).to(wide)  # (R, V)
        top = scores.amax(dim=1, keepdim=True)
        nats = top - scores.gather(1, asked)
        scores.sub_(top).exp_()
        total = scores.sum(dim=1, keepdim=True)
        loss += (nats + total.log()).sum()
        scores.scatter_add_(1, asked, -total)  # total x (softmax - one-hot)
        scale = 1 / (count * total)
        by_bias += scores.t() @ scale[:, 0]
        scores = scores.to(hidden.dtype)
        by_rows.copy_((scores @ weight) * scale)
        _add_product(by_weight, scores.t(), (rows * scale).to(hidden.dtype))
    return loss / count, by_hidden, by_weight, by_bias


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    if total.dtype == a.dtype:
        total.addmm_(a, b)
    else:
        total += a @ b
