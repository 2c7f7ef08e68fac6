"""Metrics of predictions: perplexity, bits per word and accuracy over counted targets."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.backends import cudnn

from patentlm.batch import Batch, LoadedBatch, select_targets
from patentlm.model.autocast import without_autocast
from patentlm.model.network import Network, State

ROWS = 64
"""Maximum number of targets whose logits are in memory at once: 13 MB with 50,000 words."""


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over targets, and the metrics made of them.

    Args:
        nll_sum: summed negative log-likelihood (natural logarithm); nan without probabilities.
        correct: number of targets that were the most likely word.
        correct5: number of targets among the five most likely.
        targets: number of targets.
        copied_sum: summed shares of the targets' probabilities that were copied; None for a
            network that never copies.

    Example:
        >>> score = Score(nll_sum=2 * math.log(8), correct=1, correct5=2, targets=2)
        >>> round(score.perplexity, 6), round(score.bits, 6), score.accuracy
        (8.0, 3.0, 0.5)
    """

    nll_sum: float
    correct: int
    correct5: int
    targets: int
    copied_sum: float | None = None

    @classmethod
    def of(cls, metric_sums: Tensor, copied_sum: float | None = None) -> "Score":
        """Makes a score of metric sums `(4,)`."""
        nll_sum, correct, correct5, targets = metric_sums.tolist()
        return cls(nll_sum, round(correct), round(correct5), round(targets), copied_sum)

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of a target, with the natural logarithm."""
        return self.nll_sum / self.targets

    @property
    def perplexity(self) -> float:
        """`exp(loss)`."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits(self) -> float:
        """Mean negative log-likelihood of a target, in bits."""
        return self.loss / math.log(2)

    @property
    def accuracy(self) -> float:
        """Share of targets that were the most likely word."""
        return self.correct / self.targets

    @property
    def accuracy5(self) -> float:
        """Share of targets among the five most likely words."""
        return self.correct5 / self.targets

    @property
    def copied(self) -> float | None:
        """Mean share of a target's probability that was copied; None if nothing ever is."""
        return None if self.copied_sum is None else self.copied_sum / self.targets


def metric_sums(logits: Tensor, targets: Tensor) -> Tensor:
    """Sums metrics over targets.

    Args:
        logits: `(N, V)`.
        targets: word ids, `(N,)`.

    Returns:
        Negative log-likelihood, correct, correct among five, and count, `(4,)`.
    """
    return _metric_sums(logits, targets).cpu().double()


def _metric_sums(logits: Tensor, targets: Tensor) -> Tensor:
    """Computes the sums in float32 on the logits' device, without synchronisation."""
    nll_sum = F.cross_entropy(logits.float(), targets, reduction="none").sum()
    hits = logits.topk(min(5, logits.shape[-1])).indices == targets[:, None]  # (N, 5)
    count = torch.full_like(nll_sum, len(targets))
    return torch.stack([nll_sum, hits[:, 0].sum(), hits.sum(), count])


def batch_metric_sums(network: Network, batch: Batch, state: State) -> tuple[Tensor, State]:
    """Returns metric sums `(4,)` of a network on a batch, and the state after it."""
    hidden, targets, state = read_batch(network, batch, state)
    return hidden_metric_sums(network, hidden, targets), state


def read_batch(network: Network, batch: Batch, state: State) -> tuple[Tensor, Tensor, State]:
    """Returns hidden vectors `(N, H)` and targets `(N,)` of a batch, and the state after it."""
    loaded = LoadedBatch.of(batch).to(next(network.parameters()).device)
    with full_float32(loaded.inputs):
        hidden, state = network(loaded.inputs, state)  # (B, T, H)
    return *select_targets(hidden, loaded.targets, loaded.places), state


def hidden_metric_sums(network: Network, hidden: Tensor, targets: Tensor) -> Tensor:
    """Returns metric sums `(4,)` for hidden vectors `(N, H)` and targets `(N,)`."""
    parts = [slice(at, at + ROWS) for at in range(0, len(targets), ROWS)]
    with full_float32(targets):
        sums = [_metric_sums(network.head.logits(hidden[at]), targets[at]) for at in parts]
    return torch.stack(sums).cpu().double().sum(0) if sums else torch.zeros(4).double()


@contextmanager
def full_float32(tensor: Tensor) -> Iterator[None]:
    """Context without autocast and TF32 for the device of a tensor.

    With TF32, cuDNN's recurrent layers round factors to 10 bits.
    """
    cuda = {
        "enabled": cudnn.enabled,
        "benchmark": cudnn.benchmark,
        "allow_tf32": False,
        "fp32_precision": "ieee",
    }
    cuda |= {"deterministic": cudnn.deterministic}
    with without_autocast(tensor), cudnn.flags(**cuda):
        yield
