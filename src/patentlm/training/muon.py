"""The Muon optimizer for the matrices of recurrent layers, with AdamW for all else."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of Jordan's quintic iteration, which converges fast at first."""


class Muon(Optimizer):
    """Updates the matrices of recurrent layers with orthogonalised momentum, gate by gate.

    Jordan et al. 2024, "Muon"; updates are as large as AdamW's (Liu et al. 2025, "Muon is scalable
    for LLM training"). Embedding, head and biases are left to an AdamW that shares this optimizer's
    groups and state.

    torch's own Muon always computes in bfloat16, which is hundreds of times slower on a CPU without
    units for it, takes only matrices, and orthogonalises all gates of a layer as one matrix.

    Args:
        named_parameters: parameters of a network; names of recurrent layers contain "recurrent".
        lr: learning rate of both.
        momentum: decay β of the momentum, `m = β m + (1 - β) g`.
        iterations: number of Newton-Schulz iterations.
        precision: Lightning's precision; with bf16-mixed, iterations are in bfloat16.
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
        groups = [group for group in groups if group["params"]]
        self.adamw = AdamW(groups, lr=lr, **others)
        super().__init__(self.adamw.param_groups, self.adamw.defaults)
        self.momentum, self.iterations = momentum, iterations
        self.dtype = torch.bfloat16 if precision == "bf16-mixed" else None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Updates all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # Loading a state replaces the groups, so AdamW gets them at each step.
        self.adamw.state, self.adamw.param_groups = self.state, []
        for group in self.param_groups:
            if group["params"][0] in self.gates:
                self._move(group)
            else:
                self.adamw.param_groups.append(group)
        self.adamw.step()
        return loss

    def _move(self, group: Mapping[str, Any]) -> None:
        """Updates all matrices of a group that have a gradient."""
        rate, shrink = group["lr"], 1 - group["lr"] * group["weight_decay"]
        for matrix in group["params"]:
            if matrix.grad is not None:
                update = self._update(matrix, matrix.grad)  # (gates, H, E)
                scale = 0.2 * math.sqrt(max(update.shape[1:]))
                matrix.mul_(shrink).add_(update.flatten(0, 1), alpha=-rate * scale)

    def _update(self, matrix: Tensor, gradient: Tensor) -> Tensor:
        """Returns the update `(gates, H, E)` of a matrix, with singular values of about 1."""
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        average = state["momentum"].lerp_(gradient, 1 - self.momentum)
        ahead = torch.lerp(gradient, average, self.momentum)  # Nesterov
        by_gate = ahead.view(self.gates[matrix], -1, ahead.shape[1])
        return orthogonal(by_gate.to(self.dtype or by_gate.dtype), self.iterations)


def _gates(name: str, named: Mapping[str, Tensor]) -> int:
    """Returns how many gates' matrices are stacked in a parameter of torch's recurrent layers.

    It is 1 for any other matrix.
    """
    if "weight_ih" not in name and "weight_hh" not in name:
        return 1
    rows, hidden_size = named[name.replace("weight_ih", "weight_hh")].shape
    return rows // hidden_size


def orthogonal(matrices: Tensor, iterations: int) -> Tensor:
    """Approximates the nearest orthogonal matrices by Newton-Schulz iterations.

    Args:
        matrices: `(K, M, N)`.
        iterations: number of iterations; each brings singular values closer to about 1.

    Returns:
            `(K, M, N)`, with singular values between about 0.7 and 1.2 after five iterations.

        >>> turned = orthogonal(torch.tensor([[[0.0, 2.0], [-2.0, 0.0]]]), 5)
        >>> torch.allclose(turned, torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]]), atol=0.3)
        True
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.mT, iterations).mT
    a, b, c = COEFFICIENTS
    found: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        square = found @ found.mT
        even = torch.baddbmm(square, square, square, beta=b, alpha=c)
        found = torch.baddbmm(found, even, found, beta=a)
    return found
