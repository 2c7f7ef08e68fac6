"""Penalties on activations, added to the loss."""

from typing import Any

import torch
from torch import Tensor, nn

from patentlm.model.network import Network


class ActivationPenalty:
    """Activation and temporal activation regularisation of the last recurrent layer.

    Merity et al. 2018, "Regularizing and optimizing LSTM language models", section 4.6.

    Args:
        network: network whose activations are watched from now on.
        activation: weight of the mean square of activations, after dropout.
        temporal: weight of the mean square of their change from word to word, before dropout.
    """

    def __init__(self, network: Network, *, activation: float, temporal: float) -> None:
        self.activation, self.temporal = activation, temporal
        network.output_dropout.register_forward_hook(self._watch)

    def loss(self, asked: Tensor) -> Tensor:
        """Returns the last forward pass's penalty `()` at the positions `(B, T)` with a target."""
        pairs = asked[:, 1:] & asked[:, :-1]
        change = self.hidden[:, 1:] - self.hidden[:, :-1]
        activation, temporal = _mean_square(self.dropped, asked), _mean_square(change, pairs)
        return self.activation * activation + self.temporal * temporal

    def _watch(self, dropout: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        self.hidden, self.dropped = inputs[0], output


def _mean_square(values: Tensor, places: Tensor) -> Tensor:
    """Returns the mean square of values `(B, T, H)` at some positions `(B, T)`; 0 for none."""
    squares = values.square().mean(dim=-1)
    if squares.device.type == "cpu":
        squares = squares[places]
        return squares.sum() / max(1, len(squares))
    # Indexing by a mask would synchronise with the device.
    return torch.where(places, squares, 0.0).sum() / places.sum().clamp(min=1)
