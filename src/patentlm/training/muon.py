"""Muon for the matrices of recurrent layers, AdamW for all else."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(AdamW):
    """Moves each matrix of the recurrent layers along its momentum made orthogonal (Jordan et al.
    2024, "Muon"), gate by gate, by as much as AdamW would (Liu et al. 2025, "Muon is scalable for
    LLM training"); the embedding, the head and biases are AdamW's.

    torch's own Muon always works in bfloat16, which is hundreds of times as slow on a CPU without
    units for it, and takes matrices alone.

    Args:
        named_parameters: of a network, those of its recurrent layers named so.
        lr: learning rate of both.
        momentum: share of the momentum that stays.
        iterations: of Newton and Schulz.
        precision: of training, as Lightning names it; in bf16-mixed, iterations are in bfloat16.
        others: arguments of `torch.optim.AdamW`.
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, Tensor]],
        *,
        lr: float,
        momentum: float,
        iterations: int,
        precision: str,
        **others: Any,
    ) -> None:
        named = dict(named_parameters)
        self.gates = {
            parameter: _gates(name, named)
            for name, parameter in named.items()
            if "recurrent" in name and parameter.ndim == 2
        }
        rest = [parameter for parameter in named.values() if parameter not in self.gates]
        groups = [{"params": rest}, {"params": list(self.gates)}]
        super().__init__([group for group in groups if group["params"]], lr=lr, **others)
        self.momentum, self.iterations = momentum, iterations
        self.dtype = torch.bfloat16 if precision == "bf16-mixed" else None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Moves all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix in self.gates and matrix.grad is not None:
                    self._move(matrix, matrix.grad, group["lr"], group["weight_decay"])
                    matrix.grad = None  # AdamW passes over what has none
        super().step()
        return loss

    def _move(self, matrix: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[matrix]
        if not state:
            state["step"] = torch.zeros(())  # AdamW asks all states for it
            state["momentum"] = torch.zeros_like(matrix)
        state["step"] += 1
        average = state["momentum"].lerp_(gradient, 1 - self.momentum)
        ahead = torch.lerp(gradient, average, self.momentum)  # Nesterov
        by_gate = ahead.view(self.gates[matrix], -1, ahead.shape[1])  # (gates, H, E)
        update = orthogonal(by_gate.to(self.dtype or by_gate.dtype), self.iterations)
        scale = 0.2 * math.sqrt(max(update.shape[1:]))
        matrix.mul_(1 - rate * decay).add_(update.flatten(0, 1), alpha=-rate * scale)


def _gates(name: str, named: Mapping[str, Tensor]) -> int:
    """How many matrices, one for each gate, lie one below the other in a matrix of torch's
    recurrent layers; a matrix of anything else is one."""
    if "weight_ih" not in name and "weight_hh" not in name:
        return 1
    rows, hidden_size = named[name.replace("weight_ih", "weight_hh")].shape
    return rows // hidden_size


def orthogonal(matrices: Tensor, iterations: int) -> Tensor:
    """About the nearest matrices `(K, M, N)` with singular values of 1, by Newton and Schulz."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.mT, iterations).mT
    a, b, c = COEFFICIENTS
    found: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        square = found @ found.mT
        even = torch.baddbmm(square, square, square, beta=b, alpha=c)
        found = torch.baddbmm(found, even, found, beta=a)
    return found
