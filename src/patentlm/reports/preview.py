"""Shows a prepared corpus, as text or as JSON."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
from tabulate import tabulate

from patentlm.data.arrays import Int64Array
from patentlm.data.corpus import Corpus
from patentlm.data.sources import Source
from patentlm.data.splits import SPLITS
from patentlm.data.windows import abstract_starts
from patentlm.progress import progress
from patentlm.terminal import printable

FREQUENT = 12
"""Number of words of the vocabulary that the text shows."""


def as_json(source: Source, corpus: Corpus, show: int | None) -> str:
    """Returns one object with `label`, `counts`, `warnings`, `vocabulary` and `texts`.

    Args:
        source: source of the texts.
        corpus: the prepared corpus.
        show: texts of each split to show; None for all.
    """
    found = {
        "label": corpus.label,
        "counts": corpus.counts,
        "warnings": corpus.warnings,
        "vocabulary": list(corpus.vocabulary.tokens),
        "texts": {name: list(islice(texts_of(corpus, name), show)) for name in SPLITS},
    }
    return json.dumps(found, ensure_ascii=False, indent=1)


def as_text(source: Source, corpus: Corpus, show: int | None) -> str:
    """Returns counts, figures by split, warnings, and texts beside their source's.

    Args:
        source: source of the texts.
        corpus: the prepared corpus.
        show: texts of each split to show; None for all.
    """
    before = [name for name in corpus.counts if not name.startswith(SPLITS)]
    counts = [(name.replace("_", " "), f"{corpus.counts[name]:,}") for name in before]
    parts = [
        printable(corpus.label),
        tabulate(counts, tablefmt="plain", colalign=("left", "right")),
        tabulate([_figures(corpus, name) for name in SPLITS], headers="keys", floatfmt=".1f"),
        printable(f"most frequent: {' '.join(corpus.vocabulary.tokens[2 : 2 + FREQUENT])}"),
        *[printable(f"warning: {line}") for line in corpus.warnings],
        *_texts(source, corpus, show),
    ]
    return "\n\n".join(parts)


FORMATS = {"text": as_text, "json": as_json}


def texts_of(corpus: Corpus, split: str) -> Iterator[str]:
    """Yields the texts of a split as the model sees them, words separated by blanks."""
    ids = corpus.ids(split)
    starts = abstract_starts(ids)
    for begin, end in zip((starts[:-1] + 1).tolist(), starts[1:].tolist(), strict=True):
        yield " ".join(corpus.vocabulary.words_of(ids[begin:end].tolist()))


def _figures(corpus: Corpus, split: str) -> Mapping[str, object]:
    counts = {name: corpus.counts[f"{split}_{name}"] for name in ("abstracts", "words", "targets")}
    everything = sum(corpus.counts[f"{name}_abstracts"] for name in SPLITS)
    lengths: Int64Array = np.diff(abstract_starts(corpus.ids(split))) - 1
    return {
        "split": split,
        "texts": counts["abstracts"],
        "share (%)": 100 * counts["abstracts"] / everything,
        "words": counts["words"],
        "words a text": counts["words"] / counts["abstracts"],
        "shortest": int(lengths.min()),
        "median": int(np.median(lengths)),
        "longest": int(lengths.max()),
        "<unk> (%)": 100 * corpus.counts[f"{split}_unknown"] / counts["targets"],
    }


def _texts(source: Source, corpus: Corpus, show: int | None) -> Iterator[str]:
    rows = {name: corpus.records(name)[:show, 0].tolist() for name in SPLITS}
    raw = _raw_texts(source, {row for some in rows.values() for row in some})
    for name in SPLITS:
        texts = islice(texts_of(corpus, name), show)
        for number, (row, words) in enumerate(zip(rows[name], texts, strict=True), start=1):
            before = printable(" ".join(raw.get(row, "").split()))
            yield f"{name} {number}\n  source: {before}\n  model:  {printable(words)}"


def _raw_texts(source: Source, rows: set[int]) -> dict[int, str]:
    """Returns the texts of some rows of the source."""
    if not rows:
        return {}
    found = {}
    records = islice(source.records(), max(rows) + 1)
    for row, patent in enumerate(progress("Reading patents", records, unit="rows")):
        if row in rows:
            found[row] = patent.abstract
    return found
