"""Words ↔ ids: vocabularies, and the tokenizers that choose them from the training texts."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Ids, Int64Array, place_in_row, row_starts, row_sums
from patentlm.data.text import detokenize, split_words, tokenize
from patentlm.errors import DataError

END, UNK = 0, 1
SPECIAL = ("<end>", "<unk>")
"""`<end>` closes an abstract and, as the blank before it, opens and pads it; `<unk>` stands for
every word outside the vocabulary. Their ids are their places here."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class EncodedWords:
    """The ids of some words.

    Args:
        ids: ids of all words, one word after the other.
        lengths: number of ids of each word, `(words,)`.
    """

    ids: Ids
    lengths: Int64Array

    @cached_property
    def starts(self) -> Int64Array:
        """Where the ids of each word begin, `(words,)`."""
        return row_starts(self.lengths)

    def write(self, words: NDArray[np.integer[Any]], lengths: Int64Array) -> tuple[Ids, Int64Array]:
        """Returns the ids of texts, one text after the other, and their number in each text.

        Args:
            words: indices of the texts' words, one text after the other.
            lengths: number of words of each text, `(texts,)`.
        """
        each = self.lengths[words]
        at = np.repeat(self.starts[words], each) + place_in_row(each)
        return self.ids[at], row_sums(each, lengths)


class Vocabulary:
    """A vocabulary of words: it encodes texts as ids and decodes ids; it never changes.

    Args:
        vocabulary: words by id, `SPECIAL` first.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.tokens = tuple(vocabulary)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the vocabulary."""
        return hashlib.sha256("\n".join(self.tokens).encode()).hexdigest()[:16]

    @cached_property
    def ids(self) -> dict[str, int]:
        """Id of each word."""
        return {word: at for at, word in enumerate(self.tokens)}

    def encode(self, words: Iterable[str]) -> Ids:
        """Encodes words as ids `(words,)`, of the smallest type that fits.

        Words that are not in the vocabulary become `UNK`.
        """
        return np.array([self.ids.get(word, UNK) for word in words], self.dtype)

    def encode_batch(self, words: Iterable[str]) -> EncodedWords:
        """Encodes words, and tells how many ids each has: one."""
        ids = self.encode(words)
        return EncodedWords(ids, np.ones(len(ids), np.int64))

    def words_of(self, ids: Iterable[int]) -> list[str]:
        """Returns the words of ids."""
        return [self.tokens[at] for at in ids]

    def shown(self, at: int) -> str:
        """Returns how an id is shown to people."""
        return "".join(self.words_of([at]))

    @cached_property
    def is_cased(self) -> bool:
        """True if the words have capitals, as those of a tokenized corpus may."""
        words = (word for word in self.tokens[len(SPECIAL) :] if len(word) > 1)
        return any(word != word.lower() for word in words)

    def read(self, text: str) -> list[str]:
        """Splits a text into words, as the texts of the vocabulary were split.

        For a vocabulary with capitals, text between blanks is one word if the vocabulary has it, or
        if it can't be split into words that the vocabulary has.

        Raises:
            DataError: if the text holds lone surrogates, which are not characters.
        """
        if _SURROGATE.search(text):
            raise DataError(f"{text[:40]!a} holds lone surrogates, which are not characters")
        if not self.is_cased:
            return tokenize(text)
        return [word for apart in text.split() for word in self._parts(apart)]

    def _parts(self, apart: str) -> list[str]:
        parts = [apart] if apart in self.ids else split_words(apart)
        return parts if self.knows(parts) else [apart]

    def knows(self, words: Iterable[str]) -> bool:
        """True if the vocabulary has all of some words."""
        return all(word in self.ids for word in words)

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The smallest integer type for the ids."""
        return np.uint16 if len(self) <= 2**16 else np.uint32

    def unknown(self, text: str) -> list[str]:
        """Returns the words of a text that are not in the vocabulary, each once, in order."""
        return [word for word in dict.fromkeys(self.read(text)) if word not in self.ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Decodes ids into readable text, up to the first `END`."""
        return detokenize(self.words_of(takewhile(lambda at: at != END, ids)))


@dataclass(frozen=True, kw_only=True)
class Tokenizer(ABC):
    """Chooses a vocabulary from the training texts: the options of the config group `tokenizer`."""

    @abstractmethod
    def train(
        self, words: Sequence[str], counts: NDArray[np.integer[Any]], *, tokenised: bool
    ) -> Vocabulary:
        """Chooses the vocabulary.

        Args:
            words: the distinct words of the training texts.
            counts: how often each occurs, `(words,)`.
            tokenised: True if the texts were words separated by blanks already.

        Returns:
            The vocabulary.
        """

    @abstractmethod
    def load(self, vocabulary: Sequence[str]) -> Vocabulary:
        """Makes the vocabulary of a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class WordTokenizer(Tokenizer):
    """Chooses whole words by frequency.

    Args:
        min_count: rarer words become `<unk>`.
        max_words: maximum size, the most frequent words first; None for no limit.
    """

    min_count: int
    max_words: int | None

    def train(
        self, words: Sequence[str], counts: NDArray[np.integer[Any]], *, tokenised: bool
    ) -> Vocabulary:
        """Chooses the vocabulary, the most frequent word first.

        Tokenized texts keep all their words.
        """
        least = 1 if tokenised else max(1, self.min_count)
        often = np.flatnonzero(counts >= least).tolist()
        frequent = [at for at in often if words[at] not in SPECIAL]
        frequent.sort(key=lambda at: (-counts[at], words[at]))
        return Vocabulary((*SPECIAL, *(words[at] for at in frequent[: self.max_words])))

    def load(self, vocabulary: Sequence[str]) -> Vocabulary:
        return Vocabulary(vocabulary)
