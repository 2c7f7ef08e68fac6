"""Traces of a network: its gates, cell states and hidden vectors after each word."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patentlm.model.gates import gates_of
from patentlm.model.network import Network, State

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a network computed at each word of a text.

    Args:
        words: the input words, beginning with the `<end>` before the text.
        hidden: hidden vectors of each layer, `(layers, words, H)`.
        cell: cell states in the same shape; None for layers that have none of that shape, such as a
            GRU's.
        gates: gates by name in the same shape: `i`, `f`, `g` and `o` of an LSTM (Hochreiter &
            Schmidhuber 1997), `r`, `z` and `n` of a GRU (Cho et al. 2014), `g`, `f` and `o` of a
            QRNN, `f`, `i` and `g` of a minimal LSTM; empty if unknown.
        axes: names of the arrays' axes.
    """

    words: tuple[str, ...]
    hidden: Array
    cell: Array | None
    gates: dict[str, Array]
    axes: tuple[str, str, str] = field(default=("layer", "word", "unit"), init=False)


@torch.no_grad()
def trace(network: Network, words: Sequence[int], names: Sequence[str]) -> Trace:
    """Reads words one by one and keeps what the network computes.

    Args:
        network: reads the words from a zero state.
        words: ids, beginning with the `<end>` before the text.
        names: the words themselves.

    Returns:
        The trace.
    """
    network.eval()
    device = next(network.parameters()).device
    inputs = torch.tensor(words, device=device)
    hidden, cell = _read(network, inputs)  # (layers, T, H)
    below, gates = network.embedding(inputs), []
    for number, layer in enumerate(hidden):
        before = torch.cat([torch.zeros_like(layer[:1]), layer[:-1]])
        gates.append(gates_of(network.recurrent, number, below, before))
        below = layer
    return Trace(
        words=tuple(names),
        hidden=_array(hidden),
        cell=None if cell is None else _array(cell),
        gates={name: _array(torch.stack([layer[name] for layer in gates])) for name in gates[0]},
    )


def _read(network: Network, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
    """Returns hidden vectors and cell states after each word `(T,)`, both `(layers, T, H)`."""
    state: State = None
    states: list[tuple[Tensor, ...]] = []
    for word in inputs:
        _, state = network.read(word[None, None], state)
        states.append((state,) if isinstance(state, Tensor) else tuple(state))
    hidden, *rest = (torch.cat(part, dim=1) for part in zip(*states, strict=True))
    cell = rest[0] if rest and rest[0].shape == hidden.shape else None
    return hidden, cell


def _array(values: Tensor) -> Array:
    array: Array = values.float().cpu().numpy()
    return array
