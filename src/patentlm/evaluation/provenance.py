"""Where the probability of each word comes from: the vocabulary, copies, a mixture's components."""

from typing import Any

import torch
from torch import Tensor

from patentlm.evaluation.copied import copied_shares, copies
from patentlm.evaluation.mixture import Mixture
from patentlm.model.network import Network


def origins_of(network: Network) -> tuple[str, ...]:
    """Names what a network mixes.

    Args:
        network: any network.

    Returns:
        `vocabulary` and `copied` for a head that copies or an ensemble with one, the components'
        names for a mixture; empty for a network that mixes nothing.
    """
    if isinstance(network, Mixture):
        return tuple(component.name for component in network.components)
    return ("vocabulary", "copied") if copies(network) else ()


def shares_of(network: Network, hidden: Any, targets: Tensor) -> Tensor:
    """Returns the share of each origin in the probability of each target.

    Args:
        network: any network.
        hidden: what its head predicts from, N rows.
        targets: words, `(N,)`.

    Returns:
        Shares in the order of `origins_of`, `(N, origins)`; each row adds up to 1.
    """
    if isinstance(network, Mixture):
        return network.shares(hidden, targets)
    if not copies(network):
        return torch.zeros(len(targets), 0)
    copied = copied_shares(network, hidden, targets)
    return torch.stack([1 - copied, copied], dim=1)
