"""The network: embedding → recurrent layers → head."""

from collections.abc import Callable
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from patentlm.model.lstm_over_words import lstm_over_words, suits

State = Any
"""What the recurrent layers carry from step to step: opaque, and None means zeros."""


class Head(Protocol):
    """What a network asks of its head; `patentlm.model.head.SoftmaxHead` is one."""

    def logits(self, hidden: Tensor) -> Tensor: ...

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor: ...


class Network(nn.Module):
    """Predicts the next word at every position from the words up to it.

    Args:
        vocabulary: number of words V.
        embedding_size: size E of a word's vector.
        hidden_size: size H of the recurrent layers.
        layers: how many of them stand on each other.
        dropout: share of activations dropped after the embedding, between layers and before the
            head, while training.
        cell: makes the recurrent layers; takes the arguments of `torch.nn.LSTM` and behaves like
            it: `(inputs (B, T, E), state) -> (hidden (B, T, H), state)`.
        head: makes the head from `hidden_size` and `vocabulary`.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding_size: int,
        hidden_size: int,
        layers: int,
        dropout: float,
        cell: Callable[..., nn.Module],
        head: Callable[..., nn.Module],
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding_size)
        self.recurrent = cell(
            input_size=embedding_size,
            hidden_size=hidden_size,
            num_layers=layers,
            dropout=dropout if layers > 1 else 0.0,
            batch_first=True,
        )
        self.dropout = nn.Dropout(dropout)
        self._head = head(hidden_size=hidden_size, vocabulary=vocabulary)
        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        initialise_recurrent(self.recurrent)

    @property
    def head(self) -> Head:
        """Turns hidden vectors into logits or a loss."""
        return cast(Head, self._head)

    @property
    def size(self) -> int:
        """Number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())

    def products(self, positions: float) -> float:
        """Multiplications of its matrices for one target.

        Args:
            positions: input words read for each target.
        """
        recurrent, head = (
            sum(p.numel() for p in part.parameters() if p.ndim == 2)
            for part in (self.recurrent, self._head)
        )
        return positions * recurrent + head

    def forward(self, inputs: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Hidden vectors after each word, and the state after the last.

        Args:
            inputs: word ids, `(B, T)`.
            state: where an earlier call on the same rows stopped; None starts anew.

        Returns:
            hidden `(B, T, H)`, and the state to go on from.
        """
        dropping = self.training and self.dropout.p > 0
        if state is None and not dropping and suits(self.recurrent, inputs):
            return lstm_over_words(self.recurrent, self.embedding.weight, inputs)
        embedded = self.dropout(self.embedding(inputs))  # (B, T, E)
        hidden, state = self.recurrent(embedded, state)  # (B, T, H)
        return self.dropout(hidden), state


def initialise_recurrent(recurrent: nn.Module) -> None:
    """Glorot-uniform input weights (Glorot & Bengio 2010), orthogonal recurrent weights gate by
    gate (Saxe et al. 2014), zero biases but for an LSTM's forget gate, which starts open
    (Jozefowicz et al. 2015)."""
    for name, parameter in recurrent.named_parameters():
        if "weight_ih" in name:
            nn.init.xavier_uniform_(parameter)
        elif "weight_hh" in name:
            for gate in torch.split(parameter.detach(), parameter.shape[1]):
                nn.init.orthogonal_(gate)
        elif "bias" in name:
            nn.init.zeros_(parameter)
        if isinstance(recurrent, nn.LSTM) and "bias_ih" in name:
            size = recurrent.hidden_size
            parameter.detach()[size : 2 * size].fill_(1.0)


def detach(state: State) -> State:
    """The same state, without the graph that led to it."""
    if isinstance(state, torch.Tensor):
        return state.detach()
    return None if state is None else type(state)(detach(part) for part in state)
