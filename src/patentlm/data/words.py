"""Text ↔ words ↔ ids.

A word is a run of letters and digits, with hyphens or apostrophes inside it, or else a single
other character; all is lower case. Combining marks belong to their character, and scripts without
blanks are read character by character. `detokenize` writes words as text that reads naturally, and
`tokenize(detokenize(words)) == words` holds for all words that `tokenize` makes.
"""

import hashlib
import re
import string
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patentlm.data.arrays import Ids, Int64Array, place_in_row, row_starts, row_sums
from patentlm.data.scripts import begins_with_mark, both_unspaced, words_of_any_script
from patentlm.errors import DataError

END, UNK = 0, 1
SPECIAL = ("<end>", "<unk>")
"""`<end>` closes an abstract and, as the blank before it, opens and pads it; `<unk>` stands for
every word outside the vocabulary. Their ids are their places here."""

_WORD = re.compile(  # where no marks are, nor scripts without blanks; as `word_pattern` does
    r"\w++(?:['-]\w++)*+|<unk>|\S"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ALONE = [sign for sign in string.punctuation if sign not in "'-_<"]
_EDGES = [pair for mark in "'-" for pair in (f" {mark}", f"{mark} ", f"{mark}'", f"{mark}-")]
_CLOSING = frozenset(".,;:!?%)]}”、。")
_OPENING = frozenset("([{“")
_SENTENCE_END = frozenset(".!?")


@dataclass(frozen=True)
class EncodedWords:
    """How each of some words is written in ids of a vocabulary.

    Args:
        ids: of all words, one word after the other.
        lengths: ids of each word, `(words,)`.
    """

    ids: Ids
    lengths: Int64Array

    @cached_property
    def starts(self) -> Int64Array:
        """Where the ids of each word begin, `(words,)`."""
        return row_starts(self.lengths)

    def write(self, words: NDArray[np.integer[Any]], lengths: Int64Array) -> tuple[Ids, Int64Array]:
        """Ids of texts one after the other, and how many each text has.

        Args:
            words: places of the texts' words in the spelling, one text after the other.
            lengths: words of each text, `(texts,)`.
        """
        each = self.lengths[words]
        at = np.repeat(self.starts[words], each) + place_in_row(each)
        return self.ids[at], row_sums(each, lengths)


class Vocabulary:
    """A vocabulary and the way text becomes its ids: immutable and reversible.

    Args:
        vocabulary: words by id, `SPECIAL` first.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.tokens = tuple(vocabulary)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def fingerprint(self) -> str:
        """The same for two vocabularies only if they are the same."""
        return hashlib.sha256("\n".join(self.tokens).encode()).hexdigest()[:16]

    @cached_property
    def ids(self) -> dict[str, int]:
        """Id of each word."""
        return {word: at for at, word in enumerate(self.tokens)}

    def encode(self, words: Iterable[str]) -> Ids:
        """Ids of words, `(words,)`, in the smallest type that holds the vocabulary; what it lacks
        becomes `UNK`."""
        return np.array([self.ids.get(word, UNK) for word in words], self.dtype)

    def encode_batch(self, words: Iterable[str]) -> EncodedWords:
        """The same, and how many ids each word takes: one."""
        ids = self.encode(words)
        return EncodedWords(ids, np.ones(len(ids), np.int64))

    def words_of(self, ids: Iterable[int]) -> list[str]:
        """The words that ids stand for."""
        return [self.tokens[at] for at in ids]

    def shown(self, at: int) -> str:
        """What an id stands for, as people read it."""
        return "".join(self.words_of([at]))

    @cached_property
    def is_cased(self) -> bool:
        """Whether it comes from texts with capitals, as a corpus that is tokenised already may."""
        words = (word for word in self.tokens[len(SPECIAL) :] if len(word) > 1)
        return any(word != word.lower() for word in words)

    def read(self, text: str) -> list[str]:
        """The words of a text, read as the texts of the vocabulary were.

        Of a corpus with capitals, what stands between blanks is a word if the vocabulary has it,
        or if it can't be parted into words that the vocabulary has.

        Raises:
            DataError: if the text holds lone surrogates, which are not characters.
        """
        if _SURROGATE.search(text):
            raise DataError(f"{text[:40]!a} holds lone surrogates, which are not characters")
        if not self.is_cased:
            return tokenize(text)
        return [word for apart in text.split() for word in self._parts(apart)]

    def _parts(self, apart: str) -> list[str]:
        parts = [apart] if apart in self.ids else _split(apart)
        return parts if self.knows(parts) else [apart]

    def knows(self, words: Iterable[str]) -> bool:
        """Whether all of some words can be told from `<unk>`."""
        return all(word in self.ids for word in words)

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The smallest type that holds the vocabulary."""
        return np.uint16 if len(self) <= 2**16 else np.uint32

    def unknown(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks, each once, in their order."""
        return [word for word in dict.fromkeys(self.read(text)) if word not in self.ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text of ids; the first `END` closes it."""
        return detokenize(self.words_of(takewhile(lambda at: at != END, ids)))


@dataclass(frozen=True, kw_only=True)
class Tokenizer(ABC):
    """How a vocabulary is chosen from the training texts: the values of the group `tokenizer`."""

    @abstractmethod
    def train(
        self, words: Sequence[str], counts: NDArray[np.integer[Any]], *, tokenised: bool
    ) -> Vocabulary:
        """The vocabulary of texts in which each word occurs so many times; `tokenised` says if
        they were words with blanks between them already."""

    @abstractmethod
    def load(self, vocabulary: Sequence[str]) -> Vocabulary:
        """A vocabulary that was chosen earlier."""


@dataclass(frozen=True, kw_only=True)
class WordTokenizer(Tokenizer):
    """Takes whole words.

    Args:
        min_count: rarer words become `<unk>`.
        max_words: keep only so many of the most frequent words; None keeps all.
    """

    min_count: int
    max_words: int | None

    def train(
        self, words: Sequence[str], counts: NDArray[np.integer[Any]], *, tokenised: bool
    ) -> Vocabulary:
        """The vocabulary of texts in which each word occurs so many times, the most frequent word
        first; texts that are tokenised already keep every word they have."""
        least = 1 if tokenised else max(1, self.min_count)
        often = np.flatnonzero(counts >= least).tolist()
        frequent = [at for at in often if words[at] not in SPECIAL]
        frequent.sort(key=lambda at: (-counts[at], words[at]))
        return Vocabulary((*SPECIAL, *(words[at] for at in frequent[: self.max_words])))

    def load(self, vocabulary: Sequence[str]) -> Vocabulary:
        return Vocabulary(vocabulary)


def tokenize(text: str) -> list[str]:
    """The words of a text, lower-cased.

    Example:
        >>> tokenize("A feed-forward net, 1.5 mm.")
        ['a', 'feed-forward', 'net', ',', '1', '.', '5', 'mm', '.']
    """
    return _split(text.lower())


def _split(text: str) -> list[str]:
    """The words of a text, their case as it is."""
    if not text.isascii():
        words = words_of_any_script(text)
        return _WORD.findall(text) if words is None else words
    if not text.isprintable() or "<" in text:
        return _WORD.findall(text)
    apart = f" {text} "  # from here on the same, but twice as fast
    for sign in _ALONE:
        if sign in apart:
            apart = apart.replace(sign, f" {sign} ")
    return _WORD.findall(text) if any(edge in apart for edge in _EDGES) else apart.split()


def detokenize(words: Sequence[str]) -> str:
    """Words as text that reads naturally: blanks where they belong, sentences capitalised.

    The inverse of `tokenize`: two words stand together only where `tokenize` parts them again.
    """
    pieces: list[str] = []
    quoted = False
    for at, word in enumerate(words):
        opens_quote = word == '"' and not quoted
        if at and _blank_between(words, at, quoted=quoted):
            pieces.append(" ")
        pieces.append(_capitalised(word) if _starts_sentence(words, at) else word)
        quoted = opens_quote or (quoted and word != '"')
    return "".join(pieces)


def word_starts(text: str, words: Iterable[str]) -> list[int]:
    """Where each word stands in the text that `detokenize` made of them.

    Args:
        text: of the words; between two of them stands a blank, or nothing.
        words: in their order.

    Returns:
        The place of each word's first character.
    """
    starts, end = [], 0
    for word in words:
        starts.append(end + (text[end] == " "))
        end = starts[-1] + len(word)
    return starts


def _blank_between(words: Sequence[str], at: int, *, quoted: bool) -> bool:
    """Whether a blank stands before `words[at]`; `quoted` says if a quotation is open there."""
    left, right = words[at - 1], words[at]
    if not right.isascii():
        if begins_with_mark(right):
            return True
        if both_unspaced(left, right):
            return False
    if right in _CLOSING or left in _OPENING or "/" in (left, right):
        return False
    if (right == '"' and quoted) or (left == '"' and quoted):
        return False
    return not _inside_dots(words, at)


def _inside_dots(words: Sequence[str], at: int) -> bool:
    """Whether the dot before `words[at]` is part of a number (1.5) or an abbreviation (e.g.)."""
    if at < 2 or words[at - 1] != ".":
        return False
    left, right = words[at - 2], words[at]
    if left.isdigit() and right.isdigit():
        return True
    dotted = at + 1 < len(words) and words[at + 1] == "."
    return dotted and len(left) == len(right) == 1 and left.isalpha() and right.isalpha()


def _starts_sentence(words: Sequence[str], at: int) -> bool:
    before = at - 1
    while before >= 0 and words[before] in ('"', "(", "["):
        before -= 1
    if before < 0:
        return True
    abbreviated = before > 0 and _inside_dots(words, before - 1)  # the second dot of e.g.
    return words[before] in _SENTENCE_END and not abbreviated and not _inside_dots(words, at)


def _capitalised(word: str) -> str:
    first = word[:1].upper()
    return first + word[1:] if first.lower() == word[:1] and len(first) == 1 else word
