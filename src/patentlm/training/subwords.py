"""Subwords: words that share character n-grams learn together."""

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from patentlm.data.words import SPECIAL
from patentlm.errors import ConfigError

log = logging.getLogger(__name__)


def character_ngrams(word: str, shortest: int, longest: int) -> set[str]:
    """Returns the character n-grams of a word, whose ends count as a character.

    Args:
        word: any word.
        shortest: characters of the shortest.
        longest: characters of the longest.

    Example:
        >>> sorted(character_ngrams("cell", 3, 4))
        ['<ce', '<cel', 'cel', 'cell', 'ell', 'ell>', 'll>']
    """
    marked = f"<{word}>"
    lengths = range(shortest, longest + 1)
    return {marked[at : at + n] for n in lengths for at in range(len(marked) + 1 - n)}


class Subwords:
    """Trains the embedding as if a word's vector were its own plus the mean of its n-grams'.

    Bojanowski et al. 2017, "Enriching word vectors with subword information"; here the vectors are
    those of the softmax, too, if it is tied. With `W = E + S G`, where S averages n-grams G, the
    gradients are `dE = dW` and `dG = Sᵀ dW`. So it is enough to update W by the optimizer's step
    for E and by S times its step for G: the network keeps one vector for each word, and the n-grams
    are needed in training alone. Weight decay of W is that of both.

    Args:
        words: the vocabulary.
        embedding: the vectors W of the words, `(V, E)`.
        shortest: characters of the shortest n-gram.
        longest: characters of the longest.
        min_words: words an n-gram must stand in.

    Raises:
        ConfigError: if the longest n-gram is shorter than the shortest.
    """

    def __init__(
        self,
        words: Sequence[str],
        embedding: Tensor,
        *,
        shortest: int,
        longest: int,
        min_words: int,
    ) -> None:
        if longest < shortest:
            raise ConfigError("subwords.longest must be at least subwords.shortest")
        ngrams, count = _shared_ngrams(words, shortest, longest, min_words)
        if count == 0:
            log.info("No %s words share a character n-gram: each learns by itself", min_words)
        of_words = torch.tensor([len(ids) for ids in ngrams])
        rows = torch.arange(len(words)).repeat_interleave(of_words)
        ids = torch.tensor([*chain.from_iterable(ngrams)], dtype=torch.int64)
        weights = 1 / of_words[rows].to(embedding)
        self.embedding = embedding
        self.averages = _Sums(rows, ids, weights, len(words))  # S
        self.spread = _Sums(ids, rows, weights, count)  # Sᵀ
        self.step = nn.Parameter(embedding.new_zeros(count, embedding.shape[1]))  # (G, E)

    def attach(self, optimizer: Optimizer) -> None:
        """Moves the words after each step of an optimizer, to which `step` was given."""
        optimizer.register_step_post_hook(lambda *about: self._move())

    @torch.no_grad()
    def take_gradient(self) -> None:
        """Takes the gradient of the n-grams from that of the words."""
        if self.embedding.grad is not None:
            self.step.grad = self.spread(self.embedding.grad)

    @torch.no_grad()
    def _move(self) -> None:
        self.embedding += self.averages(self.step)
        self.step.zero_()


class _Sums:
    """Weighted sums of rows of a table: the product with a sparse matrix, in a fixed order.

    Args:
        sums: of each entry, the sum it belongs to, `(N,)`.
        rows: the row of the table, `(N,)`.
        weights: its weight, `(N,)`.
        count: number of sums.
    """

    def __init__(self, sums: Tensor, rows: Tensor, weights: Tensor, count: int) -> None:
        order, each = sums.argsort(stable=True), sums.bincount(minlength=count)
        device = weights.device
        self.rows, self.weights = rows[order].to(device), weights[order.to(device)]
        self.starts = (each.cumsum(0) - each).to(device)

    def __call__(self, table: Tensor) -> Tensor:
        """Maps a table `(R, E)` to `(count, E)`."""
        return F.embedding_bag(
            self.rows, table, self.starts, mode="sum", per_sample_weights=self.weights
        )


def _shared_ngrams(
    words: Sequence[str], shortest: int, longest: int, min_words: int
) -> tuple[list[list[int]], int]:
    """Returns the ids of each word's n-grams that stand in enough words, and the number of these.

    Special words have none.
    """
    every = [
        [] if word in SPECIAL else sorted(character_ngrams(word, shortest, longest))
        for word in words
    ]
    counts = Counter(chain.from_iterable(every))
    shared = [ngram for ngram, count in counts.items() if count >= min_words]
    ids = {ngram: at for at, ngram in enumerate(shared)}
    return [[ids[ngram] for ngram in ngrams if ngram in ids] for ngrams in every], len(ids)
