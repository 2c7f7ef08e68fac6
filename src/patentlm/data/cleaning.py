"""What an exported abstract carries that its author never wrote, taken out again."""

import html
import re
import unicodedata
from dataclasses import dataclass

_TYPOGRAPHIC_QUOTES = str.maketrans("\u201c\u201d\u2018\u2019", "\"\"''")

# Exactly one CSV field. A text that only begins and ends with quoted words is none, because its
# inner quotes are not doubled.
_QUOTED_FIELD = re.compile(r'"((?:[^"]|"")*)"')

# HTML lost the Greek letters of SGML (ISO 8879), in which patents were typeset before 2001.
_GREEK_NAMES = "a|b|g|d|e|z|ee|th|i|k|l|m|n|x|o|p|r|s|t|u|ph|kh|ps|oh"
_GREEK = dict(zip(_GREEK_NAMES.split("|"), "αβγδεζηθικλμνξοπρστυφχψω", strict=True))
_GREEK_ENTITY = re.compile(f"&({_GREEK_NAMES})gr;", re.IGNORECASE)

# 12, 12a, 12', 60-62, 15.j, 30.sub.1; atomic, so that no long list can make the search explode.
_DASH = r"[-\N{EN DASH}\N{MINUS SIGN}]"
_NUMERAL = rf"(?>\d+[a-z]?(?:(?:\.sub\.|\.|{_DASH})(?:\d+[a-z]?|[a-z]))*\b['\u2032]*)"
_BETWEEN = rf"(?:[ ,;/&]|{_DASH}|(?:\. ?){{3}}|\b(?:and|or|to|through)\b)*+"
# Numbers that start with 0 are values, and 2D and 3D are dimensions: no figure shows them.
_NUMERALS = rf"(?!0|[234]D\b){_NUMERAL}(?:{_BETWEEN}{_NUMERAL})*"
_PARENTHESIS = rf"\( ?(?:(?:fig(?:ure)?s?|steps?)\b\.? ?)?{_NUMERALS} ?\)"
# A parenthesis right behind a lone letter is an argument, as in a(63).
_REFERENCES = rf"(?<!\b\w){_PARENTHESIS}(?:{_BETWEEN}{_PARENTHESIS})*"
_PERHAPS_REFERENCES = re.compile(r"\( ?(?:fig|step|\d)", re.IGNORECASE)
_MARKERS = r"##[A-Z]+[\d.'-]*##(?: ?##[A-Z]+[\d.'-]*##)*"


def _removal(pattern: str) -> re.Pattern[str]:
    # Group 1 tells whether punctuation follows, which takes no blank before it; a mark that leads
    # into a word is one of the old symbol names, as in `.alpha.`.
    return re.compile(rf" ?{pattern} ?(?=([,.;:](?!\w))?)", re.IGNORECASE)


_REFERENCE_REMOVAL = _removal(_REFERENCES)
_MARKER_REMOVAL = _removal(_MARKERS)


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Turns an exported text into the one its author wrote.

    Whatever the switches say, the result is in Unicode's NFKC form, has straight quotes, and has
    single blanks between words and none around the text. Cleaning twice is cleaning once.

    Attributes:
        quotes: take off the quotes of a field that was exported twice, and undouble those inside.
        entities: replace HTML and SGML character entities, escaped once or more often.
        figure_references: remove parenthesised reference numerals such as `(10, 12a)`, `(FIG. 1)`.
        markers: remove what stands for a formula or drawing, such as `##EQU2##`.
    """

    quotes: bool
    entities: bool
    figure_references: bool
    markers: bool

    def __call__(self, text: str) -> str:
        """Returns the clean text, which is empty where nothing but removals was left."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # no lone surrogates
        # One step can lay bare what another one looks for (`&amp;#40;10)`, quotes in quotes).
        while (cleaned := self._pass(text)) != text:
            text = cleaned
        return cleaned

    def _pass(self, text: str) -> str:
        text = _collapse(text)
        if self.quotes:  # first: the other steps can bring in quotes that are not the field's
            text = _unquote(text)
        if self.entities and "&" in text:
            text = _collapse(html.unescape(_GREEK_ENTITY.sub(_greek_letter, text)))
        if not text.isascii():
            text = _collapse(unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHIC_QUOTES))
        # The searches for removals are slow, and most texts have none.
        if self.figure_references and _PERHAPS_REFERENCES.search(text):
            text = _collapse(_REFERENCE_REMOVAL.sub(_gap, text))
        if self.markers and "##" in text:
            text = _collapse(_MARKER_REMOVAL.sub(_gap, text))
        return text


def _collapse(text: str) -> str:
    if text.isprintable() and "  " not in text:  # the only white space is blanks: often, and fast
        return text.strip()
    return " ".join(text.split())


def _unquote(text: str) -> str:
    field = _QUOTED_FIELD.fullmatch(text)
    return field[1].replace('""', '"') if field else text


def _greek_letter(entity: re.Match[str]) -> str:
    letter = _GREEK[entity[1].lower()]
    return letter.upper() if entity[1][0].isupper() else letter


def _gap(removed: re.Match[str]) -> str:
    return "" if removed[1] else " "
