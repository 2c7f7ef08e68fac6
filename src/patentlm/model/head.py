"""Heads: from hidden vectors to a distribution over the vocabulary."""

import torch.nn.functional as F
from torch import Tensor, nn

from patentlm.model.linear_cross_entropy import linear_cross_entropy


class SoftmaxHead(nn.Module):
    """A linear layer and a softmax.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: of the words `(V, E)`.
    """

    def __init__(self, *, hidden_size: int, embedding: nn.Embedding) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, embedding.num_embeddings)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def logits(self, hidden: Tensor) -> Tensor:
        """Unnormalised log-probabilities `(…, V)` of hidden vectors `(…, H)`."""
        return self.linear(hidden)  # type: ignore[no-any-return]

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy in nats, `()`, of hidden vectors `(N, H)` against words `(N,)`; of
        none it is 0."""
        if hidden.device.type == "cpu":
            return linear_cross_entropy(hidden, self.linear.weight, self.linear.bias, targets)
        total = F.cross_entropy(self.logits(hidden), targets, reduction="sum")
        return total / max(1, len(targets))
