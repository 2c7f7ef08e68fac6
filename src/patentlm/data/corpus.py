"""A prepared corpus on disk: its vocabulary, its counts, and one array of ids for each split."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Ids, Int64Array, row_of_each
from patentlm.data.interim import number_words
from patentlm.data.splits import SPLITS
from patentlm.data.words import END, Tokenizer, Vocabulary
from patentlm.errors import ConfigError


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus, whose arrays are mapped from disk.

    Args:
        folder: the folder with its files.
        label: name of the data, for people.
        fingerprint: hash of source and settings; equal hashes mean equal ids.
        tokenizer: how the vocabulary was chosen.
    """

    folder: Path
    label: str
    fingerprint: str
    tokenizer: Tokenizer

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary, built from train alone."""
        return self.tokenizer.load(json.loads((self.folder / "vocabulary.json").read_text("utf-8")))

    @cached_property
    def counts(self) -> dict[str, int]:
        """What preparation counted: rows, texts left out by reason, words, and so on."""
        found: dict[str, int] = json.loads((self.folder / "counts.json").read_text("utf-8"))
        return found

    @cached_property
    def warnings(self) -> list[str]:
        """What the user should know about the texts, one line each."""
        lines: list[str] = json.loads((self.folder / "warnings.json").read_text("utf-8"))
        return lines

    def records(self, split: str) -> NDArray[np.uint32]:
        """Returns each text's row in the source, counted from 0, and its day, `(texts, 2)`.

        A day is a number such as 20010605, see `patentlm.data.ingest.day_number`; 0 if the source
        has no date.
        """
        array: NDArray[np.uint32] = np.load(self.folder / f"{split}_records.npy", mmap_mode="r")
        return array

    def characters_per_target(self, split: str) -> float:
        """Returns the characters per target, by which bits per target become bits per character.

        A text has the characters of its words, one for the blank between two words, and one for its
        end, whatever the tokenizer. A word that is not in the vocabulary counts with all its
        characters, although only `<unk>` is predicted for it: many unknown words therefore make
        bits per character look better. An `<unk>` in the text itself has five characters.
        """
        return self.counts[f"{split}_characters"] / self.counts[f"{split}_targets"]

    def ids(self, split: str) -> Ids:
        """Returns a split as `<end> w1 … wn <end> …`, `(targets + 1,)`, mapped from disk.

        Raises:
            ConfigError: if there is no split of that name.
        """
        if split not in SPLITS:
            raise ConfigError(
                f"split={split}: there is none of that name, only {', '.join(SPLITS)}"
            )
        array: Ids = np.load(self.folder / f"{split}.npy", mmap_mode="r")
        return array


def write_plain(
    folder: Path, *, tokens: Sequence[str], counts: Mapping[str, int], warnings: Sequence[str]
) -> None:
    """Writes everything of a corpus but its arrays, and flushes all files to disk.

    Args:
        folder: the folder that holds the arrays.
        tokens: vocabulary by id.
        counts: what preparation counted.
        warnings: what the user should know about the texts.
    """
    plain = {"vocabulary": list(tokens), "counts": counts, "warnings": list(warnings)}
    for name, value in plain.items():
        (folder / f"{name}.json").write_text(json.dumps(value), "utf-8")
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def is_whole(corpus: Corpus) -> bool:
    """True if all files of a corpus exist, none is truncated, and every id is in the vocabulary."""
    try:
        if not all(path.is_file() for path in corpus.folder.iterdir()):
            return False  # a pipe, say, which would be waited for
        corpus = replace(corpus)  # without values cached before the files changed
        counts = corpus.counts
        lines = [*corpus.warnings, *corpus.vocabulary.tokens]
        return (
            all(isinstance(line, str) for line in lines)
            and len(corpus.vocabulary) == counts["vocabulary"]
            and all(
                len(corpus.ids(split)) == counts[f"{split}_targets"] + 1
                and corpus.ids(split).max() < counts["vocabulary"]
                and len(corpus.records(split)) == counts[f"{split}_abstracts"]
                for split in SPLITS
            )
        )
    except (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError):
        return False


def encode_texts(texts: Iterable[str], vocabulary: Vocabulary) -> Ids:
    """Encodes texts as `<end> w1 … wn <end> …`, `(targets + 1,)`."""
    batch = number_words([vocabulary.read(text) for text in texts])
    closed = close_texts(*vocabulary.encode_batch(batch.words).write(batch.ids, batch.lengths))
    return np.append(np.array([END], closed.dtype), closed)


def close_texts(ids: Ids, lengths: Int64Array) -> Ids:
    """Appends `<end>` to each text.

    Args:
        ids: ids of all texts, one text after the other.
        lengths: number of ids of each text, `(texts,)`.

    Returns:
        The ids of all texts, each followed by `<end>`, `(ids + texts,)`.

    Example:
        >>> close_texts(np.array([5, 6, 7], np.uint16), np.array([2, 0, 1])).tolist()
        [5, 6, 0, 0, 7, 0]
    """
    closed = np.full(len(ids) + len(lengths), END, ids.dtype)
    closed[np.arange(len(ids)) + row_of_each(lengths)] = ids
    return closed
