"""The built-in corpus: synthetic patents from a seeded grammar, for runs that have no file.

The grammar is data, in `sample_grammar.json`. A production is text with slots: `{name}` stands for
one of the options of that name, `{a|b|c}` for one of those listed on the spot. No stretch of fixed
words is long, so that two abstracts seldom share more than a phrase. `domains` holds what each kind
of invention talks about (`data` and `result` are plural, `task` is a gerund, `act` an infinitive
without "to"), `phrases` words of any domain, and `sentences` whole sentences, those of `closing`
for continuations only.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from patentlm.data.records import Patent

WORDS_LEAST, WORDS_MOST = 40, 110
SENTENCES_MOST = 5

# Like the real patents: continuations repeat or barely change their parent's abstract, and some
# abstracts are missing. A split must keep near-duplicates together, so the sample has them too.
DUPLICATES, NEAR_DUPLICATES, EMPTY = 0.06, 0.06, 0.015

# The sentences of an abstract in order; the first one names the network in full.
PLANS: tuple[tuple[str, ...], ...] = (
    ("claim", "advantage"),
    ("claim", "train"),
    ("claim", "hardware"),
    ("claim", "train", "advantage"),
    ("opening", "train", "advantage"),
    ("opening", "acquire", "infer"),
    ("opening", "infer", "hardware"),
    ("opening", "acquire", "train", "infer"),
    ("opening", "train", "infer", "advantage"),
    ("opening", "acquire", "hardware", "advantage"),
    ("opening", "acquire", "train", "infer", "advantage"),
    ("opening", "train", "hardware", "infer", "advantage"),
)

# Besides a domain's own words, the phrases of which an abstract uses a single one.
KEPT = ("system", "method", "algorithm", "weights")

# What a continuation changes in its parent's abstract.
REWORDINGS: dict[str, str] = {
    "a": "one",
    "the": "said",
    "can": "may",
    "having": "with",
    "system": "installation",
    "method": "procedure",
    "produces": "provides",
    "includes": "involves",
    "trained": "taught",
    "using": "employing",
    "then": "subsequently",
}

FIRST_GRANT = date(1985, 1, 1)  # a Tuesday, the day on which US patents are granted
WEEKS = 1774  # to the first Tuesday after 2018

SLOT = re.compile(r"\{([^{}]*)\}")
ARTICLE_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeio]|u(?!ni|se))")

Options = Mapping[str, Sequence[str]]


@cache
def grammar() -> dict[str, Any]:
    """Returns the grammar: `domains`, a list of options by name, `phrases` and `sentences`."""
    text = files("patentlm.data").joinpath("sample_grammar.json").read_text("utf-8")
    parts: dict[str, Any] = json.loads(text)
    return parts


def sample_patents(*, count: int, seed: int) -> Iterator[Patent]:
    """Yields synthetic patents in order of grant; patent i does not depend on `count`.

    Args:
        count: number of patents.
        seed: random seed.
    """
    for index in range(count):
        title, abstract = _title_and_abstract(seed, index)
        yield Patent(
            abstract=abstract,
            id=f"SYNTHETIC-{index + 1:06d}",
            date=_grant_date(index),
            title=title,
        )


def _grant_date(index: int) -> str:
    # The dates approach the end without reaching it, however long the corpus is.
    week = WEEKS * index // (index + 1000)
    return (FIRST_GRANT + timedelta(weeks=week)).isoformat()


def _title_and_abstract(seed: int, index: int) -> tuple[str, str]:
    rng, role = _role(seed, index)
    if role in {"original", "empty"}:
        title, sentences = _write(rng)
        return title, " ".join(sentences) if role == "original" else ""
    parent_rng = _parent(rng, seed, index)
    title, sentences = _write(parent_rng)
    if role == "near-duplicate":
        sentences = _vary(rng, sentences)
    return title, " ".join(sentences)


def _role(seed: int, index: int) -> tuple[Random, str]:
    """Returns the patent's random generator, advanced by one draw, and the kind it drew."""
    rng = Random(f"{seed}/{index}")
    draw = rng.random()
    if index == 0 or draw >= DUPLICATES + NEAR_DUPLICATES + EMPTY:
        return rng, "original"
    if draw < DUPLICATES:
        return rng, "duplicate"
    return rng, "near-duplicate" if draw < DUPLICATES + NEAR_DUPLICATES else "empty"


