"""The adaptive softmax: a head for large vocabularies."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patentlm.model.head import VocabularyHead, projection
from patentlm.model.linear_cross_entropy import linear_cross_entropy

Weights = tuple[Tensor, Tensor]
"""Weight and bias of a linear layer."""


class AdaptiveHead(VocabularyHead):
    """The adaptive softmax, for large vocabularies (Grave et al. 2017).

    Grave et al. 2017, "Efficient softmax approximation for GPUs". The first softmax is over the
    most frequent words and the clusters of the others; a second softmax over the words of a cluster
    is needed only if the target is in it. So most targets cost a small part of a full softmax. Word
    ids have to be sorted by frequency, as those of `tokenizer=words` are.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: embedding of the network, `(V, E)`.
        cutoffs: first word of each cluster, ascending; those beyond the vocabulary are ignored.
        shrink: cluster k reads a projection of the hidden vector that is `shrink ** k` times
            smaller; not used if tied.
        tied: use the embedding as the weights of all softmaxes.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        embedding: nn.Embedding,
        cutoffs: Sequence[int],
        shrink: float,
        tied: bool,
    ) -> None:
        super().__init__()
        words = embedding.num_embeddings
        if list(cutoffs) != sorted({*cutoffs}) or min(cutoffs, default=1) < 1 or shrink < 1:
            raise ValueError(
                "model.head.cutoffs must ascend from 1 or more, model.head.shrink be 1 or more, not"
                f" {list(cutoffs)} and {shrink}"
            )
        self.bounds = [0, *(cutoff for cutoff in cutoffs if cutoff < words), words]
        clusters, size = len(self.bounds) - 2, embedding.embedding_dim if tied else hidden_size
        self.tied = tied
        self.projection = projection(hidden_size, size)
        self.clusters = nn.Parameter(torch.zeros(clusters, size))
        self.bias = nn.Parameter(torch.zeros(words + clusters))
        sizes = [size if tied else max(1, int(size / shrink**k)) for k in range(clusters + 1)]
        self.shrinking = nn.ModuleList(projection(size, smaller) for smaller in sizes[1:])
        if tied:
            self.weights = nn.ParameterList([embedding.weight])
        else:
            shapes = zip(self.cluster_sizes, sizes, strict=True)
            self.weights = nn.ParameterList(torch.empty(shape) for shape in shapes)
            for weight in self.weights:
                nn.init.xavier_uniform_(weight)

    @property
    def cluster_sizes(self) -> list[int]:
        """Number of words in the first softmax and in each cluster."""
        return [end - begin for begin, end in pairwise(self.bounds)]

    def logits(self, hidden: Tensor) -> Tensor:
        """Returns log-probabilities `(…, V)` for hidden vectors `(…, H)`."""
        hidden = self.projection(hidden)
        first, *rest = self._softmaxes()
        head = F.linear(hidden, *first).log_softmax(-1)  # (…, V0 + clusters)
        known, clusters = torch.split(head, [self.bounds[1], len(rest)], dim=-1)
        parts = [
            clusters[..., k : k + 1] + F.linear(shrink(hidden), *weights).log_softmax(-1)
            for k, (shrink, weights) in enumerate(zip(self.shrinking, rest, strict=True))
        ]
        return torch.cat([known, *parts], dim=-1)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        hidden = self.projection(hidden)
        first, *rest = self._softmaxes()
        cluster = torch.zeros_like(targets)  # 0 for words of the first softmax
        for first_word in self.bounds[1:-1]:
            cluster += targets >= first_word
        chosen = torch.where(cluster == 0, targets, self.bounds[1] - 1 + cluster)
        loss = linear_cross_entropy(hidden, *first, chosen)
        for k, (shrink, weights, places) in enumerate(
            zip(self.shrinking, rest, self._places(cluster), strict=True), 1
        ):
            rows, words = shrink(hidden[places]), targets[places] - self.bounds[k]
            share = len(places) / max(1, len(targets))
            loss = loss + share * linear_cross_entropy(rows, *weights, words)
        return loss

    def _places(self, cluster: Tensor) -> Sequence[Tensor]:
        """Returns the indices of the targets in each cluster."""
        ordered, order = cluster.sort(stable=True)
        clusters = torch.arange(1, len(self.clusters) + 1, device=cluster.device)
        # The host needs the number of targets in each cluster, and synchronises once for all.
        begins = torch.searchsorted(ordered, clusters).tolist()
        return [order[slice(*ends)] for ends in pairwise([*begins, len(order)])]

    def _softmaxes(self) -> Iterator[Weights]:
        """Returns the first softmax, whose last entries are the clusters, and the clusters' own."""
        sizes = self.cluster_sizes
        weights = [*self.weights]
        if self.tied:
            weights = [*torch.split(weights[0], sizes)]
        *biases, of_clusters = torch.split(self.bias, [*sizes, len(self.clusters)])
        yield torch.cat([weights[0], self.clusters]), torch.cat([biases[0], of_clusters])
        yield from zip(weights[1:], biases[1:], strict=True)
