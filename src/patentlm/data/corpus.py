"""A prepared corpus on disk: its vocabulary, its counts, and one array of ids for each split."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from patentlm.data.arrays import Ids, Int64Array, row_of_each
from patentlm.data.interim import number_words
from patentlm.data.splits import SPLITS
from patentlm.data.words import END, Tokenizer, Vocabulary
from patentlm.errors import ConfigError


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


def encode_texts(texts: Iterable[str], vocabulary: Vocabulary) -> Ids:
    """Texts as `<end> w1 … wn <end> …`, `(targets + 1,)`."""
    batch = number_words([vocabulary.read(text) for text in texts])
    closed = close_texts(*vocabulary.encode_batch(batch.words).write(batch.ids, batch.lengths))
    return np.append(np.array([END], closed.dtype), closed)


def close_texts(ids: Ids, lengths: Int64Array) -> Ids:
    """Texts one after the other, each followed by `<end>`, `(ids + texts,)`.

    Args:
        ids: of all texts, one text after the other.
        lengths: ids of each text, `(texts,)`.

    Example:
        >>> close_texts(np.array([5, 6, 7], np.uint16), np.array([2, 0, 1])).tolist()
        [5, 6, 0, 0, 7, 0]
    """
    closed = np.full(len(ids) + len(lengths), END, ids.dtype)
    closed[np.arange(len(ids)) + row_of_each(lengths)] = ids
    return closed