def _parent(rng: Random, seed: int, index: int) -> Random:
    """Returns the generator of an earlier original; the first patent is always an original."""
    while True:
        parent, role = _role(seed, rng.randrange(index))
        if role == "original":
            return parent


def _write(rng: Random) -> tuple[str, list[str]]:
    """Writes a title and the sentences of an abstract of the allowed length."""
    slots = _invention(rng)
    title = _sentence("title", slots, rng)
    while True:
        sentences = [_sentence(name, slots, rng) for name in rng.choice(PLANS)]
        if _fits(sentences):
            return title, sentences


def _invention(rng: Random) -> Options:
    """Draws what stays the same through an abstract: the words of its domain and its network."""
    domain = rng.choice(grammar()["domains"])
    chosen = {name: (rng.choice(options),) for name, options in domain.items()}
    chosen |= {name: (rng.choice(_options(name)),) for name in KEPT}
    data, extra = rng.sample(domain["data"], 2)
    network = rng.choice(_options("network"))
    name, _, acronym = network.rstrip(")").partition(" (")
    later = (acronym,) if acronym else (name, "network")
    chosen |= {"data": (data,), "extra": (extra,)}
    return chosen | {"network": (network,), "kind": (name,), "net": later}


def _vary(rng: Random, sentences: list[str]) -> list[str]:
    """Makes a near-duplicate: another closing sentence or a few other words."""
    if rng.random() < 0.5:
        # Without a long last sentence, too little of the parent would remain.
        is_short = 4 * _word_count(sentences[-1:]) < _word_count(sentences)
        varied = [*sentences[: -1 if is_short else None], _sentence("closing", {}, rng)]
        if len(varied) <= SENTENCES_MOST and _fits(varied):
            return varied
    return _reword(rng, sentences)


def _reword(rng: Random, sentences: list[str]) -> list[str]:
    # A changed word breaks up to five runs of five words, so one in twenty keeps three quarters.
    words = " ".join(sentences).split(" ")
    places = [place for place, word in enumerate(words) if word in REWORDINGS]
    most = max(1, len(words) // 20)
    for place in rng.sample(places, min(len(places), rng.randint(1, most))):
        words[place] = REWORDINGS[words[place]]
    return [ARTICLE_BEFORE_VOWEL.sub(r"\1n ", " ".join(words))]


def _fits(sentences: list[str]) -> bool:
    return WORDS_LEAST <= _word_count(sentences) <= WORDS_MOST


def _word_count(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)


def _sentence(name: str, slots: Options, rng: Random) -> str:
    text = ARTICLE_BEFORE_VOWEL.sub(r"\1n ", _expand(name, slots, rng))
    return text[0].upper() + text[1:]


def _expand(slot: str, slots: Options, rng: Random) -> str:
    """Returns a random text for a slot, with its own slots filled."""
    options = slots.get(slot) or _options(slot)
    first, *rest = _parts(options[int(rng.random() * len(options))])
    if not rest:
        return first
    filled = [_expand(part, slots, rng) if at % 2 == 0 else part for at, part in enumerate(rest)]
    return first + "".join(filled)


@cache
def _options(slot: str) -> Sequence[str]:
    if "|" in slot:
        return slot.split("|")
    options: Sequence[str] = (grammar()["sentences"] | grammar()["phrases"])[slot]
    return options


@cache
def _parts(production: str) -> tuple[str, ...]:
    """Splits a production into fixed text and slot names, alternating, fixed text at both ends."""
    return tuple(SLOT.split(production))
