"""Scores networks and baselines over every target of a split."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from patentlm.data.arrays import Ids, Int64Array
from patentlm.data.corpus import Corpus
from patentlm.data.windows import BLOCK, Stream, Windows, abstract_starts, contexts, loader
from patentlm.evaluation.copied import copied_shares, copies
from patentlm.evaluation.metrics import Score, hidden_metric_sums, metric_sums, read_batch
from patentlm.evaluation.ngram import KneserNey
from patentlm.model.network import Network, State
from patentlm.progress import progress

NGRAM_ROWS = 256
"""Maximum number of targets whose distributions are in memory at once."""


@torch.inference_mode()
def score_network(network: Network, windows: Windows) -> Score:
    """Scores a network over all targets of evaluation windows."""
    return score_reads(network, read_windows(network, windows))


def score_reads(network: Network, reads: Iterable[tuple[Any, Tensor]]) -> Score:
    """Scores a network on hidden vectors and targets `(N,)`, batch by batch."""
    sums, copied = torch.zeros(4, dtype=torch.float64), 0.0
    copying = copies(network)
    for hidden, targets in reads:
        sums += hidden_metric_sums(network, hidden, targets)
        if copying:
            copied += float(copied_shares(network, hidden, targets).double().sum())
    return Score.of(sums, copied if copying else None)


@torch.no_grad()
def read_windows(
    network: Network, windows: Windows, doing: str = "Scoring"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields hidden vectors `(N, H)` and targets `(N,)` by batch; a stream carries the state.

    Args:
        network: reads.
        windows: what it reads.
        doing: shown before the progress bar.
    """
    network.eval()
    state: State = None
    for batch in progress(doing, loader(windows, seed=None), unit="batches"):
        hidden, targets, after = read_batch(network, batch, state)
        state = after if isinstance(windows, Stream) else None
        yield hidden, targets


def score_most_common(corpus: Corpus, split: str) -> Score:
    """Scores the guess of the most common words of train for every target.

    It gives no probabilities, so its perplexity is nan.
    """
    score = score_unigram(corpus, split)
    return Score(float("nan"), score.correct, score.correct5, score.targets)


def score_unigram(corpus: Corpus, split: str) -> Score:
    """Scores word frequencies in train, with one added to every count (Laplace)."""
    counts = word_counts(corpus.ids("train")[1:], len(corpus.vocabulary)) + 1
    logits = torch.from_numpy(np.log(counts / counts.sum()))
    targets = word_counts(corpus.ids(split)[1:], len(corpus.vocabulary))
    likeliest = logits.topk(min(5, len(logits))).indices.numpy()
    return Score(
        nll_sum=float(-(logits.numpy() * targets).sum()),
        correct=int(targets[likeliest[0]]),
        correct5=int(targets[likeliest].sum()),
        targets=int(targets.sum()),
    )


def word_counts(ids: Ids, vocabulary: int) -> Int64Array:
    """Counts how often each word stands in ids, `(vocabulary,)`.

    Example:
        >>> word_counts(np.array([2, 0, 2], np.uint16), 4).tolist()
        [1, 0, 2, 0]
    """
    counts = np.zeros(vocabulary, np.int64)
    for at in range(0, len(ids), BLOCK):  # of all at once NumPy would make 8 bytes each
        counts += np.bincount(ids[at : at + BLOCK], minlength=vocabulary)
    return counts


def score_ngram(corpus: Corpus, split: str, *, order: int) -> Score:
    """Scores interpolated Kneser-Ney of an order, counted on train."""
    model = KneserNey(corpus.ids("train"), vocabulary=len(corpus.vocabulary), order=order)
    ids = corpus.ids(split)
    starts = abstract_starts(ids)
    sums = torch.zeros(4, dtype=torch.float64)
    positions = np.arange(1, len(ids))
    parts = range(0, len(positions), NGRAM_ROWS)
    for part in progress(f"{order}-gram", parts, unit="batches"):
        at = positions[part : part + NGRAM_ROWS]
        probabilities = model.probabilities(contexts(ids, at, order - 1, starts))  # (N, V)
        targets = torch.from_numpy(ids[at].astype(np.int64))
        sums += metric_sums(torch.from_numpy(np.log(probabilities)), targets)
    return Score.of(sums)
