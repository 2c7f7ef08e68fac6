"""The one contract between data and model: a batch is `(inputs, targets)`, both `(B, T)` int64."""

from torch import Tensor

Batch = tuple[Tensor, Tensor]

IGNORE = -100
"""Stands in `targets` wherever no prediction is asked; the default of torch's cross entropy."""


def select_targets(hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden vectors `(N, H)` and targets `(N,)` where a prediction is asked, of all texts first
    those at the first word, then those at the second. So hidden vectors lie in memory, and rows of
    it are picked sooner than by a mask over `(B, T)`, most of all on the way back.

    Args:
        hidden: `(B, T, H)`.
        targets: `(B, T)`.
    """
    by_word = targets.t().flatten()
    places = (by_word != IGNORE).nonzero()[:, 0]
    return hidden.transpose(0, 1).flatten(0, 1).index_select(0, places), by_word[places]
