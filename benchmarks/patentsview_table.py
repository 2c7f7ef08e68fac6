"""A table as large as PatentsView's abstracts and shaped like it, of words nobody wrote.

    python -m benchmarks.patentsview_table g_patent_abstract.tsv.zip --rows 100000 --seed 1

What a table costs to prepare hangs on how long its texts are, how many different words they have
and how much of them repeats, so these were set after real patents:

- length: about 860 characters and 144 words (punctuation counted) an abstract, standard deviation
  56 words, five sentences, as in 3,522 patents on neural networks;
- frequencies of words: Zipf's law as in the same patents (first word 6 %, hundredth 0.1 %) up to
  the 40,000th, steeper behind it, so that half a million words hold about 38,000 different ones
  and 1.3 billion some millions. Patents on one topic have fewer, 13,000 in half a million, but a
  table of all topics is to be no easier than the real one. Coined words take the ranks behind the
  usual English ones; within an abstract its own terms come again;
- 5-word runs: one pair in some hundreds of unrelated abstracts shares any, by a common opening;
- rows: a tenth are exact duplicates of an earlier abstract, 3 % near-duplicates with another
  sentence, 8 % designs without text; some have figure references, quotes, entities, formula
  markers, letters beyond ASCII, and one in 200 line breaks and tabs.
"""

import argparse
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patentlm.progress import progress_bar

Ranks = NDArray[np.int64]

MEMBER = "g_patent_abstract.tsv"
BLOCK = 2000  # rows made at once

# The most frequent words of patents, best first; coined words have the ranks behind them.
_USUAL = (
    "the a of and to in an is for by with from that or at as are on be which method wherein can "
    "system based one may plurality between first second using includes device each having into "
    "comprising where more network least signal such it provided used input output same being "
    "has surface invention said also other including unit element portion layer apparatus through "
    "not connected formed when according present set their within disposed relates produce its "
    "member process so then value end circuit both disclosed means body material control generated "
    "part respective along two embodiment received corresponding relative whose during against "
    "coupled adapted thereof upon without substrate structure over time configured side image"
)
USUAL = _USUAL.split()
ONSETS = (*"bcdfghjklmnprstvwz", "ch", "cr", "gl", "pl", "st", "tr")
RHYMES = (
    *"aeiou",
    "an",
    "ar",
    "el",
    "en",
    "in",
    "on",
    "or",
)  # no coda begins a cluster: words stay different
ENDINGS = ("", "s", "ting", "ted", "ter", "tion", "ment", "tive", "der", "sing", "ness")
SYLLABLES = [onset + rhyme for onset in ONSETS for rhyme in RHYMES]
OPENINGS = (
    *("A method and apparatus for ", "The present invention relates to a ", "There is provided a "),
    *("This disclosure concerns the field of ", "A system and a method for the use of "),
    *("Disclosed is a ", "An improved ", "Embodiments of ", *[""] * 24),
)

ZIPF, BEND, ZIPF_BEHIND = 1.18, 40_000, 1.8
KNOWN = 2**17  # ranks whose words are made beforehand
TERMS, AGAIN, COMMON = 12, 0.4, 200  # an abstract's own terms, their share of all uncommon words
WORDS, DEVIATION, SENTENCE = 130, 53, 26
EARLIER = 20_000  # abstracts that can be copied
COPY, NEAR_COPY, DESIGN = 0.10, 0.03, 0.08

# What stands between two words: the usual, then what only some rows have, by share of the rows.
PLAIN = (" ", ", ", ". ", "; ")
SPECIAL: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.10, (*(f" ({number}) " for number in range(10, 99)), " (FIG. 1) ", " (12a, 14) ")),
    (0.15, (" (a) ", " (i) ", " (CPU) ", " (s) ")),
    (0.025, (' "optimal" ', ' a "soft" ')),
    (0.02, (" β ", " µm ", " 90° ", " é ")),
    (0.01, (" &#8221; ", " &amp; ", " &lt; ")),
    (0.005, (" ##EQU1## ", " ##EQU2## ", " ##STR1## ")),
    (0.005, ("\n", "\t", "\r\n")),
)
SPECIAL_BETWEEN = 0.06  # share of the places, in such rows


