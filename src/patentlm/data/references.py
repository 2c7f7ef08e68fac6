"""Removes the reference numerals by which an abstract points at its drawing."""

import re

# 12, 12a, 12', 60-62, 15.j, 30.sub.1; atomic, so that no long list can make the search explode. A
# capital alone behind a dash is chemistry, as in 2,4-D.
_DASH = r"[-\N{EN DASH}\N{MINUS SIGN}]"
_LINK = rf"(?:\.sub\.|\.|{_DASH})"
_NUMERAL = rf"(?>\d+[a-z]?(?:{_LINK}\d+[a-z]?|(?:\.sub\.|\.)[a-z]|{_DASH}(?-i:[a-z]))*\b['\u2032]*)"
_BETWEEN = rf"(?>(?:[ ,;/&]|{_DASH}|(?:\. ?){{3}}|\b(?:and|or|to|through)\b)*)"
# Numbers that start with 0 are values, and 2D and 3D are dimensions: no figure shows them. Nor are
# 2S,3R figures, but configurations.
_CONFIGURATION = r"(?!(?-i:\d{1,2}[RSEZ](?: ?, ?\d{1,2}[RSEZ])+))"
_NUMERALS = rf"(?!0|[234]D\b){_CONFIGURATION}{_NUMERAL}(?:{_BETWEEN}{_NUMERAL})*"
# (2S,3R)-2-amino and (1,3)-beta-glucan are names, {square root over (2)} is a code.
_INSIDE = rf" ?(?:(?:fig(?:ure)?s?|steps?)\b\.? ?)?{_NUMERALS} ?\)(?!{_DASH}\w|\}})"
# A parenthesis right behind a lone letter is an argument, as in a(63); a (111) plane is a plane.
_NO_REFERENCE = (
    r"(?<!\b\w\()(?<!\ba \()(?<!\ban \()(?<!\bthe \()(?! ?[0-3]{3} ?\)[- ](?:crystal|direction|face"
    r"|facet|lattice|orient|plane|silicon|substrate|surface|wafer))"
)
_REFERENCES = rf"\({_NO_REFERENCE}{_INSIDE}(?:{_BETWEEN}\({_INSIDE})*"
_PERHAPS = re.compile(r"\( ?(?:fig|step|\d)", re.IGNORECASE)


def removal(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Compiles a pattern together with the blanks around it, for `remove`."""
    # Group 1 tells whether punctuation follows, which takes no blank before it; a mark that leads
    # into a word is one of the old symbol names, as in `.alpha.`.
    return re.compile(rf" ?(?:{pattern}) ?(?=([,.;:](?!\w))?)", flags)


def remove(found: re.Pattern[str], text: str) -> str:
    """Removes the matches of a `removal`, with a blank in their place between words."""
    return found.sub(lambda removed: "" if removed[1] else " ", text)


_REFERENCE_REMOVAL = removal(_REFERENCES, re.IGNORECASE)


def remove_references(text: str) -> str:
    """Removes reference numerals such as `(10, 12a)` and `(FIG. 1)`.

    Args:
        text: any text.

    Returns:
        The text without them.

    Example:
        >>> remove_references("A unit (10) of (2S,3R)-2-amino acid on a (111) plane (FIG. 1).")
        'A unit of (2S,3R)-2-amino acid on a (111) plane.'
    """
    # Searching is slow, and most texts have none.
    return remove(_REFERENCE_REMOVAL, text) if _PERHAPS.search(text) else text
