"""Preparation: the steps from a source to ids on disk, in order, cached by fingerprint."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock

from patentlm import __version__
from patentlm.data.arrays import BoolArray
from patentlm.data.cache import cache_folder, writing_to
from patentlm.data.corpus import Corpus, close_texts
from patentlm.data.ingest import Recipe, Texts, ingest
from patentlm.data.interim import InterimCorpus
from patentlm.data.query import Query
from patentlm.data.sources import Source
from patentlm.data.splits import SPLITS, TRAIN, Sides
from patentlm.data.words import END, UNK, EncodedWords, Tokenizer
from patentlm.errors import DataError

log = logging.getLogger(__name__)

LAYOUT = 3
"""Of what lies in a corpus's folder; a corpus of another one is made anew."""


def prepare(source: Source, tokenizer: Tokenizer) -> Corpus:
    """The corpus of a source, made once and then found in the cache.

    Several processes may ask at once: one prepares, the others wait for it. A folder in the
    cache is complete or not there.

    Args:
        source: where the texts come from.
        tokenizer: how the vocabulary is chosen.

    Raises:
        DataError: if the source can't be read or has nothing to learn from, or the cache can't be
            written.
    """
    key = fingerprint(source, tokenizer)
    folder = cache_folder() / "corpora" / key
    with writing_to(folder.parent):
        _build_once(source, tokenizer, folder)
    corpus = Corpus(folder, source.label, key, tokenizer)
    log.info("%s: %s", source.label, describe(corpus.counts))
    return corpus


def fingerprint(source: Source, tokenizer: Tokenizer) -> str:
    """Hash of everything the ids depend on, 16 hexadecimal digits."""
    parts = {
        "version": __version__,
        "layout": LAYOUT,
        "tokenizer": asdict(tokenizer),
        **source.identity(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def describe(counts: Mapping[str, int]) -> str:
    """Counts as one line.

    Example:
        >>> describe({"rows": 3522, "near_duplicates": 345})
        '3,522 rows, 345 near duplicates'
    """
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())


def _build_once(source: Source, tokenizer: Tokenizer, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(source, tokenizer, folder)


def _build(source: Source, tokenizer: Tokenizer, folder: Path) -> None:
    """Every step, in order."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        # read → query → normalise and clean → tokenise
        texts = read(source, Path(scratch) / "interim")
        # de-duplicate
        kept = source.split.distinct(texts)
        # split
        sides, found = source.split.divide(texts, kept)
        _require_all_splits(sides, source.label)
        # vocabulary
        in_train = texts.interim.word_counts(sides == TRAIN)
        vocabulary = tokenizer.train(texts.interim.words, in_train, tokenised=source.tokenised)
        # index
        part = Path(scratch) / "corpus"
        part.mkdir()
        encoded = vocabulary.encode_batch(texts.interim.words)
        indexed = _index_splits(texts.interim, sides, encoded, part)
        counts = {**texts.counts, **found, **indexed, "vocabulary": len(vocabulary)}
        (part / "vocabulary.json").write_text(json.dumps(list(vocabulary.tokens)), "utf-8")
        (part / "counts.json").write_text(json.dumps(counts), "utf-8")
        part.replace(folder)


def read(source: Source, path: Path) -> Texts:
    """Reads a source: the first steps of preparation, down to words.

    Args:
        source: where the texts come from.
        path: the file for the interim corpus.

    Raises:
        DataError: if the source can't be read, or no text is left.
    """
    recipe = Recipe(Query.parse(source.query), source.cleaning, source.tokenised)
    records = source.records()
    texts = ingest(records, recipe, path)
    texts.counts.update(records.counts, rows=records.counts.total())
    if not len(texts.interim.lengths):
        raise DataError(_nothing_left(source, texts.counts))
    return texts


def _nothing_left(source: Source, counts: Mapping[str, int]) -> str:
    filled = counts["outside_query"]
    if not filled:
        return f"{source.label}: none of {counts['rows']:,} rows has an abstract; check data.column"
    return (
        f"{source.label}: none of {filled:,} abstracts holds data.query={source.query!r}; "
        "try a shorter phrase, or data.query=null for all"
    )


def _require_all_splits(sides: Sides, label: str) -> None:
    for side, name in enumerate(SPLITS):
        if not (sides == side).any():
            raise DataError(
                f"{label}: no text is left for {name} ({(sides >= 0).sum():,} texts in all); "
                "use more patents, or other shares in data.split"
            )


def _index_splits(
    interim: InterimCorpus, sides: Sides, encoded: EncodedWords, folder: Path
) -> dict[str, int]:
    """Writes an array for each split; returns what was counted."""
    counts: dict[str, int] = {}
    for side, name in enumerate(SPLITS):
        found = _index(interim, sides == side, encoded, folder / f"{name}.npy", name)
        counts |= {f"{name}_{counted}": number for counted, number in found.items()}
    return counts


def _index(
    interim: InterimCorpus, chosen: BoolArray, encoded: EncodedWords, path: Path, name: str
) -> dict[str, int]:
    """Writes the chosen texts in their final ids; returns what was counted."""
    dtype, characters = encoded.ids.dtype, np.array([len(word) + 1 for word in interim.words])
    counts = {"abstracts": int(chosen.sum()), "targets": 0, "characters": 0, "unknown": 0}
    with path.open("wb") as file:
        _write_header(file, dtype, 0)
        np.array([END], dtype).tofile(file)
        for start, ids, lengths in interim.shards(f"Indexing {name}"):
            kept = chosen[start : start + len(lengths)]
            words = ids[np.repeat(kept, lengths)]
            closed = close_texts(*encoded.write(words, lengths[kept]))
            closed.tofile(file)
            counts["targets"] += len(closed)
            counts["characters"] += int(characters[words].sum())
            counts["unknown"] += int((closed == UNK).sum())
        file.seek(0)  # NumPy leaves room there for an array that has grown
        _write_header(file, dtype, counts["targets"] + 1)
    return counts


def _write_header(file: IO[bytes], dtype: np.dtype[Any], length: int) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)
