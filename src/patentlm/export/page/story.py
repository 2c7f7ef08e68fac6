"""What the page tells about the run: metrics, curves, comparison with baselines, model card."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from patentlm.data.corpus import Corpus
from patentlm.data.windows import describe_context
from patentlm.evaluation.metrics import Score
from patentlm.evaluation.scoring import score_most_common, score_ngram, score_unigram
from patentlm.export.page.curves import read_curves
from patentlm.export.page.weights import rounded
from patentlm.export.run import ExportedRun
from patentlm.trained_model import TrainedModel

Missing = dict[str, str]
"""Why a part of the page is missing, by part."""
Rows = list[tuple[str, str]]

_ROOT = r"(?<![\w.:/])(?:~\w*|[A-Za-z]:)?[/\\]"
_FOLDERS = re.compile(
    rf"(?<='){_ROOT}[^']*[/\\](?=[^'/\\]+')|{_ROOT}(?:[^\s'\"/\\]+[/\\])*(?=[^\s/\\])"
)
"""Matches the folders of an absolute path, in quotes or up to a blank."""

ORDER = 5
HEADINGS = ["model", "perplexity", "bits a word", "first guess right"]


def tell(run: ExportedRun, corpus: Corpus | None, weights: str, missing: Missing) -> dict[str, Any]:
    """Returns all of it as plain values.

    Args:
        run: the trained model and its run's folder.
        corpus: corpus to measure on, if it is available.
        weights: format of the page's weights.
        missing: gets a line for each part that is not available.
    """
    metrics = run.folder.metrics or {}
    curves = read_curves(run.folder.path)
    if not curves:
        missing["curves"] = "The run stored no curves that TensorBoard can read."
    table, stored = None, f"{weights}, as exact as the run's own"
    if corpus is not None:
        scores = _scores(run.model, corpus, weights)
        table = {"headings": HEADINGS, "rows": [_row(*named) for named in scores.items()]}
        stored = _stored(weights, list(scores.values()))
    elif weights != "float32":
        stored = f"{weights}; what is lost was not measured, since the data were not at hand"
    return {
        "lede": _lede(run),
        "figures": list(_figures(run, metrics)),
        "curves": curves,
        "table": table,
        "card": list(_card(run, metrics, stored)),
    }


def _scores(model: TrainedModel, corpus: Corpus, weights: str) -> dict[str, Score]:
    """Scores the network on test, also with the page's weights, and baselines."""
    scores = {"this network": model.score(corpus.ids("test"), batch_size=32)}
    if weights != "float32":
        smaller = TrainedModel(rounded(model.network, weights), model.metadata)
        scores[f"this page ({weights})"] = smaller.score(corpus.ids("test"), batch_size=32)
    scores[f"Kneser-Ney {ORDER}-gram"] = score_ngram(corpus, "test", order=ORDER)
    scores["unigram"] = score_unigram(corpus, "test")
    scores["most common word"] = score_most_common(corpus, "test")
    return scores


def _row(name: str, score: Score) -> list[str]:
    unknown = math.isnan(score.nll_sum)
    likelihoods = ["–", "–"] if unknown else [f"{score.perplexity:,.1f}", f"{score.bits:.2f}"]
    return [name, *likelihoods, f"{score.accuracy:.1%}"]


def _stored(weights: str, scores: list[Score]) -> str:
    if weights == "float32":
        return "float32, as exact as the run's own"
    whole, smaller = (score.perplexity for score in scores[:2])
    return (
        f"{weights}: perplexity on test {smaller:,.2f} instead of {whole:,.2f} "
        f"({smaller / whole - 1:+.2%})"
    )


def _lede(run: ExportedRun) -> str:
    counts = (run.folder.record or {}).get("counts", {})
    read = f"{counts['train_abstracts']:,} abstracts of " if "train_abstracts" in counts else ""
    return (
        f"A network of {run.model.network.size:,} numbers that has read {read}"
        f"{run.model.metadata.label}, and nothing else. It runs in this page; what you type stays "
        "with you."
    )


def _figures(run: ExportedRun, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "test/perplexity" in metrics:
        yield f"{metrics['test/perplexity']:,.1f}", "perplexity on test"
        yield f"{metrics['test/accuracy']:.1%}", "first guesses right"
    yield f"{run.model.network.size:,}", "trained numbers"
    yield f"{len(run.model.vocabulary):,}", "words and signs known"
    if metrics.get("fit/seconds"):
        yield _duration(metrics["fit/seconds"]), "of training"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _card(run: ExportedRun, metrics: Mapping[str, Any], stored: str) -> Iterator[dict[str, Any]]:
    """Returns a model card (Mitchell et al. 2019, "Model cards for model reporting")."""
    metadata, record = run.model.metadata, run.folder.record or {}
    yield _section("What it is", _lede(run), rows=_network_rows(run, stored))
    yield _section(
        "How good it is", rows=[(name, _shown(value)) for name, value in metrics.items()]
    )
    counts = [(_words(name), f"{count:,}") for name, count in record.get("counts", {}).items()]
    data = [("data", metadata.label), ("fingerprint", metadata.fingerprint), *counts]
    yield _section("What it has read", rows=data)
    settings = [
        (name, _shown(value))
        for group in ("network", "tokenizer", "sampling", "data")
        for name, value in _flat(getattr(metadata, group), group)
    ]
    asked = without_folders(" ".join(record.get("overrides", [])))
    yield _section("How it was made", f"python train.py {asked}".strip(), rows=settings)
    yield _section(
        "Limits",
        "It knows the words of its training texts alone, and what it writes is made up: no "
        "invention, no prior art, no legal text.",
    )


def _network_rows(run: ExportedRun, stored: str) -> Rows:
    metadata = run.model.metadata
    return [
        ("parameters", f"{run.model.network.size:,}"),
        ("vocabulary", f"{len(metadata.vocabulary):,}"),
        ("context", describe_context(metadata.context)),
        ("weights in this page", stored),
        ("seed", str(metadata.seed)),
        ("versions", ", ".join(f"{name} {what}" for name, what in metadata.versions.items())),
    ]


def _section(title: str, *lines: str, rows: Rows | None = None) -> dict[str, Any]:
    return {"title": title, "lines": lines, "rows": rows or []}


def _flat(values: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Flattens nested settings to dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.{key}")
        elif not key.startswith("_convert") and not key.startswith("_partial"):
            yield f"{name}.{key}".replace("._target_", ""), value


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return without_folders(str(value))


def without_folders(text: str) -> str:
    """Cuts paths in a text to their last part, so that a page does not show private folders."""
    return _FOLDERS.sub("", text)
