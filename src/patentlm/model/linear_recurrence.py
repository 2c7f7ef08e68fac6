"""Recurrent layers whose gates do not read their last output.

The gates of all words come from one matrix product. What is left to do word by word is a linear
recurrence: one multiplication and one addition for each unit.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from patentlm.model.dropout import LockedDropout
from patentlm.model.gates import Gates


def linear_recurrence(forget: Tensor, update: Tensor, start: Tensor) -> Tensor:
    """Returns the states `c[t] = forget[t] * c[t - 1] + update[t]`.

    Args:
        forget: forget gates, `(T, B, H)`.
        update: what each step adds, `(T, B, H)`.
        start: state before the first step, `(B, H)`.

    Returns:
        States, `(T, B, H)`.

    Example:
        >>> half, one = torch.full((3, 1, 1), 0.5), torch.ones(3, 1, 1)
        >>> linear_recurrence(half, one, torch.zeros(1, 1)).flatten().tolist()
        [1.0, 1.5, 1.75]
    """
    states: Tensor = _LinearRecurrence.apply(forget, update, start)  # type: ignore[no-untyped-call]
    return states


class _LinearRecurrence(torch.autograd.Function):
    """Fills one tensor for all steps, where autograd would keep several for each."""

    @staticmethod
    def forward(ctx: Any, forget: Tensor, update: Tensor, start: Tensor) -> Tensor:
        states = update.clone()
        _accumulate(forget.unbind(0), states.unbind(0), start)
        ctx.save_for_backward(forget, states, start)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Runs `d[t] = forget[t + 1] * d[t + 1] + gradient[t]`, the same back in time."""
        forget, states, start = ctx.saved_tensors
        by_update = gradient.clone()
        *earlier, last = by_update.unbind(0)
        _accumulate(reversed(forget[1:].unbind(0)), reversed(earlier), last)
        by_forget = by_update * torch.cat([start[None], states[:-1]])
        return by_forget, by_update, forget[0] * by_update[0]


def _accumulate(factors: Iterable[Tensor], values: Iterable[Tensor], state: Tensor) -> None:
    """Adds to each value, in place, the one before times its factor."""
    for factor, value in zip(factors, values, strict=True):
        state = value.addcmul_(factor, state)


class Layers(nn.Module):
    """Layers on top of each other, with locked dropout between them."""

    def __init__(
        self,
        layer: Callable[[int, int], nn.Module],
        *,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        batch_first: bool,
    ) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(layer(size, hidden_size) for size in sizes)
        self.hidden_size = hidden_size
        self.dropout = LockedDropout(dropout)

    def zeros(self, inputs: Tensor) -> Tensor:
        """Returns zeros `(layers, B, H)` for inputs `(B, T, E)`."""
        return inputs.new_zeros(len(self.layers), len(inputs), self.hidden_size)


QRNNState = tuple[Tensor, Tensor, Tensor]
"""Hidden vectors and cells, `(layers, B, H)` each, and the last input, `(1, B, E)`."""


class QRNN(Layers):
    """Quasi-recurrent layers with fo-pooling.

    Bradbury et al. 2017, "Quasi-recurrent neural networks"; its candidate z is `g` here.

    Args:
        width: words that a layer reads at once: 1, or 2 for the one before, too.
        others: arguments of `torch.nn.LSTM`; `batch_first` must be true.
    """

    def __init__(self, *, width: int, **others: Any) -> None:
        super().__init__(partial(_QRNNLayer, width=width), **others)

    def forward(self, inputs: Tensor, state: QRNNState | None = None) -> tuple[Tensor, QRNNState]:
        """Maps inputs `(B, T, E)` and a state to hidden vectors `(B, T, H)` and the new state."""
        hiddens, cells, last = state or self._start(inputs)
        hidden, ends = inputs, []
        for number, layer in enumerate(self.layers):
            before = hiddens[number - 1] if number else last[0]
            below = self.dropout(hidden) if number else hidden
            hidden, cell = layer(below.transpose(0, 1), before, cells[number])
            hidden = hidden.transpose(0, 1)
            ends.append((hidden[:, -1], cell))
        hiddens, cells = (torch.stack(part) for part in zip(*ends, strict=True))
        return hidden, (hiddens, cells, inputs[None, :, -1])

    def _start(self, inputs: Tensor) -> QRNNState:
        zeros = self.zeros(inputs)
        return zeros, zeros, torch.zeros_like(inputs[None, :, 0])


