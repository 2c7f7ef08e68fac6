"""Preparation of a corpus: the steps from a source to ids on disk, cached by fingerprint."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from filelock import Timeout

from patentlm import __version__
from patentlm.data.cache import acquire_lock, cache_folder, writing_to
from patentlm.data.checks import warnings_of
from patentlm.data.corpus import Corpus, is_whole, write_plain
from patentlm.data.indexing import index_splits, most_common_opening
from patentlm.data.ingest import Recipe, Texts, ingest
from patentlm.data.query import Query
from patentlm.data.shares import TRAIN
from patentlm.data.sources import Source
from patentlm.data.splits import SPLITS, Sides
from patentlm.data.words import Tokenizer
from patentlm.errors import DataError

log = logging.getLogger(__name__)

LAYOUT = 4
"""Version of the files in a corpus's folder; corpora of other versions are made again."""

SCRATCH = ".part"
"""Suffix of the temporary folder in which a corpus is made."""


def prepare(source: Source, tokenizer: Tokenizer) -> Corpus:
    """Prepares the corpus of a source, or finds it in the cache.

    Several processes may call this at once: one prepares, the others wait. A folder in the cache is
    complete or does not exist.

    Args:
        source: source of the texts.
        tokenizer: how the vocabulary is chosen.

    Returns:
        The corpus.

    Raises:
        DataError: if the source can't be read or has no text to learn from, or the cache can't be
            written.
    """
    key = fingerprint(source, tokenizer)
    corpus = Corpus(cache_folder() / "corpora" / key, source.label, key, tokenizer)
    _sweep(corpus.folder.parent)
    if not is_whole(corpus):  # a complete one may be in a read-only cache
        with writing_to(corpus.folder.parent):
            _build_once(source, tokenizer, corpus)
    log.info("%s: %s", source.label, describe(corpus.counts))
    for line in corpus.warnings:
        log.warning("%s: %s", source.label, line)
    return corpus


def fingerprint(source: Source, tokenizer: Tokenizer) -> str:
    """Returns a hash of everything that the ids depend on, 16 hexadecimal digits."""
    parts = {
        "version": __version__,
        "layout": LAYOUT,
        "tokenizer": asdict(tokenizer),
        **source.identity(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def describe(counts: Mapping[str, int]) -> str:
    """Writes counts as one line.

    Example:
        >>> describe({"rows": 3522, "near_duplicates": 345})
        '3,522 rows, 345 near duplicates'
    """
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())


def _build_once(source: Source, tokenizer: Tokenizer, corpus: Corpus) -> None:
    folder = corpus.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with acquire_lock(folder.with_suffix(".lock")):
        if is_whole(corpus):
            return
        if os.path.lexists(folder):
            log.warning("%s is damaged in the cache: it is made again", source.label)
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
        scratch = folder.with_suffix(SCRATCH)
        scratch.mkdir()
        try:
            _build(source, tokenizer, scratch).replace(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _sweep(corpora: Path) -> None:
    """Removes what killed preparations left: folders whose lock no process holds."""
    for scratch in corpora.glob(f"*{SCRATCH}"):
        lock = scratch.with_suffix(".lock")
        with suppress(Timeout, OSError, DataError), acquire_lock(lock, seconds=0):
            shutil.rmtree(scratch, ignore_errors=True)


def _build(source: Source, tokenizer: Tokenizer, scratch: Path) -> Path:
    """Runs all steps in order; returns the folder of the corpus."""
    part = scratch / "corpus"
    part.mkdir()
    # read → query → normalise and clean → tokenise
    texts = read(source, scratch / "interim")
    # de-duplicate
    kept = source.split.distinct(texts)
    # split
    sides, found = source.split.divide(texts, kept)
    _require_all_splits(sides, found, source.label)
    # vocabulary
    in_train = texts.interim.word_counts(sides == TRAIN)
    vocabulary = tokenizer.train(texts.interim.words, in_train, tokenised=source.tokenised)
    # index
    encoded = vocabulary.encode_batch(texts.interim.words)
    counts = {**texts.counts, **found, **index_splits(texts, sides, encoded, part)}
    counts["vocabulary"] = len(vocabulary)
    opening = most_common_opening(texts.interim, sides)
    warnings = [*texts.warnings, *warnings_of(counts, source.split.shares(), opening)]
    write_plain(part, tokens=vocabulary.tokens, counts=counts, warnings=warnings)
    return part


def read(source: Source, path: Path) -> Texts:
    """Reads a source: the first steps of preparation, down to words.

    Args:
        source: source of the texts.
        path: file for the interim corpus.

    Returns:
        The texts that are kept.

    Raises:
        DataError: if the source can't be read, or no text is left.
    """
    recipe = Recipe(Query.parse(source.query), source.cleaning, source.tokenised)
    records = source.records()
    texts = ingest(records, recipe, path)
    texts.counts.update(records.counts, rows=records.counts.total())
    texts.warnings.extend(records.warnings)
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


def _require_all_splits(sides: Sides, found: Mapping[str, int], label: str) -> None:
    texts = int((sides >= 0).sum())
    if found.get("near_duplicates") == texts > 1 and found["near_duplicate_clusters"] == 1:
        raise DataError(
            f"{label}: all {texts:,} texts are near-duplicates of one another, so none can be kept "
            "out of train; raise data.split.overlap, or add other patents"
        )
    for side, name in enumerate(SPLITS):
        if not (sides == side).any():
            raise DataError(
                f"{label}: no text is left for {name} ({texts:,} texts in all); "
                "use more patents, or other shares in data.split"
            )