def write_table(path: Path, *, rows: int, seed: int) -> None:
    """Writes a .zip with the table alone in it; memory does not grow with the rows.

    The first rows are the same however many are asked for.
    """
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive,
        archive.open(MEMBER, "w", force_zip64=True) as member,
        io.TextIOWrapper(member, "utf-8", newline="") as table,
        progress_bar("Making rows", unit="rows", total=rows) as bar,
    ):
        table.write('"patent_id"\t"patent_abstract"\n')
        for block in blocks(rows, seed):
            lines = [f'"{id}"\t"{text.replace(chr(34), chr(34) * 2)}"\n' for id, text in block]
            table.write("".join(lines))
            bar.update(len(block))


def blocks(rows: int, seed: int) -> Iterator[list[tuple[str, str]]]:
    """The rows as ids with abstracts, some at once."""
    table = _Table()
    for start in range(0, rows, BLOCK):
        rng = np.random.default_rng([seed, start])
        texts = table.block(rng)[: rows - start]
        yield [(_id(start + at, text), text) for at, text in enumerate(texts)]


def texts_as_ranks(count: int, seed: int) -> Iterator[tuple[Ranks, Ranks]]:
    """Distinct abstracts such as the table has, none of them spelled: the ranks of their words and
    the lengths of the texts, some texts at once."""
    table = _Table()
    for rng, lengths in text_lengths(count, seed):
        yield table.ranks(rng, lengths), lengths


def text_lengths(count: int, seed: int) -> Iterator[tuple[np.random.Generator, Ranks]]:
    """Words of each text of `texts_as_ranks`, with what its words are drawn from."""
    for start in range(0, count, BLOCK):
        rng = np.random.default_rng([seed, start])
        yield rng, _lengths(rng)[: count - start]


def word(rank: int) -> str:
    """The word of a rank counted from 0: a different one for each, however high."""
    if rank < len(USUAL):
        return USUAL[rank]
    number = rank - len(USUAL)
    if number % 200 == 199:
        return str(number)
    stem, ending = divmod(number, len(ENDINGS))
    stem += len(SYLLABLES)  # at least two syllables
    syllables = [ENDINGS[ending]]
    while stem >= 0:
        stem, last = divmod(stem, len(SYLLABLES))
        syllables.append(SYLLABLES[last])
        stem -= 1
    joint = "-" if number % 7 == 6 else ""
    return joint.join((syllables.pop(), "".join(reversed(syllables))))


