"""Word patterns for all scripts: combining marks, and scripts written without blanks."""

import re
import unicodedata
from functools import cache

# Han, Kana, Thai, Lao, Tibetan, Myanmar and Khmer write no blanks between words.
_UNSPACED = (
    "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e50-\u0e59"  # Thai
    "\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0ed0-\u0edf"  # Lao
    "\u0f00\u0f20-\u0f33\u0f40-\u0f6c\u0f88-\u0f8c"  # Tibetan
    "\u1000-\u102a\u103f-\u1055\u1780-\u17b3\u17dc"  # Myanmar, Khmer
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
)
_UNSPACED_BEYOND = "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
_WIDEST = "\uffff"  # beyond it, character classes are ten times slower
_WORD_CHARACTERS = re.compile(r"\w+")
UNSPACED = re.compile(f"[{_UNSPACED}{_UNSPACED_BEYOND}]")


@cache
def _marks(*, beyond: bool) -> str:
    """Returns all combining marks as the inside of a character class."""
    codes = (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0)) if beyond else range(0x300, 0x10000)
    return "".join(chr(code) for code in codes if unicodedata.category(chr(code)).startswith("M"))


@cache
def word_pattern(*, beyond: bool) -> re.Pattern[str]:
    """Compiles the pattern of words in any script.

    Args:
        beyond: True for texts with characters beyond U+FFFF.

    Returns:
        A pattern of a word: a run of letters, digits and their combining marks, with hyphens or
        apostrophes inside it; a character of a script without blanks, with its marks; or any other
        character.
    """
    mark = f"[{_marks(beyond=beyond)}]"
    letter = rf"[^\W{_UNSPACED}{_UNSPACED_BEYOND if beyond else ''}]"
    run = rf"{letter}++(?>(?:{mark}++{letter}*+)*)"
    return re.compile(rf"{run}(?>(?:['-]{run})*)|<unk>|\S{mark}*+")


@cache
def _special() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED}{_marks(beyond=False)}]")


def words_of_any_script(text: str) -> list[str] | None:
    """Splits a text with combining marks or an unspaced script into words; None without these."""
    if not _is_special(text):
        return None
    return word_pattern(beyond=max(text) > _WIDEST).findall(text)


def runs_of_letters(text: str) -> list[str]:
    """Returns the runs of letters, digits and combining marks in a text."""
    return (_letters() if _is_special(text) else _WORD_CHARACTERS).findall(text)


def _is_special(text: str) -> bool:
    return max(text, default="") > _WIDEST or _special().search(text) is not None


@cache
def _letters() -> re.Pattern[str]:
    return re.compile(rf"\w++(?>(?:[{_marks(beyond=True)}]++\w*+)*)")


def begins_with_mark(word: str) -> bool:
    """True if a word begins with a combining mark, and so would join the word before it."""
    return unicodedata.category(word[0]).startswith("M")


def both_unspaced(left: str, right: str) -> bool:
    """True if both words are of scripts written without blanks."""
    return UNSPACED.match(left) is not None and UNSPACED.match(right) is not None
