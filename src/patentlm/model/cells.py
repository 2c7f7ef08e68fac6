"""Recurrent layers with the arguments and the behaviour of `torch.nn.LSTM`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call

from patentlm.model.autocast import without_autocast
from patentlm.model.dropout import Dropout, LockedDropout, dropout
from patentlm.model.gates import Gates, lstm_gates

LSTMState = tuple[Tensor, Tensor]
"""Hidden vectors and cells, each `(layers, B, H)`."""


class LSTM(nn.LSTM):
    """torch's LSTM, with less overhead and faster dropout.

    On a CPU it skips torch's checks of inputs, which take half as long as a layer for a single
    word. Its dropout between layers takes a fraction of the time of torch's. On Apple's GPUs, where
    the backward pass of torch's LSTM loses the dropout between layers, layers run one by one.
    """

    def forward(  # type: ignore[override]
        self, inputs: Tensor, state: LSTMState | None = None
    ) -> tuple[Tensor, LSTMState]:
        """Maps inputs `(B, T, E)` and a state to hidden vectors `(B, T, H)` and the new state."""
        if inputs.device.type == "cuda":
            return super().forward(inputs, state)
        # Collecting all_weights takes half as long as a single word.
        weights = cast(list[Tensor], [*self._parameters.values()])
        if not self.training or self.dropout == 0:
            return self._layers(weights, inputs, state)
        each = len(weights) // self.num_layers
        of_layers = (weights[first : first + each] for first in range(0, len(weights), each))
        layers = [partial(self._layers, some) for some in of_layers]
        return _in_turn(layers, partial(dropout, p=self.dropout), inputs, state)

    def _layers(
        self, weights: list[Tensor], inputs: Tensor, state: LSTMState | None
    ) -> tuple[Tensor, LSTMState]:
        count = len(weights) // 4
        before = state or (inputs.new_zeros(count, len(inputs), self.hidden_size),) * 2
        hidden, *after = torch.lstm(
            inputs, before, weights, True, count, 0.0, self.training, False, True
        )
        return hidden, (after[0], after[1])


def _in_turn(
    layers: Sequence[Callable[..., Any]],
    between: Callable[[Tensor], Tensor],
    inputs: Tensor,
    state: LSTMState | None,
) -> tuple[Tensor, LSTMState]:
    """Runs layers on each other, with `between` applied to what goes from one to the next."""
    hidden, states = inputs, []
    for number, (layer, before) in enumerate(zip(layers, _split(state, len(layers)), strict=True)):
        hidden, after = layer(between(hidden) if number else hidden, before)
        states.append(after)
    hiddens, cells = zip(*states, strict=True)
    return hidden, (torch.cat(hiddens), torch.cat(cells))


def _split(state: LSTMState | None, layers: int) -> Iterable[LSTMState | None]:
    """Splits a state into the parts of each layer, `(1, B, H)` twice."""
    if state is None:
        return [None] * layers
    return zip(*(torch.split(part, 1) for part in state), strict=True)


class _Stack(nn.Module):
    """Layers on top of each other, with locked dropout between them.

    Args:
        layer: makes a layer from its input size and output size.
        input_size: size E of the inputs.
        hidden_size: size H of the hidden vectors.
        num_layers: number of layers.
        dropout: probability of dropping a unit between layers.
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
        """Maps inputs `(B, T, E)` and a state to hidden vectors `(B, T, H)` and the new state."""
        return _in_turn([*self.layers], self.dropout, inputs, state)


class WeightDropLSTM(_Stack):
    """LSTM layers with dropout on the hidden-to-hidden weights, the same at all words of a batch.

    Merity et al. 2018, "Regularizing and optimizing LSTM language models".

    Args:
        weight_drop: probability of dropping a weight in training.
        others: arguments of `torch.nn.LSTM`; `batch_first` must be true.
    """

    def __init__(self, *, weight_drop: float, batch_first: bool, **others: Any) -> None:
        super().__init__(lambda size, hidden: _WeightDropLayer(size, hidden, weight_drop), **others)


