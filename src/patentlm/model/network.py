"""The network: embedding → recurrent layers → head."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patentlm.model.autocast import without_autocast
from patentlm.model.dropout import Dropout, LockedDropout, drop_words
from patentlm.model.memory import CopyingHead, Rows, recall
from patentlm.model.soft_cross_entropy import SoftTargets

State = Any
"""What the recurrent layers carry from step to step: opaque, and None means zeros."""


class Head(Protocol):
    """The interface of a network's head.

    A `VocabularyHead` reads hidden vectors, a `CopyingHead` reads `Rows`.
    """

    def logits(self, hidden: Any) -> Tensor: ...

    def probs(self, hidden: Any) -> Tensor: ...

    def loss(self, hidden: Any, targets: Tensor) -> Tensor: ...

    def soft_loss(self, hidden: Any, soft_targets: SoftTargets) -> Tensor: ...


class Network(nn.Module):
    """A language model: predicts the next word at every position from the words up to it.

    Args:
        vocabulary: number of words V.
        embedding_size: size E of a word's vector.
        hidden_size: size H of the recurrent layers.
        layers: number of recurrent layers.
        dropout: probability of dropping an activation between layers in training.
        input_dropout: the same after the embedding.
        output_dropout: the same before the head.
        locked_dropout: input and output dropout drop the same units at all words of a text.
        embedding_dropout: probability of zeroing a word's vector in a training step.
        frozen_embedding: do not train the embedding.
        cell: makes the recurrent layers; takes the arguments of `torch.nn.LSTM` and behaves like
            it: `(inputs (B, T, E), state) -> (hidden (B, T, H), state)`.
        head: makes the head from `hidden_size` and `embedding`; one that copies gets `Rows` of
            `patentlm.model.memory` instead of hidden vectors.

    Example:
        >>> from patentlm.model.head import SoftmaxHead
        >>> sizes = {"vocabulary": 7, "embedding_size": 3, "hidden_size": 5, "layers": 1}
        >>> rates = dict.fromkeys(["dropout", "input_dropout", "output_dropout"], 0.0)
        >>> more = {"locked_dropout": False, "embedding_dropout": 0.0, "frozen_embedding": False}
        >>> network = Network(**sizes, **rates, **more, cell=nn.GRU, head=SoftmaxHead)
        >>> hidden, state = network(torch.tensor([[2, 3, 4]]))
        >>> hidden.shape, network.head.logits(hidden).shape
        (torch.Size([1, 3, 5]), torch.Size([1, 3, 7]))
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding_size: int,
        hidden_size: int,
        layers: int,
        dropout: float,
        input_dropout: float,
        output_dropout: float,
        locked_dropout: bool,
        embedding_dropout: float,
        frozen_embedding: bool,
        cell: Callable[..., nn.Module],
        head: Callable[..., nn.Module],
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding_size)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.recurrent = cell(
            input_size=embedding_size,
            hidden_size=hidden_size,
            num_layers=layers,
            dropout=dropout if layers > 1 else 0.0,
            batch_first=True,
        )
        make_dropout = LockedDropout if locked_dropout else Dropout
        self.input_dropout = make_dropout(input_dropout)
        self.output_dropout = make_dropout(output_dropout)
        self._head = head(hidden_size=hidden_size, embedding=self.embedding)
        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        self.embedding.requires_grad_(not frozen_embedding)
        initialise_recurrent(self.recurrent)

    @property
    def head(self) -> Head:
        """Turns hidden vectors into logits or a loss."""
        return cast(Head, self._head)

    @property
    def size(self) -> int:
        """Number of trainable parameters."""
        trained = (parameter for parameter in self.parameters() if parameter.requires_grad)
        return sum(parameter.numel() for parameter in trained)

    def macs_per_target(self, positions: float) -> float:
        """Returns the multiply-accumulate operations of its matrices for one target.

        Args:
            positions: input words read for each target.
        """
        recurrent, head = (
            sum(p.numel() for p in part.parameters() if p.ndim == 2)
            for part in (self.recurrent, self._head)
        )
        return positions * recurrent + head

    def forward(self, inputs: Tensor, state: State = None) -> tuple[Tensor | Rows, State]:
        """Returns hidden vectors after each word, and the state after the last.

        Args:
            inputs: word ids, `(B, T)`.
            state: state of an earlier call on the same rows; None for zeros.

        Returns:
            Hidden vectors `(B, T, H)`, and the state to continue from.
        """
        if isinstance(self._head, CopyingHead):
            return recall(self.read, self._head, inputs, state)
        return self.read(inputs, state)

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Computes the same as `forward`, without the memory of a copying head."""
        # In memory by word, as LSTMs compute, so that none has to copy its inputs.
        embedded = self.input_dropout(self._embed(inputs.t()).transpose(0, 1))  # (B, T, E)
        # Under autocast cuDNN's recurrent layers compute in float16 whatever its type, and without
        # a loss scale small gradients vanish; without it they compute in float32 with TF32.
        with without_autocast(embedded) if embedded.is_cuda else nullcontext():
            hidden, state = self.recurrent(embedded, state)  # (B, T, H)
        return self.output_dropout(hidden), state

    def _embed(self, inputs: Tensor) -> Tensor:
        vectors = self.embedding.weight
        if self.training and self.embedding_dropout.p > 0:
            vectors = drop_words(vectors, self.embedding_dropout.p)
        return F.embedding(inputs, vectors)


def initialise_recurrent(recurrent: nn.Module) -> None:
    """Initialises recurrent layers.

    Input weights are Glorot-uniform (Glorot & Bengio 2010), recurrent weights orthogonal gate by
    gate (Saxe et al. 2014), biases zero, except for an LSTM's forget gate, which starts open
    (Jozefowicz et al. 2015).
    """
    for layers in (part for part in recurrent.modules() if isinstance(part, nn.RNNBase)):
        for name, parameter in layers.named_parameters():
            if "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)
            elif "weight_hh" in name:
                for gate in torch.split(parameter.detach(), parameter.shape[1]):
                    nn.init.orthogonal_(gate)
            elif "bias" in name:
                nn.init.zeros_(parameter)
            if isinstance(layers, nn.LSTM) and "bias_ih" in name:
                size = layers.hidden_size
                parameter.detach()[size : 2 * size].fill_(1.0)


def detach(state: State) -> State:
    """Returns the state, detached from the graph."""
    if isinstance(state, torch.Tensor):
        return state.detach()
    return None if state is None else type(state)(detach(part) for part in state)
