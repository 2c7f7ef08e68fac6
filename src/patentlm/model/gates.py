"""Gates of recurrent layers by their papers' equations, for traces of a network."""

from typing import Protocol, cast, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn

Gates = dict[str, Tensor]


@runtime_checkable
class Gated(Protocol):
    """A layer that computes its own gate values."""

    def gate_values(self, inputs: Tensor, hidden: Tensor) -> Gates: ...


def gates_of(recurrent: nn.Module, number: int, inputs: Tensor, hidden: Tensor) -> Gates:
    """Returns the gates of one layer at some words.

    Args:
        recurrent: recurrent layers of a network.
        number: index of the layer, from 0.
        inputs: inputs of the layer at each word, `(T, E)`.
        hidden: its hidden vectors before each word, `(T, H)`.

    Returns:
        Values by the gate's name, after its nonlinearity, each `(T, H)`; empty for layers whose
        gates are not known.
    """
    if isinstance(recurrent, nn.LSTM):
        return lstm_gates(recurrent, number, inputs, hidden)
    if isinstance(recurrent, nn.GRU):
        return _gru_gates(recurrent, number, inputs, hidden)
    layers = getattr(recurrent, "layers", None)
    layer = cast(nn.ModuleList, layers)[number] if layers is not None else None
    return layer.gate_values(inputs, hidden) if isinstance(layer, Gated) else {}


def lstm_gates(lstm: nn.LSTM, number: int, inputs: Tensor, hidden: Tensor) -> Gates:
    """Returns the gates `i`, `f`, `g`, `o` of an LSTM.

    The cell state is `f * c + i * g`, the hidden vector `o * tanh(c)` (Hochreiter & Schmidhuber
    1997; Gers et al. 2000).
    """
    by_input, by_hidden = _products(lstm, number, inputs, hidden)
    i, f, g, o = (by_input + by_hidden).chunk(4, dim=-1)
    return {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}


def _gru_gates(gru: nn.GRU, number: int, inputs: Tensor, hidden: Tensor) -> Gates:
    """Returns the gates `r`, `z`, `n` of a GRU.

    The hidden vector is `(1 - z) * n + z * h` (Cho et al. 2014).
    """
    by_input, by_hidden = _products(gru, number, inputs, hidden)
    (r, z, n), (r_h, z_h, n_h) = by_input.chunk(3, dim=-1), by_hidden.chunk(3, dim=-1)
    r, z = (r + r_h).sigmoid(), (z + z_h).sigmoid()
    return {"r": r, "z": z, "n": (n + r * n_h).tanh()}


def _products(
    layers: nn.RNNBase, number: int, inputs: Tensor, hidden: Tensor
) -> tuple[Tensor, Tensor]:
    weights = {
        name: layers.get_parameter(f"{name}_l{number}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    by_input = F.linear(inputs, weights["weight_ih"], weights["bias_ih"])
    return by_input, F.linear(hidden, weights["weight_hh"], weights["bias_hh"])