class _WeightDropLayer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, weight_drop: float) -> None:
        super().__init__()
        self.lstm = LSTM(input_size, hidden_size, batch_first=True)
        self.weight_drop = Dropout(weight_drop)

    def forward(self, inputs: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        weight = self.lstm.get_parameter("weight_hh_l0")
        dropped = self.weight_drop(weight)
        if dropped is weight:
            return self.lstm(inputs, state)  # type: ignore[no-any-return]
        return functional_call(self.lstm, {"weight_hh_l0": dropped}, (inputs, state))  # type: ignore[no-any-return]

    def gate_values(self, inputs: Tensor, hidden: Tensor) -> Gates:
        """Returns the gates of its LSTM without dropped weights, see `patentlm.model.gates`."""
        return lstm_gates(self.lstm, 0, inputs, hidden)


class MogrifierLSTM(_Stack):
    """LSTM layers in which input and hidden vector gate each other before each step.

    Melis et al. 2020, "Mogrifier LSTM".

    Args:
        rounds: number of gatings, of the input and the hidden vector in turn; 0 is a plain LSTM.
        rank: rank of the gating matrices, each a product of two; None for full matrices.
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
        # Products of a single step are so small that bf16 slows them down.
        with without_autocast(inputs):
            inputs = inputs.to(self.lstm.get_parameter("weight_ih_l0").dtype)
            zeros = inputs.new_zeros(1, inputs.shape[0], self.lstm.hidden_size)
            return self._read(inputs, *(state or (zeros, zeros)))

    def _read(self, inputs: Tensor, hiddens: Tensor, cells: Tensor) -> tuple[Tensor, LSTMState]:
        by_input, by_hidden, bias, more = self.lstm.parameters()
        shape, hidden, cell = inputs.shape[1::-1], hiddens[0], cells[0]  # (T, B), (B, H) twice
        lstm = _StepwiseLinear(bias + more, by_input, by_hidden, shape=shape)
        mogrifier = [_stepwise(gate.children(), shape) for gate in self.gates]
        steps = []
        for step in inputs.unbind(1):  # (B, E)
            i, f, g, o = lstm(*_mogrify(mogrifier, step, hidden)).chunk(4, dim=1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            steps.append(hidden)
        return torch.stack(steps).transpose(0, 1), (hidden[None], cell[None])

    def gate_values(self, inputs: Tensor, hidden: Tensor) -> Gates:
        """Returns the gates of its LSTM on the gated vectors, see `patentlm.model.gates`."""
        return lstm_gates(self.lstm, 0, *_mogrify([*self.gates], inputs, hidden))


def _gate(size: int, other: int, rank: int | None) -> nn.Sequential:
    if rank is None:
        return nn.Sequential(nn.Linear(size, other))
    return nn.Sequential(nn.Linear(size, rank, bias=False), nn.Linear(rank, other))


def _mogrify(
    gates: Sequence[Callable[[Tensor], Tensor]], inputs: Tensor, hidden: Tensor
) -> tuple[Tensor, Tensor]:
    """Applies equations 2 and 3 of the paper."""
    for turn, gate in enumerate(gates):
        if turn % 2 == 0:
            inputs = 2 * gate(hidden).sigmoid() * inputs
        else:
            hidden = 2 * gate(inputs).sigmoid() * hidden
    return inputs, hidden


def _stepwise(layers: Iterable[Any], shape: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """Makes linear layers, applied one after the other, for use at each step."""
    parts = [_StepwiseLinear(layer.bias, layer.weight, shape=shape) for layer in layers]
    return lambda values: reduce(lambda value, part: part(value), parts, values)


class _StepwiseLinear:
    """A linear layer of several inputs, applied step by step.

    The gradient of each weight is computed as one product over all steps. One product a step would
    spend most of its time on reading and writing that gradient (`python -m
    benchmarks.mogrifier_speed`).

    Args:
        bias: `(O,)`, or None.
        weights: `(O, I)` each.
        shape: T steps of B rows.
    """

    def __init__(self, bias: Tensor | None, *weights: Tensor, shape: Sequence[int]) -> None:
        self.weights = [weight.detach().t() for weight in weights]
        self.read: list[Sequence[Tensor]] = []
        starts = _DeferredWeightGradient.apply(self.read, shape, bias, *weights)  # type: ignore[no-untyped-call]
        self.starts = iter(starts.unbind(0))

    def __call__(self, *values: Tensor) -> Tensor:
        """Maps the inputs `(B, I)` of the next step, one for each weight, to their sum `(B, O)`."""
        self.read.append([value.detach() for value in values])
        total: Tensor = next(self.starts)
        for value, weight in zip(values, self.weights, strict=True):
            total = torch.addmm(total, value, weight)
        return total


class _DeferredWeightGradient(torch.autograd.Function):
    """Expands the bias to `(T, B, O)`, to which each step adds its products.

    Its gradient is complete when those of the steps are. All inputs, `(B, I)` for each step and
    weight, are known by then, and the gradients of bias and weights are computed from both.
    """

    @staticmethod
    def forward(
        ctx: Any,
        read: Sequence[Sequence[Tensor]],
        shape: Sequence[int],
        bias: Tensor | None,
        *weights: Tensor,
    ) -> Tensor:
        ctx.read = read
        return (weights[0].new_zeros(len(weights[0])) if bias is None else bias).expand(*shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        outputs = gradient.flatten(0, 1)  # (T B, O)
        by_bias = outputs.sum(0) if ctx.needs_input_grad[2] else None
        inputs = (torch.cat(steps) for steps in zip(*ctx.read, strict=True))  # (T B, I) each
        return None, None, by_bias, *(outputs.t() @ values for values in inputs)
