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
    wide, words, count = torch.promote_types(hidden.dtype, torch.float32), len(weight), len(hidden)
    loss = hidden.new_zeros((), dtype=wide)
    by_hidden = torch.empty_like(hidden)
    weight, bias = _padded(weight, 0.0), _padded(bias, -torch.inf)  # (W, H), (W,)
    by_weight, by_bias = torch.zeros_like(weight, dtype=wide), torch.zeros_like(bias, dtype=wide)
    scale = 1 / max(1, count)
    logits = hidden.new_empty(min(ROWS, count), len(weight))
    chunks = zip(*(torch.split(t, ROWS) for t in (hidden, targets, by_hidden)), strict=True)
    for rows, asked, by_rows in chunks:
        scores = torch.addmm(bias, rows, weight.t(), out=logits[: len(rows)])  # (R, W)
        top, of_target = scores.amax(dim=1), scores.gather(1, asked[:, None])[:, 0]
        shares = torch.softmax(scores, dim=1)
        # exp(top) / total is the greatest share, so log(total) needs no pass of its own.
        loss += (top.to(wide) - of_target.to(wide) - shares.amax(dim=1).to(wide).log()).sum()
        shares.scatter_add_(1, asked[:, None], -torch.ones_like(rows[:, :1]))
        by_rows.copy_(shares @ weight).mul_(scale)
        _add_product(by_weight, shares.t(), rows * scale)
        by_bias += torch.full_like(rows[:, 0], scale) @ shares
    return loss * scale, by_hidden, by_weight[:words], by_bias[:words]


def _padded(parameter: Tensor, value: float) -> Tensor:
    """The same for a vocabulary of a multiple of `ALIGNED` words."""
    missing = -len(parameter) % ALIGNED
    return torch.cat((parameter, parameter.new_full((missing, *parameter.shape[1:]), value)))


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    if total.dtype == a.dtype:
        total.addmm_(a, b)
    else:
        total += a @ b
