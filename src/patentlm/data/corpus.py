"""From a source to ids on disk: draft → vocabulary → one array a split, cached by fingerprint."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from patentlm import __version__
from patentlm.data.cache import cache_folder
from patentlm.data.interim import Draft, Numbers, number
from patentlm.data.sources import Source
from patentlm.data.splits import SPLITS, TRAIN, Sides
from patentlm.data.words import END, UNK, EncodedWords, Ids, Tokenizer, Vocabulary, tokenize
from patentlm.errors import ConfigError, DataError

log = logging.getLogger(__name__)

LAYOUT = 2
"""Of what lies in a corpus's folder; a corpus of another one is made anew."""


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: its vocabulary, and ids that stay on disk.

    Args:
        folder: where they lie.
        label: what people call it.
        fingerprint: of source and settings; equal ones hold equal ids.
        tokenizer: what chose the vocabulary.
    """

    folder: Path
    label: str
    fingerprint: str
    tokenizer: Tokenizer

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary, made from train alone."""
        return self.tokenizer.load(json.loads((self.folder / "vocabulary.json").read_text("utf-8")))

    @cached_property
    def counts(self) -> dict[str, int]:
        """What preparation found, left out and made."""
        found: dict[str, int] = json.loads((self.folder / "counts.json").read_text("utf-8"))
        return found

    def characters_per_target(self, split: str) -> float:
        """What bits per target are divided by to get bits per character.

        A text has the characters of its words, one for the blank between two of them, and one for
        its end: the same number whatever the tokenizer. A word that the vocabulary lacks counts
        with all its characters, though no more than `<unk>` is predicted for it; so many unknown
        words make bits per character look better than they are. An `<unk>` that stands in a text
        itself counts as the five characters that it has.
        """
        return self.counts[f"{split}_characters"] / self.counts[f"{split}_targets"]

    def ids(self, split: str) -> Ids:
        """A split as `<end> w1 … wn <end> …`, `(targets + 1,)`, mapped from disk.

        Raises:
            ConfigError: if there is no split of that name.
        """
        if split not in SPLITS:
            raise ConfigError(
                f"split={split}: there is none of that name, only {', '.join(SPLITS)}"
            )
        array: Ids = np.load(self.folder / f"{split}.npy", mmap_mode="r")
        return array


def prepare(source: Source, tokenizer: Tokenizer) -> Corpus:
    """The corpus of a source, made once and then found in the cache.

    Several processes may ask at once: one prepares, the others wait for it. A folder in the
    cache is complete or not there.

    Raises:
        DataError: if the source can't be read or has nothing to learn from, or the cache can't be
            written.
    """
    key = fingerprint(source, tokenizer)
    folder = cache_folder() / "corpora" / key
    try:
        _build_once(source, tokenizer, folder)
    except OSError as error:
        raise DataError(
            f"{folder.parent} can't be written ({error.strerror or error}): free disk space "
            "there, or set PATENTLM_CACHE to another folder"
        ) from error
    corpus = Corpus(folder, source.label, key, tokenizer)
    log.info("%s: %s", source.label, describe(corpus.counts))
    return corpus


def fingerprint(source: Source, tokenizer: Tokenizer) -> str:
    """Hash of everything the ids depend on."""
    parts = {
        "version": __version__,
        "layout": LAYOUT,
        "tokenizer": asdict(tokenizer),
        **source.identity(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def describe(counts: dict[str, int]) -> str:
    """Counts as one line, `32 copies, 9 families, …`."""
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())


def _build_once(source: Source, tokenizer: Tokenizer, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(source, tokenizer, folder)


def _build(source: Source, tokenizer: Tokenizer, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        draft, sides, counts = source.draft(Path(made) / "draft")
        _require_all_splits(sides, source.label)
        in_train = draft.counts(sides == TRAIN)
        vocabulary = tokenizer.train(draft.words, in_train, tokenised=source.tokenised)
        spelling = vocabulary.encode_batch(draft.words)
        part = Path(made) / "corpus"
        part.mkdir()
        for side, name in enumerate(SPLITS):
            counts |= _index(draft, sides == side, spelling, part / f"{name}.npy", name)
        counts["vocabulary"] = len(vocabulary)
        (part / "vocabulary.json").write_text(json.dumps(list(vocabulary.tokens)), "utf-8")
        (part / "counts.json").write_text(json.dumps(counts), "utf-8")
        part.replace(folder)


def _require_all_splits(sides: Sides, label: str) -> None:
    for side, name in enumerate(SPLITS):
        if not (sides == side).any():
            raise DataError(
                f"{label}: no text is left for {name} ({(sides >= 0).sum():,} texts in all); "
                "use more patents, or other shares in data.split"
            )


def _index(
    draft: Draft, chosen: NDArray[np.bool_], spelling: EncodedWords, path: Path, name: str
) -> dict[str, int]:
    """Writes the chosen texts in their final ids; returns what was counted."""
    dtype, characters = spelling.ids.dtype, np.array([len(word) + 1 for word in draft.words])
    counts = {"abstracts": int(chosen.sum()), "targets": 0, "characters": 0, "unknown": 0}
    with path.open("wb") as file:
        _write_header(file, dtype, 0)
        np.array([END], dtype).tofile(file)
        for start, ids, lengths in draft.pieces(f"Indexing {name}"):
            kept = chosen[start : start + len(lengths)]
            words = ids[np.repeat(kept, lengths)]
            closed = _closed(*spelling.write(words, lengths[kept]))
            closed.tofile(file)
            counts["targets"] += len(closed)
            counts["characters"] += int(characters[words].sum())
            counts["unknown"] += int((closed == UNK).sum())
        file.seek(0)  # NumPy leaves room there for an array that has grown
        _write_header(file, dtype, counts["targets"] + 1)
    return {f"{name}_{counted}": number for counted, number in counts.items()}


def _write_header(file: IO[bytes], dtype: np.dtype[Any], length: int) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)


def encode_texts(texts: Iterable[str], vocabulary: Vocabulary) -> Ids:
    """Texts as `<end> w1 … wn <end> …`, `(targets + 1,)`."""
    chunk = number([tokenize(text) for text in texts])
    closed = _closed(*vocabulary.encode_batch(chunk.words).write(chunk.ids, chunk.lengths))
    return np.append(np.array([END], closed.dtype), closed)


def _closed(ids: Ids, lengths: Numbers) -> Ids:
    """The texts, one after the other, each with `<end>` behind it."""
    closed = np.full(len(ids) + len(lengths), END, ids.dtype)
    closed[np.arange(len(ids)) + np.repeat(np.arange(len(lengths)), lengths)] = ids
    return closed
