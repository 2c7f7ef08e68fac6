"""Replaces tags, and the codes that patents of 1976 to 2000 use for non-ASCII text."""

# ruff: noqa: RUF001 (signs that look like letters are what this is about)

import re
import unicodedata
from collections.abc import Set
from functools import partial

_INLINE = (
    "a abbr acronym b big cite code del dfn em figref font i ins italic kbd mark o q s samp small "
    "smallcaps span strike strong sub sub2 sup sup2 tt u underline var"
)
_BLOCK = (
    "abstract address article blockquote body br caption center chemistry claim claim-text col dd "
    "div dl dt entry figure h1 h2 h3 h4 h5 h6 head heading hr html img li math maths nobr ol p "
    "para patcit nplcit pre row section table tables tbody td text tfoot tgroup th thead title tr "
    "ul"
)
_VALUE = r"""(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|[^\s"'<>=]{1,200})"""
_ATTRIBUTE = rf"\s+[\w:.-]+\s*=\s*{_VALUE}"
_KNOWN = "|".join(f"{_INLINE} {_BLOCK}".split())
# A tag that is not known has attributes, a slash or a partner with one; "x <y and z> w" has none.
_TAG = re.compile(
    rf"<(?:/?(?P<known>{_KNOWN})\b(?:{_ATTRIBUTE})*\s*/?"
    rf"|/[A-Za-z][\w:.-]{{0,60}}\s*|(?P<opens>[A-Za-z][\w:.-]{{0,60}})|[A-Za-z][\w:.-]{{0,60}}(?:{_ATTRIBUTE})+\s*/?"
    r"|[A-Za-z][\w:.-]{0,60}\s*/|!--.{0,1000}?--|\?[A-Za-z][^<>]{0,500}\?)>",
    re.IGNORECASE | re.DOTALL,
)
_CLOSING = re.compile(r"</([A-Za-z][\w:.-]{0,60})\s*>")
_INLINE_NAMES = frozenset(_INLINE.split())

_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma "
    "tau upsilon phi chi psi omega"
)
_GREEK = dict(zip(_LETTERS.split(), "αβγδεζηθικλμνξοπρστυφχψω", strict=True))
_SIGNS = _GREEK | {name.upper(): letter.upper() for name, letter in _GREEK.items()} | {
    "about": "~", "ANG": "Å", "angle": "∠", "Angstrom": "Å", "apprxeq": "≈", "approxeq": "≈",
    "backslash": "\\", "cndot": "·", "multidot": "·", "congruent": "≅", "dagger": "†",
    "degree": "°", "di-elect cons": "∈", "differential": "∂", "div": "÷", "dwnarw": "↓",
    "fwdarw": "→", "gradient": "∇", "gtoreq": "≥", "gtoreq-slant": "≥", "gtorsim": "≳",
    "ident": "≡", "infin": "∞", "intg": "∫", "larw": "←", "ltoreq": "≤", "ltoreq-slant": "≤",
    "ltorsim": "≲", "noteq": "≠", "parallel": "∥", "part": "∂", "perp": "⊥", "pm": "±",
    "+-": "±", "-+": "∓", "prime": "′", "quadrature": "□", "rarw": "←", "revarrow": "⇌",
    "revreaction": "⇌", "sctn": "§", "sqroot": "√", "square": "□", "square root": "√",
    "tbd": "≡", "dbd": "=", "thrfore": "∴", "times": "×", "uparw": "↑", "varies": "∝",
    "vertline": "|", "circle-solid": "●", "circleincircle": "⊚", "largecircle": "○",
    "sym": "~", "andgate": "∧", "orgate": "∨", "function": "ƒ",
    "perspectiveto": "⌅", "star": "*", "permill": "‰", "plusmn": "±", "hivin": "⋮",
}  # fmt: skip
_SIGN = re.compile(rf"\.({'|'.join(map(re.escape, sorted(_SIGNS, key=len, reverse=True)))})\.")
_PERHAPS_CODE = re.compile(r"\.[A-Za-z+-]")
_REISSUED = re.compile(r"\.Iadd(?:end)?\.")  # around what a reissue adds
_SCRIPT = re.compile(r"\.(su[bp]|s[bp]s[bp])\.")

