"""Normalises texts, whichever program exported them, for cleaning and for the query."""

import html
import html.entities
import re
import unicodedata

_HYPHENS = "\u2010\u2011"
_APOSTROPHES = "\u2018\u2019\u201b\u02bb\u02bc\u02bd\u055a\ua78b\ua78c\u1fbd\u1fbf\u00b4"
_QUOTES = "\u201c\u201d"


def _span(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


# Control characters that are no white space, and what is invisible: soft hyphens, zero width and
# joining characters, direction marks, variation selectors, fillers.
_INVISIBLE = (
    _span(0x00, 0x08) + _span(0x0E, 0x1B) + _span(0x7F, 0x84) + _span(0x86, 0x9F)
    + "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufeff"
    + _span(0x180B, 0x180F) + _span(0x200B, 0x200F) + _span(0x202A, 0x202E)
    + _span(0x2060, 0x206F) + _span(0xFE00, 0xFE0F) + _span(0xFFF9, 0xFFFB)
    + _span(0x1BCA0, 0x1BCA3) + _span(0x1D173, 0x1D17A) + _span(0xE0000, 0xE01EF)
)  # fmt: skip
_ASCII_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f]")
_PLAIN = bytes({*range(9, 14), *range(0x20, 0x7F)} - {*b"&\\"})
_ONE_FORM = str.maketrans(
    dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys(_APOSTROPHES, "'")
    | dict.fromkeys(_QUOTES, '"')
    | dict.fromkeys(_INVISIBLE, "")
    | dict.fromkeys(_span(0xD800, 0xDFFF), "\N{REPLACEMENT CHARACTER}")
    | {"\N{FRACTION SLASH}": "/"}
)

_BEYOND = re.compile("[\U00010000-\U0010ffff]")  # separate, since a single class is slow
_OTHER_FORMS = re.compile(f"[{re.escape(''.join(chr(c) for c in _ONE_FORM if c < 0x10000))}]")

# NFKC would join these to the digits beside them: 3½ to 31/2, 10⁶ to 106.
_RAISED = "⁰¹²³⁴-⁹ⁿⁱ"
_APART = "₀-₉¼-¾⅐-⅟↉①-⒛"
_EXPONENT = re.compile(rf"(?<=\d)[⁺⁻]?[{_RAISED}]+|(?<=\w)[⁺⁻][{_RAISED}]+")
_GLUED = re.compile(rf"(?<=\d)(?=[{_APART}])|(?<=[{_APART}{_RAISED}])(?=\d)")
_SPECIAL = re.compile(rf"[⁺⁻{_RAISED}{_APART}™℠]")
_TRADE_MARK = re.compile(r" ?[™℠]+(?=(\w)?)")

# An escape that was written out, as in "first line\nSecond line". Before a word of TeX it is a
# command; \tan, which may also be a tab before "an", is one where the text has other TeX.
_ESCAPE = re.compile(r"(?<!\b[A-Za-z]:)\\+[nrt](?=([a-z]*))")
_TEX = re.compile(r"\$|\\(?:begin|end|frac|left|mathbf|mathrm|sum|sqrt|alpha|beta|[,;!{}])")
_COMMANDS = (
    "nabla natural ne nearrow neg neq newline nexists ngeq ngtr ni nleq nless nmid noindent "
    "nolimits nonumber normalsize not notin nparallel nprec nsim nsubseteq nsucc nu nwarrow rangle "
    "rbrace rbrack rceil ref renewcommand rfloor rho right rightarrow rightharpoonup rm root tan "
    "tanh tau tbinom text textbf textit textrm textsf textstyle texttt tfrac therefore theta "
    "thickapprox thicksim thinspace tilde times tiny to top triangle triangledown triangleleft "
    "triangleq triangleright tt twoheadrightarrow"
)
_TEX_COMMANDS = frozenset(_COMMANDS.split())

# HTML lost the Greek letters of SGML (ISO 8879), in which patents were typeset before 2001.
_NAMES = "a b g d e z ee th i k l m n x o p r s t u ph kh ps oh"
_SMALL = dict(zip(_NAMES.split(), "αβγδεζηθικλμνξοπρστυφχψω", strict=True))
_GREEK = {f"{name}gr;": letter for name, letter in _SMALL.items()}
_GREEK |= {f"{name.capitalize()}gr;": letter.upper() for name, letter in _SMALL.items()}
_GREEK |= {f"{name.upper()}gr;": letter.upper() for name, letter in _SMALL.items()}

