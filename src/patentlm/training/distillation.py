"""Distillation: a network learns from what a trained one predicts, too."""

from typing import Any

import torch
from torch import Tensor

from patentlm.checkpoint import CheckpointMetadata
from patentlm.errors import ConfigError
from patentlm.model.ensemble import JointHidden
from patentlm.model.network import Network, State
from patentlm.trained_model import load


class Learner:
    """A network as training uses it.

    Args:
        network: the network that is trained.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(self, inputs: Tensor, state: State) -> tuple[Any, State]:
        """Reads word ids `(B, T)`; returns vectors `(B, T, …)` and the state to continue from."""
        return self.network(inputs, state)  # type: ignore[no-any-return]

    def own(self, hidden: Any) -> Any:
        """Returns the hidden vectors of the network that is trained."""
        return hidden

    def loss(self, hidden: Any, targets: Tensor) -> Tensor:
        """Returns the mean loss `()` of N vectors and targets `(N,)`; 0 if N is 0."""
        return self.network.head.loss(hidden, targets)

    def hard_loss(self, loss: Tensor, hidden: Any, targets: Tensor) -> Tensor:
        """Returns the loss of the words alone, given `loss`, that of all it learns from."""
        return loss

    def to(self, device: torch.device) -> None:
        """Moves what is not trained to a device."""


class Student(Learner):
    """A network that learns from words and from a teacher's probabilities of all words.

    Hinton et al. 2015, "Distilling the knowledge in a neural network", at temperature 1. With the
    teacher's probabilities p, the network's q and a weight w, the loss of a target y is
    `-(1 - w) log q(y) - w Σ p(v) log q(v)`: the cross entropy of q and a mixture of y and p.

    Args:
        network: the network that is trained.
        teacher: a trained network or an ensemble, with the same vocabulary; it is not changed.
        weight: weight w of the teacher's probabilities, 0 to 1.
    """

    def __init__(self, network: Network, *, teacher: Network, weight: float) -> None:
        super().__init__(network)
        self.teacher, self.weight = teacher.eval().requires_grad_(False), weight

    def __call__(self, inputs: Tensor, state: State) -> tuple[JointHidden, State]:
        own, taught = (None, None) if state is None else state
        hidden, own = self.network(inputs, own)
        with torch.no_grad():
            known, taught = self.teacher(inputs, taught)
        return JointHidden((hidden, known)), (own, taught)

    def own(self, hidden: JointHidden) -> Any:
        return hidden.parts[0]

    def loss(self, hidden: JointHidden, targets: Tensor) -> Tensor:
        own, known = hidden.parts

        @torch.no_grad()
        def soft_targets(rows: slice) -> Tensor:
            soft = self.teacher.head.probs(known[rows]).mul_(self.weight)
            rest = torch.full_like(soft[:, :1], 1 - self.weight)
            return soft.scatter_add_(1, targets[rows, None], rest)

        return self.network.head.soft_loss(own, soft_targets)

    def hard_loss(self, loss: Tensor, hidden: JointHidden, targets: Tensor) -> Tensor:
        return self.network.head.loss(self.own(hidden), targets)

    def to(self, device: torch.device) -> None:
        self.teacher.to(device)


def load_teacher(path: str, metadata: CheckpointMetadata) -> Network:
    """Loads a teacher, or several as an ensemble.

    Args:
        path: as for `patentlm.load`.
        metadata: of the run that it teaches.

    Raises:
        CheckpointError: if it can't be loaded.
        ConfigError: if it knows other words than the run.
    """
    model = load(path, device="cpu")
    if model.metadata.vocabulary != metadata.vocabulary:
        raise ConfigError(
            f"distillation.teacher={path}: knows other words than this run; train it on the same "
            "data with the same tokenizer"
        )
    return model.network
