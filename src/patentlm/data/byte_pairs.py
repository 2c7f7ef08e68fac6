"""Subwords by byte-pair encoding (Sennrich et al. 2016), trained on the training split alone.

A word is encoded as its UTF-8 bytes and a blank that ends it; frequent sequences of these become
pieces. No word is unknown, and pieces show where a word ends: `words_of(encode(words)) == words`
for all words without blanks.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Encoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import BpeTrainer

from patentlm.data.arrays import Ids
from patentlm.data.words import SPECIAL, UNK, EncodedWords, Tokenizer, Vocabulary
from patentlm.errors import ConfigError

# Otherwise the library warns whenever a process that encoded words starts another one.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

BYTES = [chr(byte) for byte in range(256) if byte not in b"\t\n\v\f\r"]
"""Every byte that a word can contain, and the blank, each as the character of its number."""

MOST_COUNTED = 10_000_000
"""Number of words that pairs are counted in; counts of more words are scaled down."""


class BytePairVocabulary(Vocabulary):
    """A vocabulary of byte pairs; words are encoded by merging pieces, those made earliest first.

    Args:
        vocabulary: pieces by id, `SPECIAL` first; each character stands for a byte.
    """

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder for words; special ones are handled apart."""
        pieces = dict.fromkeys(self.tokens[len(SPECIAL) :])
        merges = [
            (piece[:at], piece[at:])
            for piece in pieces
            for at in range(1, len(piece))
            if piece[:at] in pieces and piece[at:] in pieces
        ]
        return Encoder(BPE(self.ids, merges))

    def encode(self, words: Iterable[str]) -> Ids:
        """Encodes words as the ids of their pieces, one word after the other."""
        return self.encode_batch(words).ids

    def encode_batch(self, words: Iterable[str]) -> EncodedWords:
        """Encodes words as pieces, and tells how many each word has."""
        words = list(words)
        spelt = self.encoder.encode_batch([_bytes(word) for word in words])
        ids = [
            [SPECIAL.index(word)] if word in SPECIAL else pieces.ids
            for word, pieces in zip(words, spelt, strict=True)
        ]
        lengths = np.array([len(pieces) for pieces in ids], np.int64)
        return EncodedWords(np.array([at for pieces in ids for at in pieces], self.dtype), lengths)

    def words_of(self, ids: Iterable[int]) -> list[str]:
        """Decodes pieces into words; the last word may lack its end.

        Bytes that do not form a character are dropped.
        """
        text = "".join(f"{self.tokens[at]} " if at <= UNK else self.tokens[at] for at in ids)
        return text.encode("latin-1").decode("utf-8", "ignore").split()

    @cached_property
    def is_cased(self) -> bool:
        pieces = (piece for piece in self.tokens[len(SPECIAL) :] if len(piece) > 1)
        return any("A" <= sign <= "Z" for piece in pieces for sign in piece)

    def knows(self, words: Iterable[str]) -> bool:
        return True

    def unknown(self, text: str) -> list[str]:
        """Returns no words: every word can be encoded."""
        return []


@dataclass(frozen=True, kw_only=True)
class BytePairTokenizer(Tokenizer):
    """Trains a vocabulary of the most frequent pieces.

    Args:
        vocabulary: number of pieces, special ones and single bytes included.
    """

    vocabulary: int

    def train(
        self, words: Sequence[str], counts: NDArray[np.integer[Any]], *, tokenised: bool
    ) -> BytePairVocabulary:
        """Trains the vocabulary; pieces are ordered by when they were merged.

        Args:
            words: the distinct words of the training texts.
            counts: how often each occurs, `(words,)`.
            tokenised: not used.

        Returns:
            The vocabulary.

        Raises:
            ConfigError: if there is no room for the single bytes.
        """
        least = len(SPECIAL) + len(BYTES)
        if self.vocabulary < least:
            raise ConfigError(
                f"tokenizer.vocabulary={self.vocabulary}: the single bytes alone need {least}"
            )
        share = max(1, int(counts.sum()) // MOST_COUNTED)
        encoder = Encoder(BPE())
        encoder.pre_tokenizer = Split(" ", "merged_with_previous")
        trainer = BpeTrainer(
            vocab_size=self.vocabulary,
            special_tokens=list(SPECIAL),
            initial_alphabet=BYTES,
            show_progress=False,
        )
        repeated = (
            _bytes(word) * -(-count // share)
            for word, count in zip(words, counts.tolist(), strict=True)
            if word not in SPECIAL
        )
        encoder.train_from_iterator(repeated, trainer)
        ids = encoder.get_vocab()
        return BytePairVocabulary(sorted(ids, key=ids.__getitem__))

    def load(self, vocabulary: Sequence[str]) -> BytePairVocabulary:
        return BytePairVocabulary(vocabulary)


def _bytes(word: str) -> str:
    """Returns a word and the blank after it with one character for each byte of its UTF-8."""
    return f"{word} ".encode("utf-8", "surrogatepass").decode("latin-1")
