"""Heads: from hidden vectors to a distribution over the vocabulary."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from patentlm.model.linear_cross_entropy import ROWS, linear_cross_entropy


class VocabularyHead(nn.Module, ABC):
    """Predicts a distribution over the vocabulary, V words, from hidden vectors of size H."""

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """Unnormalised log-probabilities `(…, V)` of hidden vectors `(…, H)`."""

    @abstractmethod
    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy in nats, `()`, of hidden vectors `(N, H)` against words `(N,)`; of
        none it is 0."""

    def mixed_loss(
        self, hidden: Tensor, targets: Tensor, log_weight: Tensor, log_other: Tensor
    ) -> Tensor:
        """The loss where this head is one part of a mixture.

        Args:
            hidden: `(N, H)`.
            targets: `(N,)`.
            log_weight: of this head in the mixture, `(N,)`.
            log_other: log probability of the targets by the other part, times its weight, `(N,)`.

        Returns:
            Mean of `-log(exp(log_weight) p(target) + exp(log_other))`, `()`; of none 0.
        """
        parts = (torch.split(part, ROWS) for part in (hidden, targets, log_weight, log_other))
        sums = [
            checkpoint(self._mixed_losses, *part, use_reentrant=False)
            for part in zip(*parts, strict=True)
        ]
        return torch.stack(sums).sum() / max(1, len(targets))

    def _mixed_losses(
        self, hidden: Tensor, targets: Tensor, log_weight: Tensor, log_other: Tensor
    ) -> Tensor:
        losses = F.cross_entropy(self.logits(hidden).float(), targets, reduction="none")
        return -torch.logaddexp(log_weight - losses, log_other).sum()


class SoftmaxHead(VocabularyHead):
    """A linear layer and a softmax.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: that of the network, whose words are the vocabulary V.
    """

    def __init__(self, *, hidden_size: int, embedding: nn.Embedding) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, embedding.num_embeddings)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def logits(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden)  # type: ignore[no-any-return]

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return linear_cross_entropy(hidden, self.linear.weight, self.linear.bias, targets)

    def mixed_loss(
        self, hidden: Tensor, targets: Tensor, log_weight: Tensor, log_other: Tensor
    ) -> Tensor:
        """As of any head, in the one pass of the loss alone."""
        weight, bias = self.linear.weight, self.linear.bias
        return linear_cross_entropy(hidden, weight, bias, targets, (log_weight, log_other))


class TiedHead(SoftmaxHead):
    """A softmax whose weights are the embedding (Inan et al. 2017, Press & Wolf 2017), behind a
    linear layer where a hidden vector is not as long as a word's.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: that of the network, `(V, E)`.
    """

    def __init__(self, *, hidden_size: int, embedding: nn.Embedding) -> None:
        super().__init__(hidden_size=embedding.embedding_dim, embedding=embedding)
        self.linear.weight = embedding.weight
        self.projection = projection(hidden_size, embedding.embedding_dim)

    def logits(self, hidden: Tensor) -> Tensor:
        return super().logits(self.projection(hidden))

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return super().loss(self.projection(hidden), targets)

    def mixed_loss(
        self, hidden: Tensor, targets: Tensor, log_weight: Tensor, log_other: Tensor
    ) -> Tensor:
        return super().mixed_loss(self.projection(hidden), targets, log_weight, log_other)


class MixtureOfSoftmaxes(VocabularyHead):
    """Several softmaxes over the embedding's words, mixed (Yang et al. 2018, "Breaking the softmax
    bottleneck").

    Args:
        hidden_size: size H of a hidden vector.
        embedding: that of the network, `(V, E)`; its weights are those of all the softmaxes.
        mixtures: how many.
    """

    def __init__(self, *, hidden_size: int, embedding: nn.Embedding, mixtures: int) -> None:
        super().__init__()
        size = embedding.embedding_dim
        self.prior = nn.Linear(hidden_size, mixtures, bias=False)
        self.latent = nn.Linear(hidden_size, mixtures * size)
        self.linear = nn.Linear(size, embedding.num_embeddings)
        nn.init.xavier_uniform_(self.latent.weight)
        nn.init.zeros_(self.linear.bias)
        self.linear.weight = embedding.weight

    def logits(self, hidden: Tensor) -> Tensor:
        """Log-probabilities `(…, V)` of hidden vectors `(…, H)`."""
        prior = self.prior(hidden).log_softmax(dim=-1)[..., None]  # (…, mixtures, 1)
        latent = self.latent(hidden).tanh().unflatten(-1, (-1, self.linear.in_features))
        words = self.linear(latent).log_softmax(dim=-1)  # (…, mixtures, V)
        return torch.logsumexp(prior + words, dim=-2)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy in nats, `()`, of hidden vectors `(N, H)` against words `(N,)`; of
        none it is 0. Logits are worked out twice, so that few of them need be in memory."""
        parts = zip(torch.split(hidden, ROWS), torch.split(targets, ROWS), strict=True)
        losses = [checkpoint(self._losses, *part, use_reentrant=False) for part in parts]
        return torch.stack(losses).sum() / max(1, len(targets))

    def _losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return F.nll_loss(self.logits(hidden).float(), targets, reduction="sum")


def projection(size: int, wanted: int) -> nn.Module:
    """A linear layer between two sizes; nothing where they are equal."""
    return nn.Identity() if size == wanted else nn.Linear(size, wanted, bias=False)
