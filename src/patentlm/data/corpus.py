"""From a source to ids on disk: texts → vocabulary → one array a split, cached by fingerprint."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from patentlm import __version__
from patentlm.data.cache import cache_folder
from patentlm.data.sources import Source
from patentlm.data.splits import SPLITS
from patentlm.data.windows import Ids
from patentlm.data.words import END, UNK, Words, WordTokenizer
from patentlm.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: its vocabulary, and ids that stay on disk.

    Args:
        folder: where they lie.
        label: what people call it.
        fingerprint: of source and settings; equal ones hold equal ids.
    """

    folder: Path
    label: str
    fingerprint: str

    @cached_property
    def words(self) -> Words:
        """The vocabulary, made from train alone."""
        return Words(json.loads((self.folder / "vocabulary.json").read_text("utf-8")))

    @cached_property
    def counts(self) -> dict[str, int]:
        """What preparation found, left out and made."""
        found: dict[str, int] = json.loads((self.folder / "counts.json").read_text("utf-8"))
        return found

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


def prepare(source: Source, tokenizer: WordTokenizer) -> Corpus:
    """The corpus of a source, made once and then found in the cache.

    Several processes may ask at once: one prepares, the others wait for it. A folder in the
    cache is complete or not there.

    Raises:
        DataError: if the source can't be read or has nothing to learn from.
    """
    key = fingerprint(source, tokenizer)
    folder = cache_folder() / "corpora" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(source, tokenizer, folder)
    corpus = Corpus(folder, source.label, key)
    log.info("%s: %s", source.label, describe(corpus.counts))
    return corpus


def fingerprint(source: Source, tokenizer: WordTokenizer) -> str:
    """Hash of everything the ids depend on."""
    parts = {"version": __version__, "tokenizer": asdict(tokenizer), **source.identity()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def describe(counts: dict[str, int]) -> str:
    """Counts as one line, `32 copies, 9 families, …`."""
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())


def _build(source: Source, tokenizer: WordTokenizer, folder: Path) -> None:
    texts, counts = source.texts()
    words = tokenizer.fit(texts["train"], tokenised=source.tokenised)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        part = Path(made) / "corpus"
        part.mkdir()
        for name in SPLITS:
            ids = encode_split(texts[name], words, tokenised=source.tokenised)
            np.save(part / f"{name}.npy", ids)
            counts[f"{name}_abstracts"] = len(texts[name])
            counts[f"{name}_targets"] = len(ids) - 1
            counts[f"{name}_unknown"] = int((ids == UNK).sum())
        counts["vocabulary"] = len(words)
        (part / "vocabulary.json").write_text(json.dumps(words.vocabulary), "utf-8")
        (part / "counts.json").write_text(json.dumps(counts), "utf-8")
        part.replace(folder)


def encode_split(texts: Iterable[str], words: Words, *, tokenised: bool) -> Ids:
    """Texts as `<end> w1 … wn <end> …`, in the smallest type that holds the vocabulary."""
    dtype = np.uint16 if len(words) <= 2**16 else np.uint32
    pieces = [np.array([END], dtype)]
    texts = tqdm(texts, desc="Indexing words", unit=" texts", delay=2, disable=None, leave=False)
    for ids in words.encode(texts, tokenised=tokenised):
        pieces += [ids.astype(dtype), pieces[0]]
    return np.concatenate(pieces)
