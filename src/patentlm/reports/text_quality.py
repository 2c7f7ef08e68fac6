"""Compares generated abstracts with real ones: variety, repetition, length, copying."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from tabulate import tabulate

from patentlm.data.arrays import Ids, Int64Array
from patentlm.data.corpus import Corpus
from patentlm.data.windows import abstract_starts
from patentlm.data.words import END, UNK
from patentlm.errors import ConfigError
from patentlm.evaluation.memorisation import COPIED, joined, match
from patentlm.generation.generator import generate
from patentlm.reports.comparison import additions
from patentlm.trained_model import TrainedModel

Sampling = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Statistics of texts; n-grams with `<unk>` are left out, and a share of nothing is nan.

    `<unk>` may be any word, and is never generated.

    Args:
        words: mean number of words of a text.
        quantiles: number of words at 10, 50 and 90 %.
        unfinished: share of texts cut off at the maximum length.
        distinct: distinct-2 (Li et al. 2016): share of different ones among all 2-grams.
        repeated: seq-rep-4 (Welleck et al. 2020): share of a text's 4-grams that occurred before,
            averaged over texts.
        longest: for each text, length of the longest sequence of words that is in train.
        copied: share of all 8-grams that are in train.
    """

    words: float
    quantiles: tuple[int, ...]
    unfinished: float
    distinct: float
    repeated: float
    longest: Int64Array
    copied: float

    def figures(self) -> dict[str, str]:
        """The statistics as shown in a table."""
        return {
            "words, mean": f"{self.words:.0f}",
            "words, 10 / 50 / 90 %": " / ".join(map(str, self.quantiles)),
            "unfinished": _percent(self.unfinished),
            "distinct-2": _percent(self.distinct),
            "repeated 4-grams": _percent(self.repeated),
            f"{COPIED}-grams in train": _percent(self.copied),
            "longest run in train, median": f"{np.median(self.longest):.0f}",
            "longest run in train, most": f"{self.longest.max()}",
        }


def compare(
    models: Mapping[str, TrainedModel], corpora: Mapping[str, Corpus], config: DictConfig
) -> str:
    """Returns a table of what each model writes, beside as many real abstracts of a split.

    For a vocabulary of byte pairs, all figures count pieces.

    Raises:
        ConfigError: if the split, the number of texts, the sampling or the cache can't work, the
            models have several vocabularies, or are to adapt.
    """
    if config.adaptation:
        raise ConfigError(
            "report=text writes without a prompt, so there is nothing to adapt to; leave out "
            "adaptation=dynamic"
        )
    if len({model.vocabulary.tokens for model in models.values()}) > 1:
        raise ConfigError("report=text compares models of one vocabulary; give these one by one")
    corpus = next(iter(corpora.values()))
    real = choose(corpus.ids(config.split), config.samples.count, seed=config.seed)
    train = corpus.ids("train")
    columns, heading = {}, [f"{corpus.label}: {len(real):,} abstracts each, seed {config.seed}"]
    for path, model in models.items():
        model = model.with_cache(**config.cache) if config.cache else model
        sampling = model.sampling_of(config.sampling)
        name = path + additions(config)
        columns[name] = judge_written(
            model,
            train,
            sampling,
            count=len(real),
            seed=config.seed,
            max_words=config.samples.max_words or model.metadata.max_words,
        )
        settings = ", ".join(
            f"{key} {value}" for key, value in sampling.items() if value is not None
        )
        heading.append(f"{name}: {settings}")
    columns[f"real ({config.split})"] = judge(real, train)
    return "\n".join([*heading, "", _table(columns)])


def choose(ids: Ids, count: int, *, seed: int) -> list[Ids]:
    """Chooses texts of a split at random, or all if it has no more.

    Raises:
        ConfigError: if it would be no text.
    """
    if not isinstance(count, int) or count < 1:
        raise ConfigError(f"samples.count={count}: must be a whole number of at least 1")
    starts = abstract_starts(ids)
    drawn = np.random.default_rng(seed).permutation(len(starts) - 1)[:count]
    return [ids[starts[at] + 1 : starts[at + 1]] for at in sorted(drawn)]


def judge_written(
    model: TrainedModel, train: Ids, sampling: Sampling, *, count: int, seed: int, max_words: int
) -> Quality:
    """Returns the quality of texts that a model generates, each of at most `max_words`.

    Raises:
        ConfigError: if `sampling` can't work.
    """
    texts = generate(
        model.network,
        prompt=(),
        count=count,
        seed=seed,
        max_words=max_words,
        sampling=sampling,
        context=model.metadata.context,
    )
    unfinished = sum(not text.finished for text in texts)
    return judge([text.ids for text in texts], train, unfinished=unfinished)


def judge(texts: Sequence[Iterable[int]], train: Ids, *, unfinished: int = 0) -> Quality:
    """Returns the quality of texts of word ids, compared with the training set."""
    ids = joined(texts)
    starts = abstract_starts(ids)
    lengths, matches = np.diff(starts) - 1, match(ids, train)
    quantiles = np.quantile(lengths, (0.1, 0.5, 0.9), method="inverted_cdf")
    return Quality(
        words=lengths.mean(),
        quantiles=tuple(quantiles.tolist()),
        unfinished=unfinished / len(texts),
        distinct=_distinct(ids[ngrams(ids, 2)]),
        repeated=_repeated(ids, 4),
        longest=np.maximum.reduceat(matches, starts[:-1]),
        copied=_mean(matches[ngrams(ids, COPIED)[:, 0]] >= COPIED),
    )


def ngrams(ids: Ids, n: int) -> Int64Array:
    """Returns the positions of all n-grams within a text without `<unk>`, `(N, n)`."""
    rows = np.arange(len(ids) - n + 1)[:, None] + np.arange(n)
    kept: Int64Array = rows[(ids[rows] > UNK).all(axis=1)]
    return kept


def _repeated(ids: Ids, n: int) -> float:
    positions = ngrams(ids, n)
    owners = np.cumsum(ids == END)[positions[:, 0]]
    different = np.unique(np.column_stack((owners, ids[positions])), axis=0)[:, 0]
    counts = np.bincount(owners)  # by text, counted from 1
    with_any = counts > 0
    return _mean(1 - np.bincount(different)[with_any] / counts[with_any])


def _distinct(grams: Ids) -> float:
    return len(np.unique(grams, axis=0)) / len(grams) if len(grams) else math.nan


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.1%}"


def _table(columns: Mapping[str, Quality]) -> str:
    figures = [quality.figures() for quality in columns.values()]
    rows = [(name, *(column[name] for column in figures)) for name in figures[0]]
    return tabulate(rows, ("", *columns), colalign=("left", *["right"] * len(columns)))