class _QRNNLayer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.products = Products("gfo", width * input_size, hidden_size)

    def forward(self, inputs: Tensor, before: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Maps inputs `(T, B, I)`, the input before and the cell to hidden vectors and a cell."""
        g, f, o = self._gates(inputs, before)
        cells = linear_recurrence(f, (1 - f) * g, cell)
        return o * cells, cells[-1]

    def _gates(self, inputs: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.width == 2:
            earlier = torch.cat([before[None].to(inputs.dtype), inputs])[:-1]
            inputs = torch.cat([earlier, inputs], dim=-1)
        g, f, o = self.products(inputs)
        return g.tanh(), f.sigmoid(), o.sigmoid()

    def gate_values(self, inputs: Tensor, hidden: Tensor) -> Gates:
        """Returns its gates: the cell is `f * c + (1 - f) * g`, the hidden vector `o * c`."""
        return dict(zip("gfo", self._gates(inputs, torch.zeros_like(inputs[0])), strict=True))


class MinLSTM(Layers):
    """Minimal LSTM layers, whose cell is their hidden vector.

    Feng et al. 2024, "Were RNNs all we needed?". The state is the hidden vectors `(layers, B, H)`.

    Args:
        others: arguments of `torch.nn.LSTM`; `batch_first` must be true.
    """

    def __init__(self, **others: Any) -> None:
        super().__init__(_MinLSTMLayer, **others)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Maps inputs `(B, T, E)` and a state to hidden vectors `(B, T, H)` and the new state."""
        before = self.zeros(inputs) if state is None else state
        hidden, ends = inputs, []
        for number, layer in enumerate(self.layers):
            below = self.dropout(hidden) if number else hidden
            hidden = layer(below.transpose(0, 1), before[number]).transpose(0, 1)
            ends.append(hidden[:, -1])
        return hidden, torch.stack(ends)


class _MinLSTMLayer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.products = Products("fig", input_size, hidden_size)

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """Maps inputs `(T, B, I)` and the hidden vector before them to those after each."""
        f, i, g = self._gates(inputs)
        return linear_recurrence(f, i * g, hidden)

    def _gates(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f, i, g = self.products(inputs)
        f = (F.logsigmoid(f) - F.logsigmoid(i)).sigmoid()  # sigmoid(f) / (sigmoid(f) + sigmoid(i))
        return f, 1 - f, g

    def gate_values(self, inputs: Tensor, hidden: Tensor) -> Gates:
        """Returns its gates: the hidden vector is `f * h + i * g`."""
        return dict(zip("fig", self._gates(inputs), strict=True))


class Products(nn.ModuleDict):
    """Linear layers of the same inputs, computed as one.

    Each is a module of its own, so that Muon updates gate by gate. The forget gate `f` starts open.
    """

    def __init__(self, names: str, input_size: int, hidden_size: int) -> None:
        super().__init__({name: nn.Linear(input_size, hidden_size) for name in names})
        for linear in self.values():
            nn.init.xavier_uniform_(linear.get_parameter("weight"))
            nn.init.zeros_(linear.get_parameter("bias"))
        nn.init.ones_(self["f"].get_parameter("bias"))

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Maps inputs `(…, I)` to a tensor `(…, H)` for each layer, float32 or wider."""
        products = F.linear(inputs, *self.joined())
        wide = torch.promote_types(products.dtype, torch.float32)
        return products.to(wide).chunk(len(self), dim=-1)

    def joined(self) -> tuple[Tensor, Tensor]:
        """Returns the weights `(gates H, I)` and biases `(gates H,)` of all, one below another."""
        weights, biases = zip(*(linear.parameters() for linear in self.values()), strict=True)
        return torch.cat(weights), torch.cat(biases)
