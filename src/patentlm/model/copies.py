"""Words copied from places of the text, mixed with a distribution over the vocabulary."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Copies(NamedTuple):
    """The parts of a mixture of the vocabulary and S places whose words can be copied.

    Args:
        log_weight: log weight of the vocabulary, `(…,)`.
        log_probs: log-probability of copying from each place, `(…, S)`.
        words: the word at each place, `(…, S)` int64.
    """

    log_weight: Tensor
    log_probs: Tensor
    words: Tensor

    def of(self, rows: slice) -> "Copies":
        """Returns those of some rows."""
        return Copies(*(part[rows] for part in self))


def with_copies(logs: Tensor, copies: Copies) -> Tensor:
    """Returns log-probabilities `(…, V)` of the mixture.

    A word's log-probability grows by `log(1 + c / known)`, where `known` is its probability by the
    vocabulary and c the sum over all places that hold it; each place has its fraction of that. So
    only words that can be copied cost anything.

    Args:
        logs: log-probabilities by the vocabulary alone, `(…, V)`.
        copies: the other parts.

    Example:
        >>> places = torch.tensor([0.25, 0.25]).log(), torch.tensor([1, 1])
        >>> logs = torch.tensor([0.5, 0.5]).log()
        >>> with_copies(logs, Copies(torch.tensor(0.5).log(), *places)).exp()
        tensor([0.2500, 0.7500])
    """
    known = logs + copies.log_weight[..., None]
    probs = copies.log_probs.exp().to(known.dtype)
    sums = sums_by_word(probs, copies.words, known.shape[-1])
    # The fractions of a word add up to 1 whatever they are, so no gradient goes through them.
    fractions = (probs / sums).detach()
    gains = fractions * F.softplus(sums.log() - known.gather(-1, copies.words))
    return known.scatter_add(-1, copies.words, gains)


def sums_by_word(probs: Tensor, words: Tensor, vocabulary: int) -> Tensor:
    """Returns, for each place, the sum over all places with its word.

    Args:
        probs: of each place, `(…, S)`.
        words: of each place, `(…, S)`.
        vocabulary: number of words V.

    Returns:
        Sums, `(…, S)`, at least the smallest positive number.
    """
    by_word = probs.new_zeros(*probs.shape[:-1], vocabulary).scatter_add(-1, words, probs)
    return by_word.gather(-1, words).clamp(min=torch.finfo(probs.dtype).tiny)