_MARKS = {
    "acute over": "\u0301", "breve over": "\u0306", "cedilla over": "\u0327",
    "circumflex over": "\u0302", "dot over": "\u0307", "grave over": "\u0300",
    "hacek over": "\u030c", "haeck over": "\u030c", "overscore": "\u0304", "macron over": "\u0304",
    "right arrow over": "\u20d7", "ring over": "\u030a", "tilde over": "\u0303",
    "umlaut over": "\u0308", "double dot over": "\u0308", "underscore": "\u0331",
}  # fmt: skip
_BRACES = re.compile(
    rf"\{{({'|'.join(_MARKS)}|square root over|fraction|[a-z ]{{1,30}} over) ?\(([^(){{}}]*)\)\}}"
)


def strip_tags(text: str) -> str:
    """Removes HTML and XML tags and comments.

    Inline tags such as `<sub>` are removed, others replaced by a blank. Where digits would run
    together, `<sup>` becomes `^` and other tags a blank. Comparisons such as `x < y` are kept.

    Args:
        text: any text.

    Returns:
        The text without them.

    Example:
        >>> strip_tags("CO<sub>2</sub> of 10<sup>6</sup> Pa,<br/>x < y")
        'CO2 of 10^6 Pa, x < y'
    """
    closed = {name.lower() for name in _CLOSING.findall(text)}
    return _TAG.sub(partial(_without_tag, closed=closed), text)


def _without_tag(tag: re.Match[str], closed: Set[str]) -> str:
    if tag["opens"] and tag["opens"].lower() not in closed:
        return tag[0]
    name = (tag["known"] or "").lower()
    if name not in _INLINE_NAMES:
        return " " if name or not tag[0].startswith(("<!", "<?")) else ""
    if name in ("sup", "sup2") and not tag[0].startswith("</"):
        return _before_raised(tag)
    return _between(tag)


def _between(gone: re.Match[str]) -> str:
    """Returns a blank if removing the match would join two digits, else an empty text."""
    before, after = _neighbours(gone)
    return " " if before.isdecimal() and after.isdecimal() else ""


def _before_raised(gone: re.Match[str]) -> str:
    """Returns `^` where a superscript needs it: m2, but 10^6, s^-1 and (x)^2."""
    before, after = _neighbours(gone)
    raises = before.isalnum() or before in (")", "]", "}")
    if not raises or not (after.isalnum() or after in ("+", "-", "\N{MINUS SIGN}", "(")):
        return ""
    return "" if before.isalpha() and after.isalnum() else "^"


def _neighbours(gone: re.Match[str]) -> tuple[str, str]:
    """Returns the characters before and after a match, `""` at the ends of the text."""
    text, start, end = gone.string, gone.start(), gone.end()
    return text[max(0, start - 1) : start], text[end : end + 1]


def replace_codes(text: str) -> str:
    """Replaces codes such as `.alpha.`, `.sub.2` and `{overscore (x)}` by characters.

    Args:
        text: any text.

    Returns:
        The text without them.

    Example:
        >>> replace_codes("CO.sub.2 at 25.degree. C., 10.sup.-3 .mu.m, {square root over (2)}")
        'CO2 at 25° C., 10^-3 μm, √2'
    """
    if _PERHAPS_CODE.search(text):
        text = _SIGN.sub(lambda code: _SIGNS[code[1]], text)
        text = _SCRIPT.sub(_without_script, _REISSUED.sub("", text))
    return _BRACES.sub(_without_braces, text) if "{" in text else text


def _without_script(code: re.Match[str]) -> str:
    return _before_raised(code) if code[1] in ("sup", "spsp", "sbsp") else _between(code)


def _without_braces(code: re.Match[str]) -> str:
    name, inner = code[1], code[2].strip()
    if name == "square root over":
        return f"√{inner}" if inner.isalnum() else f"√({inner})"
    if name in _MARKS and len(inner) == 1:
        return unicodedata.normalize("NFC", inner + _MARKS[name])
    return inner
