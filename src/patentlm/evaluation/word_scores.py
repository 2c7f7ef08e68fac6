"""Scores a text word by word: how likely a network found each, and which words instead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from math import exp, log
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from patentlm.data.corpus import encode_texts
from patentlm.data.text import detokenize, word_starts
from patentlm.data.windows import Context, evaluation_windows
from patentlm.data.words import END, SPECIAL, Vocabulary
from patentlm.evaluation.copied import words_back
from patentlm.evaluation.provenance import origins_of, shares_of
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
        shares: share of its probability by origin, see `patentlm.evaluation.provenance.origins_of`.
        source: index of the word in the text that most of the share `copied` comes from; None
            where nothing is copied, and for mixtures and ensembles, which have several memories.
    """

    word: str
    log_probability: float
    rank: int
    alternatives: tuple[Alternative, ...]
    unknown: bool
    shares: Mapping[str, float]
    source: int | None

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
    if entry.shares:
        about += "; " + ", ".join(f"{share:.0%} {name}" for name, share in entry.shares.items())
    strength = min(entry.bits / STRONGEST, 1) * 0.7
    style = f"background: rgba(224, 96, 32, {strength:.2f}); border-radius: 3px"
    return f'<span title="{escape(about)}" style="{style}">{escape(shown)}</span>'


@torch.no_grad()
def score_words(
    network: Network, text: str, vocabulary: Vocabulary, *, context: Context
) -> ScoredText:
    """Scores each word of a text and its end.

    With byte pairs, a word's log-probability is the sum over its pieces, its rank is their worst,
    its shares are their mean, and its alternatives and its source are those of its first piece.

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
        for piece in _score(network, hidden, targets, vocabulary)
    ]
    lengths = [*vocabulary.encode_batch(words).lengths.tolist(), 1]
    ends, unknown = np.cumsum(lengths).tolist(), set(vocabulary.unknown(text))
    owners, origins = np.repeat(np.arange(len(lengths)), lengths).tolist(), origins_of(network)
    return ScoredText(
        _word(
            word,
            pieces[end - length : end],
            unknown=word in unknown,
            origins=origins,
            before=owners[: end - length],
        )
        for word, length, end in zip([*words, SPECIAL[END]], lengths, ends, strict=True)
    )


class _Piece(NamedTuple):
    log_probability: float
    rank: int
    alternatives: tuple[Alternative, ...]
    shares: Sequence[float]
    back: int | None


def _score(
    network: Network, hidden: Any, targets: Tensor, vocabulary: Vocabulary
) -> Iterator[_Piece]:
    """Scores targets `(N,)`, predicted from N hidden vectors."""
    scores = network.head.logits(hidden).float().log_softmax(-1)
    found = scores.gather(1, targets[:, None])  # (N, 1)
    ranks = 1 + (scores > found).sum(1)
    best = scores.topk(min(ALTERNATIVES, scores.shape[1]))
    names = [vocabulary.shown(at) for at in best.indices.flatten().tolist()]
    likeliest = zip(names, best.values.flatten().tolist(), strict=True)
    shares = shares_of(network, hidden, targets).tolist()
    back = words_back(network.head, hidden, targets)
    rows = zip(found[:, 0].tolist(), ranks.tolist(), shares, back, strict=True)
    for score, rank, *origin in rows:
        alternatives = islice(likeliest, best.indices.shape[1])
        yield _Piece(score, rank, tuple(Alternative(*pair) for pair in alternatives), *origin)


def _word(
    word: str,
    pieces: Sequence[_Piece],
    *,
    unknown: bool,
    origins: Sequence[str],
    before: Sequence[int],
) -> WordScore:
    """Puts the pieces of a word together; `before` tells which word each earlier piece is of."""
    first = pieces[0]
    means = np.mean([piece.shares for piece in pieces], axis=0).tolist()
    return WordScore(
        word,
        log_probability=sum(piece.log_probability for piece in pieces),
        rank=max(piece.rank for piece in pieces),
        alternatives=first.alternatives,
        unknown=unknown,
        shares=dict(zip(origins, means, strict=True)),
        source=None if first.back is None else before[-first.back],
    )
