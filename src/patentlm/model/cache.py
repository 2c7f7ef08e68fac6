"""The neural cache: a trained network copies words without further training."""

import copy

import torch
from torch import Tensor

from patentlm.errors import ConfigError
from patentlm.model.head import VocabularyHead
from patentlm.model.memory import CopyingHead, Places, Rows
from patentlm.model.network import Network


class CacheHead(CopyingHead):
    """Mixes a trained head with the words that followed similar hidden vectors.

    Grave et al. 2017, "Improving neural language models with a continuous cache".

    Args:
        softmax: the trained head.
        hidden_size: size H of a hidden vector.
        size: positions in the cache; None for all.
        theta: how strongly similar vectors are preferred; 0 treats all alike.
        weight: mixture weight of the cache (the paper's lambda); 0 while the cache is empty.
    """

    def __init__(
        self,
        softmax: VocabularyHead,
        *,
        hidden_size: int,
        size: int | None,
        theta: float,
        weight: float,
    ) -> None:
        super().__init__(softmax, hidden_size=hidden_size, size=size, match=0)
        self.theta, self.weight = theta, weight

    def scores(self, hidden: Tensor, places: Places) -> Tensor:
        return hidden @ places.vectors.mT

    def log_weights(self, hidden: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        empty = scores == -torch.inf
        full = ~empty.all(-1, keepdim=True)  # (…, 1)
        ours, rest = scores.new_tensor([self.weight, 1 - self.weight]).log()
        copied = (self.theta * scores).masked_fill(empty, -torch.inf).log_softmax(-1) + ours
        return torch.where(full, rest, 0.0), torch.where(full, copied, -torch.inf)

    def loss(self, rows: Rows, targets: Tensor) -> Tensor:
        """The loss of the trained head, since the cache has nothing to learn."""
        return self.softmax.loss(rows.hidden, targets)


@torch.no_grad()
def with_cache(network: Network, *, size: int | None, theta: float, weight: float) -> Network:
    """Returns the network with a neural cache, sharing the weights; see `CacheHead`.

    Args:
        network: a trained network.
        size: positions in the cache; None for all.
        theta: how strongly similar positions are preferred.
        weight: mixture weight of the cache.

    Raises:
        ConfigError: if a setting can't work, or the network copies already.
    """
    if not isinstance(network.head, VocabularyHead):
        raise ConfigError("cache=neural: this model learned to copy; leave the cache out")
    if size is not None and size < 1:
        raise ConfigError(f"cache.size must be null or 1 or more, not {size}")
    if theta < 0 or not 0 <= weight < 1:
        raise ConfigError(
            "cache.theta must be 0 or more, cache.weight from 0 to below 1, not"
            f" {theta} and {weight}"
        )
    word = torch.zeros(1, 1, dtype=torch.int64, device=next(network.parameters()).device)
    hidden_size = network(word)[0].shape[-1]
    shared = {id(weight): weight for weight in network.parameters()}
    cached = copy.deepcopy(network, shared)
    head = CacheHead(network.head, hidden_size=hidden_size, size=size, theta=theta, weight=weight)
    cached.add_module("_head", head.train(network.training))
    return cached
