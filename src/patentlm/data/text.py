"""Text ↔ words.

A word is a run of letters and digits, with hyphens or apostrophes inside it, or a single other
character, in lower case. Combining marks belong to their character, and scripts without blanks are
read character by character. `detokenize` writes words as natural text, and
`tokenize(detokenize(words)) == words` for all words that `tokenize` makes.
"""

import re
import string
from collections.abc import Iterable, Sequence

from patentlm.data.scripts import begins_with_mark, both_unspaced, words_of_any_script

_WORD = re.compile(  # without combining marks and unspaced scripts, equal to `word_pattern`
    r"\w++(?>(?:['-]\w++)*)|<unk>|\S"
)
_ALONE = [sign for sign in string.punctuation if sign not in "'-_<"]
_EDGES = [pair for mark in "'-" for pair in (f" {mark}", f"{mark} ", f"{mark}'", f"{mark}-")]
_CLOSING = frozenset(".,;:!?%)]}”、。")
_OPENING = frozenset("([{“")
_SENTENCE_END = frozenset(".!?")


def tokenize(text: str) -> list[str]:
    """Splits a text into words in lower case.

    Example:
        >>> tokenize("A feed-forward net, 1.5 mm.")
        ['a', 'feed-forward', 'net', ',', '1', '.', '5', 'mm', '.']
    """
    return split_words(text.lower())


def split_words(text: str) -> list[str]:
    """Splits a text into words and keeps their case."""
    if not text.isascii():
        words = words_of_any_script(text)
        return _WORD.findall(text) if words is None else words
    if not text.isprintable() or "<" in text:
        return _WORD.findall(text)
    apart = f" {text} "  # the rest gives the same as _WORD, twice as fast
    for sign in _ALONE:
        if sign in apart:
            apart = apart.replace(sign, f" {sign} ")
    return _WORD.findall(text) if any(edge in apart for edge in _EDGES) else apart.split()


def detokenize(words: Sequence[str]) -> str:
    """Joins words into natural text: blanks where they belong, sentences capitalised.

    The inverse of `tokenize`: no blank is left out where `tokenize` needs it.

    Example:
        >>> detokenize(["a", "net", ",", "1", ".", "5", "mm", "."])
        'A net, 1.5 mm.'
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
    """Finds the words in the text that `detokenize` made of them.

    Args:
        text: the text; words follow each other with a blank or with nothing between them.
        words: the words in order.

    Returns:
        The index of each word's first character.

    Example:
        >>> word_starts("A net.", ["a", "net", "."])
        [0, 2, 5]
    """
    starts, end = [], 0
    for word in words:
        starts.append(end + (text[end] == " "))
        end = starts[-1] + len(word)
    return starts


def _blank_between(words: Sequence[str], at: int, *, quoted: bool) -> bool:
    """True if a blank stands before `words[at]`; `quoted` is True inside a quotation."""
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
    """True if the dot before `words[at]` is part of a number (1.5) or an abbreviation (e.g.)."""
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
