"""Perplexity by the year of the texts: as a table, as a plot, and in a run's metrics."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from tabulate import tabulate

from patentlm.data.arrays import Int64Array
from patentlm.data.corpus import Corpus
from patentlm.data.windows import chosen_abstracts
from patentlm.data.words import UNK
from patentlm.errors import ConfigError, DataError
from patentlm.evaluation.metrics import Score
from patentlm.reports.comparison import additions, scorer
from patentlm.reports.line_chart import line_chart
from patentlm.sweeps.run_folder import METRICS, RunFolder
from patentlm.trained_model import TrainedModel

PLOT = "perplexity_by_year.svg"
Years = Mapping[int, Score]


def compare(
    models: Mapping[str, TrainedModel], corpora: Mapping[str, Corpus], config: DictConfig
) -> str:
    """Tabulates perplexity, a row a year and a column a model; texts without a date are left out.

    A model that is given as the folder of its run leaves a plot there and, if it is scored on the
    data of the run, its perplexities in the run's metrics as `test/perplexity/YEAR`.

    Raises:
        ConfigError: if the models have several vocabularies.
        DataError: if no text of the split has a date.
    """
    if len({model.vocabulary.tokens for model in models.values()}) > 1:
        raise ConfigError("report=years compares models of one vocabulary; give these one by one")
    corpus = next(iter(corpora.values()))
    found = {
        path + additions(config): score_years(model, corpora[path], config)
        for path, model in models.items()
    }
    plots = [
        os.path.relpath(_store(Path(path), model, corpora[path], years, config))
        for (path, model), years in zip(models.items(), found.values(), strict=True)
        if RunFolder(Path(path)).metrics is not None
    ]
    heading = f"{corpus.label}: perplexity on {config.split} by year"
    return "\n".join([heading, "", _table(corpus, config.split, found), *_pointers(plots)])


def texts_by_year(corpus: Corpus, split: str) -> dict[int, Int64Array]:
    """Finds the places in a split of the texts of each year that has any, in order.

    Raises:
        DataError: if no text has a date.
    """
    years = corpus.records(split)[:, 1] // 10_000
    found = {int(year): np.flatnonzero(years == year) for year in np.unique(years[years > 0])}
    if not found:
        raise DataError(
            f"{corpus.label}: no text of {split} has a date, which report=years goes by; use data "
            "with dates of grant"
        )
    return found


def score_years(model: TrainedModel, corpus: Corpus, config: DictConfig) -> dict[int, Score]:
    """Scores a model over the texts of each year."""
    ids, (score, _) = corpus.ids(config.split), scorer(model, corpus, config)
    return {
        year: score(chosen_abstracts(ids, texts))
        for year, texts in texts_by_year(corpus, config.split).items()
    }


def _store(
    path: Path, model: TrainedModel, corpus: Corpus, years: Years, config: DictConfig
) -> Path:
    """Leaves plot and metrics in the folder of a run; returns the plot's path."""
    folder = RunFolder(path)
    title = f"Perplexity on {config.split}{additions(config)} by year"
    points = [(year, score.perplexity) for year, score in years.items()]
    folder.store(PLOT, line_chart(title, points))
    of_the_run = corpus.fingerprint == model.metadata.fingerprint and not additions(config)
    if of_the_run and folder.metrics is not None:
        figures = {f"{config.split}/perplexity/{year}": value for year, value in points}
        folder.store_json(METRICS, {**folder.metrics, **figures})
    return path / PLOT


def _table(corpus: Corpus, split: str, found: Mapping[str, Years]) -> str:
    ids, rows = corpus.ids(split), []
    for year, texts in texts_by_year(corpus, split).items():
        targets = chosen_abstracts(ids, texts)[1:]
        figures = [f"{years[year].perplexity:,.2f}" for years in found.values()]
        unknown = f"{np.mean(targets == UNK):.1%}"
        rows.append((year, f"{len(texts):,}", f"{len(targets):,}", unknown, *figures))
    headings = ("year", "abstracts", "targets", "unknown", *found)
    return tabulate(rows, headings, colalign=["right"] * len(headings), disable_numparse=True)


def _pointers(plots: list[str]) -> list[str]:
    return ["", *(f"plot: {path}" for path in plots)] if plots else []