@cache
def _known_words() -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The words of the first ranks, and how they begin a sentence."""
    words = [word(rank) for rank in range(KNOWN)]
    capitals = [some.capitalize() for some in words]
    return np.array(words, dtype=object), np.array(capitals, dtype=object)


def _id(row: int, text: str) -> str:
    if not text:
        return f"D{row + 240_000:07}"
    return f"RE{row + 28_000}" if row % 1000 == 999 else str(row + 3_930_000)


class _Table:
    """Makes blocks of abstracts, and remembers some to copy from."""

    def __init__(self) -> None:
        self.earlier: list[str] = []
        self.words, self.capitals = _known_words()
        special = [text for _, texts in SPECIAL for text in texts]
        self.between = np.array([*PLAIN, *special], dtype=object)
        head = ((np.arange(BEND) + 3) / 3) ** -ZIPF
        behind = head[-1] * BEND / (ZIPF_BEHIND - 1)
        self.cumulative = head.cumsum() / (head.sum() + behind)

    def block(self, rng: np.random.Generator) -> list[str]:
        fresh = self.originals(rng)
        kinds = np.digitize(rng.random(BLOCK), np.cumsum((DESIGN, COPY, NEAR_COPY))).tolist()
        places = rng.integers(EARLIER, size=(BLOCK, 2)).tolist()
        return [
            self.row(kind, text, *some)
            for kind, text, some in zip(kinds, fresh, places, strict=True)
        ]

    def row(self, kind: int, fresh: str, one: int, other: int) -> str:
        """A design, a copy, a near-copy or a fresh abstract."""
        if kind == 0:
            return ""
        if kind == 3 or len(self.earlier) < EARLIER // 100:
            self.remember(fresh, one)
            return fresh
        text = self.earlier[one % len(self.earlier)]
        if kind == 1:
            return text
        sentences = text.split(". ")
        sentences[other % len(sentences)] = fresh.split(". ")[0]
        return ". ".join(sentences)

    def remember(self, text: str, place: int) -> None:
        if len(self.earlier) < EARLIER:
            self.earlier.append(text)
        else:
            self.earlier[place] = text

    def originals(self, rng: np.random.Generator) -> list[str]:
        """Abstracts that repeat no other."""
        lengths = _lengths(rng)
        ends = lengths.cumsum()
        ranks = self.ranks(rng, lengths)
        between = _between(rng, lengths)
        openings = [OPENINGS[at] for at in rng.integers(len(OPENINGS), size=BLOCK)]
        capital = np.roll((between == 2), 1)
        capital[ends[:-1]] = [not opening for opening in openings[1:]]
        capital[0] = not openings[0]
        pieces = np.empty((len(ranks), 2), dtype=object)
        pieces[:, 0] = self.spelled(ranks, capital)
        pieces[:, 1] = self.between[between]
        flat = pieces.ravel().tolist()
        starts = (2 * (ends - lengths)).tolist()
        return [
            (opening + "".join(flat[start:end])).rstrip()
            for opening, start, end in zip(openings, starts, (2 * ends).tolist(), strict=True)
        ]

    def ranks(self, rng: np.random.Generator, lengths: Ranks) -> Ranks:
        """Ranks of all words; among the uncommon ones an abstract's own terms come again."""
        ranks = self.zipf(rng.random(lengths.sum()))
        least = self.cumulative[COMMON]
        terms = self.zipf(least + (1 - least) * rng.random((len(lengths), TERMS)))
        again = np.flatnonzero((ranks > COMMON) & (rng.random(len(ranks)) < AGAIN))
        rows = np.repeat(np.arange(len(lengths)), lengths)[again]
        ranks[again] = terms[rows, rng.integers(TERMS, size=len(again))]
        return ranks

    def zipf(self, uniform: NDArray[np.float64]) -> Ranks:
        """Ranks by Zipf's law, of numbers from [0, 1)."""
        ranks: Ranks = np.searchsorted(self.cumulative, uniform, side="right")
        behind = ranks == BEND
        share = (1 - uniform[behind]) / (1 - self.cumulative[-1])
        ranks[behind] = BEND * share ** (-1 / (ZIPF_BEHIND - 1))
        return ranks

    def spelled(self, ranks: Ranks, capital: NDArray[np.bool_]) -> NDArray[np.object_]:
        known = np.minimum(ranks, KNOWN - 1)
        words = self.words[known]
        words[capital] = self.capitals[known[capital]]
        for at in np.flatnonzero(ranks >= KNOWN).tolist():
            rare = word(int(ranks[at]))
            words[at] = rare.capitalize() if capital[at] else rare
        return words


def _lengths(rng: np.random.Generator) -> Ranks:
    """Words of each text of a block."""
    shape = (WORDS / DEVIATION) ** 2
    return np.maximum(rng.gamma(shape, WORDS / shape, BLOCK), 12).astype(np.int64)


def _between(rng: np.random.Generator, lengths: Ranks) -> Ranks:
    """What follows each word, as places in PLAIN and then SPECIAL."""
    limits = np.cumsum((1 / SENTENCE, 0.04, 0.003))
    order = np.array((2, 1, 3, 0))
    between: Ranks = order[np.digitize(rng.random(lengths.sum()), limits)]
    sizes = np.array([len(texts) for _, texts in SPECIAL])
    kinds = np.digitize(rng.random(len(lengths)), np.cumsum([share for share, _ in SPECIAL]))
    kinds = np.repeat(kinds, lengths)
    chosen = (kinds < len(SPECIAL)) & (rng.random(len(kinds)) < SPECIAL_BETWEEN)
    kinds = kinds[chosen]
    starts = len(PLAIN) + sizes.cumsum() - sizes
    between[chosen] = starts[kinds] + (rng.random(len(kinds)) * sizes[kinds]).astype(np.int64)
    between[lengths.cumsum() - 1] = PLAIN.index(". ")
    return between


def main() -> None:
    """Writes the table that the arguments name."""
    parser = argparse.ArgumentParser(description="Writes a synthetic table of abstracts.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    write_table(arguments.path, rows=arguments.rows, seed=arguments.seed)


if __name__ == "__main__":
    main()
