"""Removes from exported abstracts what their authors did not write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from patentlm.data.markup import replace_codes, strip_tags
from patentlm.data.normalisation import normalise, unescape
from patentlm.data.references import removal, remove, remove_references
from patentlm.errors import ConfigError

MOST_PASSES = 50
"""Maximum passes over a text in which one removal reveals the next, to bound the time."""

# Exactly one CSV field. A text that only begins and ends with quoted words is none, because its
# inner quotes are not doubled.
_QUOTED_FIELD = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Cleans an exported text.

    The result is always normalised, see `normalise`, and cleaning it again changes nothing.

    Args:
        quotes: remove the outer quotes of a field exported twice, and undouble those inside.
        entities: replace HTML and SGML character entities, escaped once or more often.
        tags: remove HTML and XML tags, see `strip_tags`.
        codes: replace the codes of patents before 2001, see `replace_codes`.
        figure_references: remove parenthesised reference numerals such as `(10, 12a)`, `(FIG. 1)`.
        markers: regular expressions of placeholders for formulas, drawings or paragraphs to remove,
            such as `##EQU2##`; one that begins or ends with a letter or digit matches whole words.

    Raises:
        ConfigError: if a marker is not a regular expression, or matches the empty text.
    """

    quotes: bool
    entities: bool
    tags: bool
    codes: bool
    figure_references: bool
    markers: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.markers, str) or not isinstance(self.markers, Sequence):
            raise ConfigError(f"data.cleaning.markers={self.markers} is not a list; [] keeps all")
        object.__setattr__(self, "markers", tuple(self.markers))
        _ = self._marker_removal

    @cached_property
    def _marker_signs(self) -> list[re.Pattern[str]]:
        """The patterns of the markers alone, which are fast to search for."""
        try:
            signs = [re.compile(marker) for marker in self.markers]
        except (re.error, TypeError) as error:
            raise ConfigError(
                f"data.cleaning.markers={list(self.markers)} holds no regular expression "
                f"({error}); write for example data.cleaning.markers=['##[A-Z]+[0-9]*##']"
            ) from error
        for sign in signs:
            if sign.search("") is not None:
                raise ConfigError(
                    f"data.cleaning.markers: {sign.pattern!r} matches an empty text, so it would "
                    "be found everywhere; make it longer"
                )
        return signs

    @cached_property
    def _marker_removal(self) -> re.Pattern[str]:
        # not within a word
        markers = [
            rf"(?:(?<!\w)|(?!\w))(?:{sign.pattern})(?:(?!\w)|(?<!\w))"
            for sign in self._marker_signs
        ]
        marker = f"(?:{'|'.join(markers)})"
        return removal(f"{marker}(?: ?{marker})*")

    def __call__(self, text: str) -> str:
        """Returns the clean text; empty if nothing is left."""
        # One step can reveal what another looks for (`&amp;#40;10)`, quotes in quotes).
        for _ in range(MOST_PASSES):
            cleaned = self._pass(text)
            if cleaned == text:
                return text
            text = cleaned
        return normalise(text)

    def _pass(self, text: str) -> str:
        if self.quotes and '"' in text:
            # first, since other steps can produce quotes that are not the field's
            text = _unquote(text.strip())
        text = normalise(text)
        if self.entities and "&" in text:
            text = unescape(text)
        if self.tags and "<" in text:
            text = strip_tags(text)
        if self.codes:
            text = replace_codes(text)
        if self.figure_references:
            text = remove_references(text)
        if any(sign.search(text) for sign in self._marker_signs):
            text = remove(self._marker_removal, text)
        return text


def _unquote(text: str) -> str:
    field = _QUOTED_FIELD.fullmatch(text)
    return field[1].replace('""', '"') if field else text