_ENTITY = re.compile(
    r"#[0-9]{1,20};?|#[xX][0-9a-fA-F]{1,20}(?:;|(?![0-9A-Za-z=]))|[A-Za-z][0-9A-Za-z]*(?:;|(?!=))"
)
_ESCAPED_AGAIN = re.compile("&(?:(?:amp|AMP|#38|#x26);)+")  # the usual chains, in one step
_LONGEST_ENTITY = 40
_CHUNK = 64


def normalise(text: str) -> str:
    r"""Normalises characters that exporters write in several ways, and blanks.

    Control and invisible characters are removed; hyphens, apostrophes and double quotes become
    ASCII; lone surrogates become U+FFFD; all else is Unicode's NFKC form, except that digits are
    never joined to others.

    Args:
        text: any text.

    Returns:
        The normalised text, with single blanks and none at its ends.

    Example:
        >>> normalise("a 3½-inch\u00a0multi\u2010layer cata\u200blyst, 10⁶ of Parkinson\u2019s")
        "a 3 1/2-inch multi-layer catalyst, 10^6 of Parkinson's"
    """
    if not text.isascii():
        text = _compose(text)
    if "\\" in text:
        text = _unescape_blanks(text)
    if (
        text.isprintable() and "  " not in text
    ):  # the common and fast case: all white space is blanks
        return text.strip()
    if text.isascii():
        text = _ASCII_CONTROL.sub("", text)
    return " ".join(text.split())


def is_plain(text: str) -> bool:
    """True if a text is ASCII without control characters, entities and escapes.

    Normalising such a text changes only its blanks. The check takes about a microsecond.
    """
    return not text.encode("utf-8", "surrogatepass").translate(None, _PLAIN)


def _compose(text: str) -> str:
    text = _in_one_form(text)
    if _SPECIAL.search(text):
        text = _EXPONENT.sub(lambda found: "^" + found[0].replace("⁻", "-"), text)
        text = _TRADE_MARK.sub(lambda found: " " if found[1] else "", _GLUED.sub(" ", text))
    composed = unicodedata.normalize("NFKC", text)
    return text if composed == text else _in_one_form(composed)


def _in_one_form(text: str) -> str:
    # Translating takes ten times as long as checking whether it is needed.
    if not _OTHER_FORMS.search(text) and not _BEYOND.search(text):
        return text
    return text.translate(_ONE_FORM)


def _unescape_blanks(text: str) -> str:
    tex = _TEX.search(text) is not None

    def blank(found: re.Match[str]) -> str:
        command = found[0][-1] + found[1]
        is_command = command in _TEX_COMMANDS and (tex or command != "tan")
        return found[0] if is_command else " "

    return _ESCAPE.sub(blank, text)


def unescape(text: str) -> str:
    """Replaces HTML and SGML entities, escaped once or more often, by characters.

    A name without a semicolon is an entity only if no letter, digit or `=` follows. Entities are
    read from the end, so what follows one is final already, and time grows linearly with the text.

    Args:
        text: any text.

    Returns:
        The text without entities.

    Example:
        >>> unescape("&amp;amp;lt; R&D &copy=1")
        '< R&D &copy=1'
    """
    *parts, rest = _ESCAPED_AGAIN.sub("&", text).split("&")
    stack: list[str] = []  # the rest of the text, the next chunk last
    _push(stack, rest)
    for part in reversed(parts):
        character: str | None = "&"
        while character == "&":
            character = _pop_entity(stack)
        stack.append("&" if character is None else character)
        _push(stack, part)
    return "".join(reversed(stack))


def _push(stack: list[str], text: str) -> None:
    """Pushes a text onto the stack in short chunks, so that its beginning is found fast."""
    last = (len(text) - 1) // _CHUNK * _CHUNK
    stack.extend(text[start : start + _CHUNK] for start in range(last, -1, -_CHUNK))


def _pop_entity(stack: list[str]) -> str | None:
    """Pops the entity at the beginning of the text on the stack; returns its character."""
    if not stack or not (stack[-1][0] == "#" or stack[-1][0].isalpha()):
        return None
    begin = ""
    while stack and len(begin) < _LONGEST_ENTITY:
        begin += stack.pop()
    found = _ENTITY.match(begin)
    character = _character(found[0]) if found else None
    _push(stack, begin[found.end() :] if found and character is not None else begin)
    return character


def _character(name: str) -> str | None:
    """Returns the character of an entity such as `#8220;`, `amp;` or `amp`; else None."""
    if name.startswith("#"):
        return html.unescape(f"&{name}")
    return _GREEK.get(name) or html.entities.html5.get(name)
