"""Subwords: words that share character n-grams learn together."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from patentlm.data.words import SPECIAL
from patentlm.errors import ConfigError


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
        ConfigError: if the embedding is not trained, no words share an n-gram, or the lengths are
            the wrong way round.
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
        if not embedding.requires_grad:
            raise ConfigError("subwords change nothing where model.frozen_embedding=true")
        if longest < shortest:
            raise ConfigError("subwords.longest must be at least subwords.shortest")
        averaged, count = _averages(words, shortest, longest, min_words)
        self.averaged = averaged.to(embedding.device)  # S, (V, G)
        self.embedding = embedding
        self.step = nn.Parameter(embedding.new_zeros(count, embedding.shape[1]))  # (G, E)

    def attach(self, optimizer: Optimizer) -> None:
        """Moves the words after each step of an optimizer, to which `step` was given."""
        optimizer.register_step_post_hook(lambda *about: self._move())

    @torch.no_grad()
    def take_gradient(self) -> None:
        """Takes the gradient of the n-grams from that of the words."""
        if self.embedding.grad is not None:
            self.step.grad = self.averaged.t() @ self.embedding.grad

    @torch.no_grad()
    def _move(self) -> None:
        self.embedding += self.averaged @ self.step
        self.step.zero_()


def _averages(
    words: Sequence[str], shortest: int, longest: int, min_words: int
) -> tuple[Tensor, int]:
    """Returns the sparse matrix that averages the vectors of each word's n-grams, and their number.

    Special words have none.
    """
    every = [
        [] if word in SPECIAL else sorted(character_ngrams(word, shortest, longest))
        for word in words
    ]
    counts = Counter(chain.from_iterable(every))
    shared = (ngram for ngram, count in counts.items() if count >= min_words)
    ids = {ngram: at for at, ngram in enumerate(shared)}
    if not ids:
        raise ConfigError("subwords: no n-gram stands in that many words; lower subwords.min_words")
    known = [[ids[ngram] for ngram in ngrams if ngram in ids] for ngrams in every]
    counted = torch.tensor([len(ngrams) for ngrams in known])
    rows = torch.arange(len(words)).repeat_interleave(counted)
    places = torch.stack([rows, torch.tensor([*chain.from_iterable(known)])])
    values = 1 / counted[rows]
    shape = len(words), len(ids)
    matrix = torch.sparse_coo_tensor(places, values, shape, check_invariants=True)
    return matrix.coalesce(), len(ids)
