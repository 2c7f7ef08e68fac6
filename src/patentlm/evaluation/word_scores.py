"""Scores a text word by word: how likely a network found each, and which words instead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from math import exp, log
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from patentlm.data.corpus import encode_texts
from patentlm.data.text import detokenize, word_starts
from patentlm.data.windows import Context, evaluation_windows
from patentlm.data.words import END, SPECIAL, Vocabulary
from patentlm.evaluation.scoring import read_windows
from patentlm.model.network import Network

ALTERNATIVES = 10
STRONGEST = 16
"""Bits of surprisal at which a word's colour is strongest."""


class Alternative(NamedTuple):
    """A word and its log-probability (natural logarithm) at a position."""

    word: str
    log_probability: float


@dataclass(frozen=True, slots=True)
class WordScore:
    """How likely a network finds one word of a text, given the words before it.

    Args:
        word: the word in the text, or `<end>`.
        log_probability: natural logarithm; of `<unk>` if the word is not in the vocabulary.
        rank: 1 for the most likely word of the vocabulary.
        alternatives: the most likely words, in order.
        unknown: True if the word is not in the vocabulary.
    """

    word: str
    log_probability: float
    rank: int
    alternatives: tuple[Alternative, ...]
    unknown: bool

    @property
    def bits(self) -> float:
        """The surprisal of the word: its negative log-probability in bits."""
        return -self.log_probability / log(2)


class ScoredText(list[WordScore]):
    """The scores of a text's words and of its end; notebooks show it in colours."""

    @property
    def perplexity(self) -> float:
        """`exp` of the mean negative log-probability."""
        return exp(-sum(entry.log_probability for entry in self) / len(self))

    def _repr_html_(self) -> str:
        words = [entry.word for entry in self[:-1]]
        text, shown, end = detokenize(words), [], 0
        for entry, start in zip(self, [*word_starts(text, words), len(text)], strict=True):
            shown.append(escape(text[end:start]))
            end = start + len(entry.word)
            shown.append(_span(entry, text[start:end] or "■"))
        note = f"perplexity {self.perplexity:,.1f}; the stronger the colour, the less expected"
        return f"<p style='line-height: 1.7'>{''.join(shown)}</p><p><small>{note}</small></p>"


def _span(entry: WordScore, shown: str) -> str:
    likelier = ", ".join(f"{word} {exp(logp):.1%}" for word, logp in entry.alternatives[:3])
    about = f"{entry.bits:.1f} bits, rank {entry.rank}; likeliest: {likelier}"
    strength = min(entry.bits / STRONGEST, 1) * 0.7
    style = f"background: rgba(224, 96, 32, {strength:.2f}); border-radius: 3px"
    return f'<span title="{escape(about)}" style="{style}">{escape(shown)}</span>'


@torch.no_grad()
def score_words(
    network: Network, text: str, vocabulary: Vocabulary, *, context: Context
) -> ScoredText:
    """Scores each word of a text and its end.

    With byte pairs, a word's log-probability is the sum over its pieces, its rank is their worst,
    and its alternatives are those of its first piece.

    Args:
        network: predicts the next word.
        text: tokenized as the training texts were.
        vocabulary: vocabulary of the network.
        context: how far back the network looks.

    Returns:
        One entry for each word and one for `<end>`.
    """
    words, ids = vocabulary.read(text), encode_texts([text], vocabulary)
    windows = evaluation_windows(ids, context=context, batch_size=32)
    pieces = [
        piece
        for hidden, targets in read_windows(network, windows)
        for piece in _score(network.head.logits(hidden), targets, vocabulary)
    ]
    lengths = [*vocabulary.encode_batch(words).lengths.tolist(), 1]
    ends, unknown = np.cumsum(lengths).tolist(), set(vocabulary.unknown(text))
    return ScoredText(
        _word(word, pieces[end - length : end], unknown=word in unknown)
        for word, length, end in zip([*words, SPECIAL[END]], lengths, ends, strict=True)
    )


def _score(
    logits: Tensor, targets: Tensor, vocabulary: Vocabulary
) -> Iterator[tuple[float, int, tuple[Alternative, ...]]]:
    """Returns log-probability, rank and alternatives of targets `(N,)` under logits `(N, V)`."""
    scores = logits.float().log_softmax(-1)
    found = scores.gather(1, targets[:, None])  # (N, 1)
    ranks = 1 + (scores > found).sum(1)
    best = scores.topk(min(ALTERNATIVES, scores.shape[1]))
    names = [vocabulary.shown(at) for at in best.indices.flatten().tolist()]
    likeliest = zip(names, best.values.flatten().tolist(), strict=True)
    for score, rank in zip(found[:, 0].tolist(), ranks.tolist(), strict=True):
        alternatives = islice(likeliest, best.indices.shape[1])
        yield score, rank, tuple(Alternative(*pair) for pair in alternatives)


def _word(
    word: str, pieces: Sequence[tuple[float, int, tuple[Alternative, ...]]], *, unknown: bool
) -> WordScore:
    scores, ranks, alternatives = zip(*pieces, strict=True)
    return WordScore(word, sum(scores), max(ranks), alternatives[0], unknown)
