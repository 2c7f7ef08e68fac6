"""Selects abstracts by the phrases in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from patentlm.data.normalisation import is_plain, normalise, unescape
from patentlm.errors import ConfigError

_FORMS = "write a phrase, or {all: [PHRASE, …], any: [PHRASE, …]}, or null for all abstracts"


@dataclass(frozen=True)
class Query:
    """Phrases to find in a text, also inside words.

    Case, white space, HTML entities and everything that `normalise` unifies are ignored, in phrases
    and in texts.

    Args:
        all: phrases that must all occur.
        any: phrases of which at least one must occur, if there are any.

    Example:
        >>> Query(all=(), any=("neural network",)).matches("Neural  networks learn.")
        True
    """

    all: tuple[str, ...]
    any: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "all", tuple(map(_plain, self.all)))
        object.__setattr__(self, "any", tuple(map(_plain, self.any)))

    @classmethod
    def parse(cls, value: str | Mapping[str, Sequence[str]] | None) -> "Query":
        """Parses a setting: None, a phrase, or a mapping with `all` and `any`.

        Raises:
            ConfigError: if it is anything else, or has an empty phrase.
        """
        if value is None:
            return cls((), ())
        phrases = {"all": value} if isinstance(value, str) else value
        if not isinstance(phrases, Mapping) or not phrases.keys() <= {"all", "any"}:
            raise ConfigError(f"data.query={value!r} is not a query: {_FORMS}")
        return cls(_phrases("all", phrases), _phrases("any", phrases))

    def matches(self, text: str) -> bool:
        """True if the text, once normalised, has the phrases."""
        if not self.all and not self.any:
            return True
        # rejects most texts in a third of the time of normalising
        # Of control characters only NUL is looked for here: all of them would take as long as the
        # search itself.
        if text.isascii() and not ("&" in text or "\\" in text or "\0" in text):
            found = text.lower().__contains__
            if not self._holds(lambda phrase: all(map(found, phrase.split()))):
                return False
        return self._holds(_plain(text).__contains__)

    def _holds(self, found: Callable[[str], bool]) -> bool:
        return all(map(found, self.all)) and (not self.any or any(map(found, self.any)))

    def __str__(self) -> str:
        parts = [" and ".join(map(repr, self.all)), " or ".join(map(repr, self.any))]
        return " and one of ".join(filter(None, parts)) or "everything"


def _phrases(key: str, query: Mapping[str, object]) -> tuple[str, ...]:
    value = query.get(key, ())
    phrases = [value] if isinstance(value, str) else value
    if not isinstance(phrases, Sequence) or not all(isinstance(some, str) for some in phrases):
        raise ConfigError(f"data.query.{key}={value!r} is not a list of phrases: {_FORMS}")
    if not all(map(_plain, phrases)):
        raise ConfigError(f"data.query.{key}={value!r} holds an empty phrase: {_FORMS}")
    return tuple(phrases)


def _plain(text: str) -> str:
    if is_plain(text):
        return " ".join(text.split()).lower()
    text = normalise(text)
    return (normalise(unescape(text)) if "&" in text else text).casefold()
