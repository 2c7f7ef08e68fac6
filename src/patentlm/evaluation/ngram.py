"""The n-gram baseline: interpolated Kneser-Ney, exact, in numpy.

Kneser & Ney 1995, "Improved backing-off for m-gram language modeling", with the three discounts for
each order of Chen & Goodman 1999, "An empirical study of smoothing techniques for language
modeling" (modified Kneser-Ney).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Ids, Int64Array
from patentlm.data.windows import contexts
from patentlm.errors import ConfigError, DataError

Probabilities = NDArray[np.float64]

UNSEEN = -1
"""Rank of a context that does not occur in the training split."""


@dataclass(frozen=True, kw_only=True)
class _Followers:
    """What follows each seen context of one length: rows of a sparse matrix, `C` by `V`."""

    starts: Int64Array  # (C + 1,) where the followers of a context begin
    words: Int64Array  # (G,)
    probs: Probabilities  # (G,) (count - discount) / total of the context
    left: Probabilities  # (C,) the discounted mass, for the shorter context

    def of(self, ranks: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Returns the followers of contexts `(N,)`: their context and position, both `(F,)`."""
        sizes = self.starts[ranks + 1] - self.starts[ranks]  # (N,)
        owners = np.repeat(np.arange(len(ranks)), sizes)  # (F,)
        behind = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return owners, self.starts[ranks][owners] + behind


class KneserNey:
    """A Kneser-Ney model: counts of a training split, and the probabilities of next words.

    The longest n-grams are counted as they occur, shorter ones by the number of different words
    before them. Each order gives the mass that it discounts to the next lower one, the lowest to
    all words equally, so no word has probability zero. `<end>` fills contexts on the left.

    Args:
        ids: a split that begins with `<end>`, `(targets + 1,)`.
        vocabulary: number of words, `V`.
        order: words in the longest n-gram, whose context has `order - 1`.

    Raises:
        ConfigError: if the order is not a whole number of at least 1.
        DataError: if the split has no target, or ids outside the vocabulary.
    """

    def __init__(self, ids: Ids, *, vocabulary: int, order: int) -> None:
        _check(ids, vocabulary, order)
        self.vocabulary, self.order = vocabulary, order
        self._contexts: list[Int64Array] = []
        before = contexts(ids, np.arange(1, len(ids)), order - 1)  # (N, order - 1)
        ranks = np.zeros(len(before), dtype=np.int64)
        # A pair (rank, word) is below targets * V, however high the order: it cannot overflow.
        for back in range(1, order):
            pairs, ranks = np.unique(ranks * vocabulary + before[:, -back], return_inverse=True)
            self._contexts.append(pairs)
        pairs, counts = np.unique(ranks * vocabulary + ids[1:].astype(np.int64), return_counts=True)
        self._orders = [self._followers(pairs, counts)]  # longest context first
        for longer in reversed(self._contexts):
            shorter = longer[pairs // vocabulary] // vocabulary * vocabulary
            pairs, counts = np.unique(shorter + pairs % vocabulary, return_counts=True)
            self._orders.append(self._followers(pairs, counts))
        self._words = self._without_context(self._orders.pop())

    def probabilities(self, contexts: Int64Array) -> Probabilities:
        """Returns the probability of each word after each context.

        Args:
            contexts: the words before, nearest last, filled with `<end>`, `(N, order - 1)`.

        Returns:
            Probabilities `(N, V)`; each row sums to 1, and all are positive.
        """
        result = np.zeros((len(contexts), self.vocabulary))  # (N, V)
        left = np.ones(len(contexts))  # (N,)
        seen = list(self._ranks(contexts))
        for followers, ranks in zip(self._orders, reversed(seen), strict=True):
            rows = np.flatnonzero(ranks != UNSEEN)
            owners, at = followers.of(ranks[rows])
            probs = left[rows][owners] * followers.probs[at]
            result[rows[owners], followers.words[at]] += probs
            left[rows] *= followers.left[ranks[rows]]
        result += left[:, None] * self._words
        return result

    def _ranks(self, contexts: Int64Array) -> Iterator[Int64Array]:
        """Returns ranks `(N,)` of the last one, two, … words of each context, or `UNSEEN`."""
        ranks = np.zeros(len(contexts), dtype=np.int64)
        for back, pairs in enumerate(self._contexts, start=1):
            wanted = np.where(
                ranks == UNSEEN, UNSEEN, ranks * self.vocabulary + contexts[:, -back]
            )  # (N,)
            at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
            ranks = np.where(pairs[at] == wanted, at, UNSEEN)
            yield ranks

    def _followers(self, pairs: Int64Array, counts: Int64Array) -> _Followers:
        """Builds one order from n-grams `(G,)`, sorted by context and word, and their counts."""
        ranks, words = np.divmod(pairs, self.vocabulary)
        taken = _discounts(counts)[np.minimum(counts, 3)]  # (G,)
        totals = np.bincount(ranks, counts)  # (C,)
        return _Followers(
            starts=np.concatenate(([0], np.cumsum(np.bincount(ranks)))),
            words=words,
            probs=(counts - taken) / totals[ranks],
            left=np.bincount(ranks, taken) / totals,
        )

    def _without_context(self, followers: _Followers) -> Probabilities:
        """Returns the probability of each word without context, `(V,)`."""
        result = np.full(self.vocabulary, followers.left[0] / self.vocabulary)
        result[followers.words] += followers.probs
        return result


def _discounts(counts: Int64Array) -> Probabilities:
    """Returns the discounts of counts 0, 1, 2 and 3 or more, `(4,)`.

    On tiny corpora Chen & Goodman's estimates can be undefined or negative. The discount of single
    n-grams replaces them then, so that every context leaves some mass to shorter ones.
    """
    of = np.bincount(np.minimum(counts, 5), minlength=6)  # (6,) n-grams seen once, twice, …
    single = of[1] / (of[1] + 2 * of[2]) if of[1] else 0.5
    seen = np.arange(1, 4)
    estimates = seen - (seen + 1) * single * of[2:5] / np.maximum(of[1:4], 1)
    return np.concatenate(([0.0], np.where(of[1:4] > 0, np.maximum(estimates, single), single)))


def _check(ids: Ids, vocabulary: int, order: int) -> None:
    if not isinstance(order, int) or order < 1:
        raise ConfigError(f"the order of an n-gram is a whole number of at least 1, not {order!r}")
    if len(ids) < 2:
        raise DataError("an n-gram needs a training split of at least one word")
    if ids.max() >= vocabulary:
        raise DataError(f"word id {ids.max()} is outside a vocabulary of {vocabulary} words")
