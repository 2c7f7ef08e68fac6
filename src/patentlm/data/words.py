"""Text ↔ words ↔ ids, on the `tokenizers` library.

A word is a run of letters and digits, with hyphens or apostrophes inside it, or else a single
other character; all is lower case. `join` writes words as text that reads naturally, and
`split(join(words)) == words` holds for all words that `split` makes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.trainers import WordLevelTrainer

END, UNK = 0, 1
SPECIAL = ("<end>", "<unk>")
"""`<end>` closes an abstract and, as the blank before it, opens and pads it; `<unk>` stands for
every word outside the vocabulary. Their ids are their places here."""

_WORD = Regex(r"<unk>|\w+(?:['-]\w+)*|\S")
_CLOSING = frozenset(".,;:!?%)]}”")
_OPENING = frozenset("([{“")
_SENTENCE_END = frozenset(".!?")


class Words:
    """A vocabulary and the way text becomes its ids: immutable and reversible.

    Args:
        vocabulary: words by id, `SPECIAL` first.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)

    def __len__(self) -> int:
        return len(self.vocabulary)

    @cached_property
    def fingerprint(self) -> str:
        """The same for two vocabularies only if they are the same."""
        return hashlib.sha256("\n".join(self.vocabulary).encode()).hexdigest()[:16]

    @cached_property
    def ids(self) -> dict[str, int]:
        """Id of each word."""
        return {word: at for at, word in enumerate(self.vocabulary)}

    def encode(
        self, texts: Iterable[str], *, tokenised: bool = False
    ) -> Iterator[NDArray[np.uint32]]:
        """Ids of each text, `(words,)`; what the vocabulary lacks becomes `UNK`.

        Args:
            texts: natural text, or where `tokenised`, words with blanks between them.
        """
        tokenizer = _tokenizer(WordLevel(self.ids, unk_token=SPECIAL[UNK]), tokenised)
        rest = iter(texts)
        while some := list(islice(rest, 1024)):
            for encoding in tokenizer.encode_batch_fast(some, add_special_tokens=False):
                yield np.array(encoding.ids, dtype=np.uint32)

    def unknown(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks, each once, in their order."""
        return [word for word in dict.fromkeys(split(text)) if word not in self.ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text of ids; the first `END` closes it."""
        words = []
        for at in ids:
            if at == END:
                break
            words.append(self.vocabulary[at])
        return join(words)


@dataclass(frozen=True, kw_only=True)
class WordTokenizer:
    """How a vocabulary is chosen from the training texts.

    Args:
        min_count: rarer words become `<unk>`.
        max_words: keep only so many of the most frequent words; None keeps all.
    """

    min_count: int
    max_words: int | None

    def fit(self, texts: Iterable[str], *, tokenised: bool) -> Words:
        """The vocabulary of the texts, most frequent word first; one that is tokenised already
        keeps every word it has."""
        tokenizer = _tokenizer(WordLevel({}, unk_token=SPECIAL[UNK]), tokenised)
        trainer = WordLevelTrainer(
            vocab_size=self.max_words or 2**32,
            min_frequency=1 if tokenised else self.min_count,
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        ids = tokenizer.get_vocab()
        return Words((*SPECIAL, *(w for w in sorted(ids, key=ids.__getitem__) if w not in SPECIAL)))


def split(text: str) -> list[str]:
    """The words of a text, lower-cased."""
    normal = normalizers.Lowercase().normalize_str(text)
    return [word for word, _ in _pre_tokenizer(tokenised=False).pre_tokenize_str(normal)]


def join(words: Sequence[str]) -> str:
    """Words as text that reads naturally: blanks where they belong, sentences capitalised.

    The inverse of `split`: two words stand together only where `split` parts them again.
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


def _blank_between(words: Sequence[str], at: int, *, quoted: bool) -> bool:
    """Whether a blank stands before `words[at]`; `quoted` says if a quotation is open there."""
    left, right = words[at - 1], words[at]
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


def _pre_tokenizer(*, tokenised: bool) -> pre_tokenizers.PreTokenizer:
    if tokenised:
        return pre_tokenizers.WhitespaceSplit()
    return pre_tokenizers.Split(_WORD, behavior="removed", invert=True)


def _tokenizer(model: WordLevel, tokenised: bool) -> Tokenizer:
    tokenizer = Tokenizer(model)
    if not tokenised:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = _pre_tokenizer(tokenised=tokenised)
    return tokenizer
