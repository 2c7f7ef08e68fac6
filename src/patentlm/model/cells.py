"""Recurrent layers that torch does not have; they take the arguments of `torch.nn.LSTM` and behave
like it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from patentlm.model.dropout import Dropout, LockedDropout, dropout

LSTMState = tuple[Tensor, Tensor]
"""Hidden vectors and cells, each `(layers, B, H)`."""


class LSTM(nn.LSTM):
    """torch's, but that dropout between the layers is our own, which takes a fraction of the time
    on a CPU."""

    def forward(  # type: ignore[override]
        self, inputs: Tensor, state: LSTMState | None = None
    ) -> tuple[Tensor, LSTMState]:
        """`(B, T, E)` and the state before them to hidden `(B, T, H)` and the state after them."""
        if inputs.device.type != "cpu" or not self.training or self.dropout == 0:
            return super().forward(inputs, state)
        layers = [partial(self._layer, weights) for weights in self.all_weights]
        return _in_turn(layers, partial(dropout, p=self.dropout), inputs, state)

    def _layer(
        self, weights: Sequence[Tensor], inputs: Tensor, state: LSTMState | None
    ) -> tuple[Tensor, LSTMState]:
        before = state or (inputs.new_zeros(1, len(inputs), self.hidden_size),) * 2
        hidden, *after = torch.lstm(inputs, before, [*weights], True, 1, 0.0, True, False, True)
        return hidden, (after[0], after[1])


def _in_turn(
    layers: Sequence[Callable[..., Any]],
    between: Callable[[Tensor], Tensor],
    inputs: Tensor,
    state: LSTMState | None,
) -> tuple[Tensor, LSTMState]:
    """Each layer reads what the one before it gave, after what is done between them."""
    hidden, states = inputs, []
    for number, (layer, before) in enumerate(zip(layers, _split(state, len(layers)), strict=True)):
        hidden, after = layer(between(hidden) if number else hidden, before)
        states.append(after)
    hiddens, cells = zip(*states, strict=True)
    return hidden, (torch.cat(hiddens), torch.cat(cells))


def _split(state: LSTMState | None, layers: int) -> Iterable[LSTMState | None]:
    """The part of each layer, `(1, B, H)` twice."""
    if state is None:
        return [None] * layers
    return zip(*(torch.split(part, 1) for part in state), strict=True)


class _Stack(nn.Module):
    """Layers on each other, with locked dropout between them.

    Args:
        layer: makes one from the sizes of its input and of its output.
        input_size: E.
        hidden_size: H.
        num_layers: how many.
        dropout: share of units dropped between them.
    """

    def __init__(
        self,
        layer: Callable[[int, int], nn.Module],
        *,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(layer(size, hidden_size) for size in sizes)
        self.dropout = LockedDropout(dropout)

    def forward(self, inputs: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        """`(B, T, E)` and the state before them to hidden `(B, T, H)` and the state after them."""
        return _in_turn([*self.layers], self.dropout, inputs, state)


class WeightDropLSTM(_Stack):
    """LSTM layers whose hidden-to-hidden weights are dropped, the same at each word (Merity et al.
    2018, "Regularizing and optimizing LSTM language models").

    Args:
        weight_drop: share of those weights dropped while training.
        others: arguments of `torch.nn.LSTM`; `batch_first` must be true.
    """

    def __init__(self, *, weight_drop: float, batch_first: bool, **others: Any) -> None:
        super().__init__(lambda size, hidden: _WeightDropLayer(size, hidden, weight_drop), **others)


class _WeightDropLayer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, weight_drop: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.weight_drop = Dropout(weight_drop)

    def forward(self, inputs: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        weight = self.lstm.get_parameter("weight_hh_l0")
        dropped = self.weight_drop(weight)
        if dropped is weight:
            return self.lstm(inputs, state)  # type: ignore[no-any-return]
        return functional_call(self.lstm, {"weight_hh_l0": dropped}, (inputs, state))  # type: ignore[no-any-return]


class MogrifierLSTM(_Stack):
    """LSTM layers in which input and hidden vector gate each other before each step (Melis et al.
    2020, "Mogrifier LSTM").

    Args:
        rounds: how often, by turns the input and the hidden vector; 0 is a plain LSTM.
        rank: of the matrices that gate, each the product of two; None leaves them whole.
        others: arguments of `torch.nn.LSTM`; `batch_first` must be true.
    """

    def __init__(self, *, rounds: int, rank: int | None, batch_first: bool, **others: Any) -> None:
        super().__init__(lambda size, hidden: _MogrifierLayer(size, hidden, rounds, rank), **others)


class _MogrifierLayer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, rounds: int, rank: int | None) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        pairs = [(hidden_size, input_size), (input_size, hidden_size)]
        self.gates = nn.ModuleList(_gate(*pairs[turn % 2], rank) for turn in range(rounds))

    def forward(self, inputs: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        size = self.lstm.hidden_size
        hidden, cell = state or (inputs.new_zeros(1, len(inputs), size),) * 2
        hidden, cell = hidden[0], cell[0]  # (B, H)
        by_input, by_hidden, *biases = self.lstm.parameters()
        steps = []
        for step in inputs.unbind(1):  # (B, E)
            step, gated = self._mogrify(step, hidden)
            gates = F.linear(step, by_input, biases[0]) + F.linear(gated, by_hidden, biases[1])
            asked, kept, new, shown = gates.chunk(4, dim=1)  # (B, H) each
            cell = kept.sigmoid() * cell + asked.sigmoid() * new.tanh()
            hidden = shown.sigmoid() * cell.tanh()
            steps.append(hidden)
        return torch.stack(steps).transpose(0, 1), (hidden[None], cell[None])

    def _mogrify(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Equations 2 and 3 of the paper."""
        for turn, gate in enumerate(self.gates):
            if turn % 2 == 0:
                inputs = 2 * gate(hidden).sigmoid() * inputs
            else:
                hidden = 2 * gate(inputs).sigmoid() * hidden
        return inputs, hidden


def _gate(size: int, other: int, rank: int | None) -> nn.Module:
    if rank is None:
        return nn.Linear(size, other)
    return nn.Sequential(nn.Linear(size, rank, bias=False), nn.Linear(rank, other))
