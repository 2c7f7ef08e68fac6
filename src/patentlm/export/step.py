"""One step of a network as a function of tensors alone, for other runtimes."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from patentlm.model.memory import CopyingHead
from patentlm.model.network import Network, State


class Step(nn.Module):
    """Reads one word of each text; the state is passed as tensors, zeros at first.

    Args:
        network: predicts the next word; it is put into evaluation mode.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.eval()
        size = network.head.size if isinstance(network.head, CopyingHead) else None
        # A memory of a limited size has it from the start, its empty places zeros; one that grows
        # must not have a size of 1 here, which torch.export would take for fixed.
        self.words = size or 3
        self.layout = _read(network, texts=2, words=self.words)

    def forward(self, word: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Returns log-probabilities of the next word, and the new state.

        Args:
            word: ids, `(B,)` int64.
            state: tensors as in `zeros`.

        Returns:
            Log-probabilities `(B, V)`, and the tensors of the new state.
        """
        hidden, after = self.network(word[:, None], _nested(self.layout, iter(state)))
        logits = self.network.head.logits(hidden[:, 0]).float()
        return logits.log_softmax(-1), *flatten(after)

    def zeros(self) -> list[Tensor]:
        """The state of two texts before their first word."""
        return [torch.zeros_like(part) for part in flatten(self.layout)]

    def dynamic(self) -> list[dict[int, str]]:
        """Names of each state tensor's dynamic dimensions.

        `batch`, and `memory` if it grows with each word.
        """
        wider = flatten(_read(self.network, texts=3, words=self.words))
        later = flatten(_read(self.network, texts=2, words=self.words + 1))
        return [
            dict.fromkeys(_differ(part, wide), "batch")
            | dict.fromkeys(_differ(part, late), "memory")
            for part, wide, late in zip(self.zeros(), wider, later, strict=True)
        ]


def flatten(state: State) -> list[Tensor]:
    """Returns the tensors of a nested state, in order."""
    if isinstance(state, Tensor):
        return [state]
    return [] if state is None else [tensor for part in state for tensor in flatten(part)]


def _nested(layout: State, tensors: Iterator[Tensor]) -> State:
    """Nests tensors like another state."""
    if isinstance(layout, Tensor):
        return next(tensors)
    return None if layout is None else type(layout)(_nested(part, tensors) for part in layout)


@torch.no_grad()
def _read(network: Network, *, texts: int, words: int) -> State:
    """Returns the state of a network after some words."""
    state: State = network(torch.zeros(texts, words, dtype=torch.int64))[1]
    return state


def _differ(one: Tensor, other: Tensor) -> Sequence[int]:
    return [at for at in range(one.ndim) if one.shape[at] != other.shape[at]]
