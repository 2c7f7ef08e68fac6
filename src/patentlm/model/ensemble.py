"""Ensembles: networks that predict together by averaging their probabilities."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from patentlm.model.network import Head, Network, State


@dataclass(frozen=True, slots=True)
class JointHidden:
    """Hidden vectors of several networks at the same positions, used like one tensor.

    Args:
        parts: hidden vectors of each network.
    """

    parts: tuple[Any, ...]

    def each(self, change: Callable[[Any], Any]) -> "JointHidden":
        """Applies a change to each network's vectors."""
        return JointHidden(tuple(change(part) for part in self.parts))

    def __getitem__(self, at: Any) -> "JointHidden":
        return self.each(lambda part: part[at])

    def __len__(self) -> int:
        return len(self.parts[0])

    def detach(self) -> "JointHidden":
        """Detaches from the graph."""
        return self.each(lambda part: part.detach())

    def transpose(self, one: int, other: int) -> "JointHidden":
        """Swaps two dimensions."""
        return self.each(lambda part: part.transpose(one, other))

    def flatten(self, first: int, last: int) -> "JointHidden":
        """Flattens dimensions into one."""
        return self.each(lambda part: part.flatten(first, last))

    def index_select(self, dimension: int, places: Tensor) -> "JointHidden":
        """Selects indices of a dimension."""
        return self.each(lambda part: part.index_select(dimension, places))

    def repeat(self, *counts: int) -> "JointHidden":
        """Repeats along each dimension."""
        return self.each(lambda part: part.repeat(*counts))


class EnsembleHead(nn.Module):
    """Averages the probabilities of several networks.

    Args:
        members: the networks.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = list(members)  # a list, since the ensemble registers them as modules

    def logits(self, hidden: JointHidden) -> Tensor:
        """Returns log-probabilities `(…, V)`: the logarithm of the mean probability."""
        scores = [
            member.head.logits(part).float().log_softmax(-1)
            for member, part in zip(self.members, hidden.parts, strict=True)
        ]
        return torch.logsumexp(torch.stack(scores), dim=0) - math.log(len(scores))

    def probs(self, hidden: JointHidden) -> Tensor:
        """Returns probabilities `(…, V)`: the mean of the members', without a gradient."""
        pairs = zip(self.members, hidden.parts, strict=True)
        first, *others = (member.head.probs(part) for member, part in pairs)
        for other in others:
            first += other
        return first.div_(len(self.members))

    def loss(self, hidden: JointHidden, targets: Tensor) -> Tensor:
        """Returns the sum of the members' own losses, so that each learns as if alone."""
        pairs = zip(self.members, hidden.parts, strict=True)
        return torch.stack([member.head.loss(part, targets) for member, part in pairs]).sum()


class Ensemble(Network):
    """Networks with the same vocabulary as one network that averages their probabilities.

    Args:
        members: two or more networks.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        nn.Module.__init__(self)
        self.networks = nn.ModuleList(members)
        self.averaged = EnsembleHead(members)

    @property
    def members(self) -> list[Network]:
        """The networks."""
        return self.averaged.members

    @property
    def head(self) -> Head:
        """The head that averages the members' probabilities."""
        return cast(Head, self.averaged)

    def forward(self, inputs: Tensor, state: State = None) -> tuple[Any, State]:
        """Returns the hidden vectors of all members after each word `(B, T)`, and their states."""
        states = [None] * len(self.members) if state is None else state
        pairs = zip(self.members, states, strict=True)
        hidden, after = zip(*(member(inputs, before) for member, before in pairs), strict=True)
        return JointHidden(hidden), after
