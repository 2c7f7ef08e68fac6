"""Heads: from hidden vectors to a distribution over the vocabulary."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from patentlm.model.copies import Copies, with_copies
from patentlm.model.linear_cross_entropy import ROWS, linear_cross_entropy
from patentlm.model.soft_cross_entropy import SoftTargets, soft_cross_entropy


class VocabularyHead(nn.Module, ABC):
    """Predicts a distribution over the vocabulary, V words, from hidden vectors of size H."""

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """Returns unnormalised log-probabilities `(…, V)` for hidden vectors `(…, H)`."""

    @torch.no_grad()
    def probs(self, hidden: Tensor) -> Tensor:
        """Returns probabilities `(…, V)` for hidden vectors `(…, H)`, in float32 or wider.

        No gradient goes through them.
        """
        logits = self.logits(hidden)
        return logits.softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))

    @abstractmethod
    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean cross entropy `()` of hidden vectors `(N, H)` and targets `(N,)`.

        It is the mean of the targets' negative log-probabilities (natural logarithm); 0 if N is 0.
        """

    def mixed_loss(
        self, hidden: Tensor, targets: Tensor, log_weight: Tensor, log_other: Tensor
    ) -> Tensor:
        """Returns the loss if this head is one part of a mixture.

        Args:
            hidden: hidden vectors, `(N, H)`.
            targets: words, `(N,)`.
            log_weight: log weight of this head in the mixture, `(N,)`.
            log_other: log-probability of the targets by the other part times its weight, `(N,)`.

        Returns:
            Mean of `-log(exp(log_weight) p(target) + exp(log_other))`, `()`; 0 if N is 0.
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

    def soft_loss(
        self, hidden: Tensor, soft_targets: SoftTargets, copies: Copies | None = None
    ) -> Tensor:
        """Returns the mean cross entropy `()` of soft targets; 0 if N is 0.

        Args:
            hidden: hidden vectors, `(N, H)`.
            soft_targets: returns the soft targets of some rows, see `SoftTargets`.
            copies: what the rows can copy, if this head is one part of a mixture.
        """
        starts = range(0, max(1, len(hidden)), ROWS)
        parts = [slice(at, min(at + ROWS, len(hidden))) for at in starts]
        sums = [
            checkpoint(
                self._soft_loss, hidden[part], soft_targets(part), copies and copies.of(part),
                use_reentrant=False,
            )
            for part in parts
        ]  # fmt: skip
        return torch.stack(sums).sum() / max(1, len(hidden))

    def _soft_loss(self, hidden: Tensor, soft: Tensor, copies: Copies | None) -> Tensor:
        logs = self.logits(hidden).to(soft.dtype).log_softmax(-1)
        return -(soft * (logs if copies is None else with_copies(logs, copies))).sum()


class SoftmaxHead(VocabularyHead):
    """A linear layer and a softmax.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: embedding of the network, which tells the vocabulary size V.
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
        """Returns the loss of a mixture, computed in one pass like the loss alone."""
        weight, bias = self.linear.weight, self.linear.bias
        return linear_cross_entropy(hidden, weight, bias, targets, (log_weight, log_other))

    def soft_loss(
        self, hidden: Tensor, soft_targets: SoftTargets, copies: Copies | None = None
    ) -> Tensor:
        return soft_cross_entropy(
            hidden, self.linear.weight, self.linear.bias, soft_targets, copies
        )


class TiedHead(SoftmaxHead):
    """A softmax with the embedding as its weights (Inan et al. 2017, Press & Wolf 2017).

    A linear layer projects hidden vectors to the size of word vectors if the sizes differ.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: embedding of the network, `(V, E)`.
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

    def soft_loss(
        self, hidden: Tensor, soft_targets: SoftTargets, copies: Copies | None = None
    ) -> Tensor:
        return super().soft_loss(self.projection(hidden), soft_targets, copies)


class MixtureOfSoftmaxes(VocabularyHead):
    """A mixture of softmaxes that share the embedding as weights (Yang et al. 2018).

    Yang et al. 2018, "Breaking the softmax bottleneck".

    Args:
        hidden_size: size H of a hidden vector.
        embedding: embedding of the network, `(V, E)`.
        mixtures: number of softmaxes.
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
        """Returns log-probabilities `(…, V)` for hidden vectors `(…, H)`."""
        prior = self.prior(hidden).log_softmax(dim=-1)[..., None]  # (…, mixtures, 1)
        latent = self.latent(hidden).tanh().unflatten(-1, (-1, self.linear.in_features))
        words = self.linear(latent).log_softmax(dim=-1)  # (…, mixtures, V)
        return torch.logsumexp(prior + words, dim=-2)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean cross entropy `()` of hidden vectors `(N, H)` and targets `(N,)`.

        The backward pass computes logits again, so that few are in memory.
        """
        parts = zip(torch.split(hidden, ROWS), torch.split(targets, ROWS), strict=True)
        losses = [checkpoint(self._losses, *part, use_reentrant=False) for part in parts]
        return torch.stack(losses).sum() / max(1, len(targets))

    def _losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return F.nll_loss(self.logits(hidden).float(), targets, reduction="sum")


def projection(size: int, wanted: int) -> nn.Module:
    """Makes a linear layer between two sizes; the identity if they are equal."""
    return nn.Identity() if size == wanted else nn.Linear(size, wanted, bias=False)
