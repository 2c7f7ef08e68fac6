"""Dynamic evaluation: a network keeps learning from the text that it reads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.backends import cudnn

from patentlm.batch import Batch
from patentlm.data.arrays import Ids
from patentlm.data.windows import (
    RUNNING,
    Context,
    ManyToOne,
    abstract_starts,
    evaluation_windows,
    loader,
)
from patentlm.errors import ConfigError
from patentlm.evaluation.metrics import Score, read_batch
from patentlm.evaluation.scoring import score_reads
from patentlm.model.network import Network, State, detach
from patentlm.progress import progress


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of dynamic evaluation.

    Args:
        segment: words that are read and scored before each update.
        learning_rate: learning rate of an update.
        decay: rate at which the weights return to the trained ones.
        epsilon: added to the root mean squares that updates are divided by.
        batches: training batches for the root mean squares.
        batch_size: abstracts in each.

    Raises:
        ConfigError: if a value does not work.
    """

    segment: int
    learning_rate: float
    decay: float
    epsilon: float
    batches: int
    batch_size: int

    def __post_init__(self) -> None:
        for name in ("segment", "batches", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"adaptation.{name} must be 1 or more")
        if min(self.learning_rate, self.decay) < 0 or self.epsilon <= 0:
            raise ConfigError(
                "adaptation.learning_rate and .decay must be 0 or more, .epsilon above 0"
            )


class Adaptation:
    """Updates of a network's weights: RMS with a global prior (Krause et al. 2018).

    Krause et al. 2018, "Dynamic evaluation of neural sequence models". With g the gradient on a
    segment, RMS the root mean squares of the training gradients and w0 the trained weights, an
    update is w += -learning_rate · g / (RMS + epsilon) + decay · (w0 - w) · R, where R is RMS
    divided by its mean, and decay · R is at most 1. The gradient of a short segment is scaled by
    its length, so that all words count alike: the mean over few words is large and uncertain.

    Args:
        network: the network that is updated.
        squares: second moment of the gradient of each trainable parameter, see `second_moments`.
        settings: of the updates.
    """

    def __init__(self, network: Network, squares: Sequence[Tensor], settings: Settings) -> None:
        self.rate, self.segment = settings.learning_rate, settings.segment
        self.weights = _weights(network)
        self.trained = [weight.detach().clone() for weight in self.weights]
        roots = [square.sqrt() for square in squares]
        mean = sum(float(root.sum()) for root in roots) / sum(root.numel() for root in roots)
        scale = settings.decay / max(mean, 1e-30)
        self.pull = [(root * scale).clamp(max=1) for root in roots]
        self.divisors = [root + settings.epsilon for root in roots]

    @torch.no_grad()
    def step(self, loss: Tensor, words: int) -> None:
        """Updates the weights with the gradient of a mean loss `()` over `words` words."""
        gradients, rate = _gradients(loss, self.weights), self.rate * (words / self.segment)
        for weight, trained, pull, gradient, divisor in zip(
            self.weights, self.trained, self.pull, gradients, self.divisors, strict=True
        ):
            weight.lerp_(trained, pull).addcdiv_(gradient, divisor, value=-rate)

    @torch.no_grad()
    def reset(self) -> None:
        """Restores the trained weights."""
        for weight, trained in zip(self.weights, self.trained, strict=True):
            weight.copy_(trained)


def second_moments(
    network: Network, ids: Ids, settings: Settings, *, context: Context
) -> list[Tensor]:
    """Returns the mean squared gradient of each trainable parameter over training batches.

    Args:
        network: trained network.
        ids: its training set, `(targets + 1,)`.
        settings: number and size of batches, drawn with a fixed seed.
        context: how far back the network looks.
    """
    windows = evaluation_windows(ids, context=context, batch_size=settings.batch_size)
    weights = _weights(network)
    squares = [torch.zeros_like(weight) for weight in weights]
    count = min(settings.batches, len(windows))
    batches = islice(loader(windows, seed=0), count)
    shown = progress("Gradients of train", batches, unit="batches", total=count)
    with _learning(network):
        for batch in shown:
            hidden, targets, _ = read_batch(network, batch, None)
            gradients = _gradients(network.head.loss(hidden, targets), weights)
            for square, gradient in zip(squares, gradients, strict=True):
                square.addcmul_(gradient, gradient, value=1 / count)
    return squares


@torch.no_grad()
def score_adapting(
    network: Network, ids: Ids, squares: Sequence[Tensor], settings: Settings, *, context: Context
) -> Score:
    """Scores a network that adapts; see `read_adapting`."""
    return score_reads(network, read_adapting(network, ids, squares, settings, context=context))


def read_adapting(
    network: Network, ids: Ids, squares: Sequence[Tensor], settings: Settings, *, context: Context
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields hidden vectors `(N, H)` and targets `(N,)` of segments, adapting after each.

    Compute logits before asking for the next segment, since the weights change then. Each abstract
    begins with the trained weights, and they are restored at the end; on a running text the network
    learns throughout.

    Args:
        network: reads and adapts.
        ids: a split, `(targets + 1,)`.
        squares: from `second_moments`.
        settings: of the adaptation.
        context: how far back the network looks.
    """
    adaptation = Adaptation(network, squares, settings)
    starts = abstract_starts(ids)
    starts = starts[[0, -1]] if context == RUNNING else starts
    bounds = list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
    try:
        for begin, end in progress("Adapting", bounds, unit="texts"):
            segments = _segments(ids[begin : end + 1], context, settings.segment)
            read = _read_text(network, segments, adaptation, context)
            yield from islice(read, len(segments))  # no update after the last segment
            adaptation.reset()
    finally:
        adaptation.reset()


def adapt(
    network: Network, ids: Ids, squares: Sequence[Tensor], settings: Settings, *, context: Context
) -> None:
    """Updates a network on all of a text.

    Args:
        network: reads and adapts.
        ids: the text after `<end>`, `(words + 1,)`.
        squares: from `second_moments`.
        settings: of the adaptation.
        context: how far back the network looks.

    Raises:
        ConfigError: if the updates are so large that weights are no longer finite.
    """
    segments = _segments(ids, context, settings.segment)
    read = _read_text(network, segments, Adaptation(network, squares, settings), context)
    for _ in progress("Adapting", read, unit="segments", total=len(segments)):
        pass
    if not all(weight.isfinite().all() for weight in _weights(network)):
        rate = f"adaptation.learning_rate={settings.learning_rate:g}"
        raise ConfigError(f"{rate} is too high for this model: its weights are no numbers any more")


def _read_text(
    network: Network, segments: Sequence[Batch], adaptation: Adaptation, context: Context
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields hidden vectors `(N, H)` and targets `(N,)` of segments, adapting after each."""
    state: State = None
    for segment in segments:
        with _learning(network):
            hidden, targets, after = read_batch(network, segment, state)
        state = None if isinstance(context, int) else detach(after)
        yield hidden.detach(), targets
        with _learning(network):
            adaptation.step(network.head.loss(hidden, targets), len(targets))


def _segments(text: Ids, context: Context, words: int) -> list[Batch]:
    """Yields a text `(T + 1,)` as batches of `words` targets.

    A batch is one row `(1, words)` that continues the one before; with a context of n words, it has
    a row of n words for each target.
    """
    if isinstance(context, int):
        targets = np.arange(len(text) - 1)
        windows = ManyToOne(text, length=context, stride=1, batch_size=words)
        return [windows[targets[at : at + words]] for at in range(0, len(targets), words)]
    row = torch.from_numpy(text.astype(np.int64))[None]
    pairs = zip(torch.split(row[:, :-1], words, 1), torch.split(row[:, 1:], words, 1), strict=True)
    return list(pairs)


def _weights(network: Network) -> list[Tensor]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _gradients(loss: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, weights, materialize_grads=True)


@contextmanager
def _learning(network: Network) -> Iterator[None]:
    """Context with gradients but without dropout; cuDNN has gradients only in training mode."""
    network.eval()
    with torch.enable_grad(), cudnn.flags(enabled=False):
        yield
