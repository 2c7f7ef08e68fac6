"""Random texts for the whole way from a record to words and back, checked by what must hold.

    python -m benchmarks.fuzz_text --inputs 100000 --seed 1

Each text goes through normalising, cleaning, the query, the tokenizer and back, in the words of
random marks, scripts, entities, tags and codes. A text fails if anything is raised, if it takes
longer than five seconds, or if cleaning, normalising or writing a second time changes it.
`check` is what a test or another fuzzer calls with a text of its own.
"""

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from hydra.utils import instantiate
from omegaconf import OmegaConf

from patentlm.data.cleaning import Cleaning
from patentlm.data.ingest import day_number, digest, fold
from patentlm.data.normalisation import normalise, unescape
from patentlm.data.query import Query
from patentlm.data.text import detokenize, tokenize
from patentlm.progress import progress

CLEANING: Cleaning = instantiate(
    OmegaConf.load(Path(__file__).parent.parent / "conf/data/base/patents.yaml").cleaning
)
MOST_SECONDS = 5
_MEANINGFUL = """
&amp; &amp amp; &#38; &#x26; &lt; &gt; &quot; &#8220 &copy &notit; &agr; ## ##EQU1## PA1 #CMT# (10)
(1 2a) FIG. (FIG. (2S,3R)-2 <sub> </sub> <sup> <br/> <p id='1'> <!-- --> <? ?> < > .sub. .sup.
.alpha. .degree. .times. {overscore (x)} {a over ( {square root (2)} \\n \\t \\theta $ " "" ' - --
's e.g. 1.5 10\u2076 3\xbd CO\u2082 \u2122 <unk> <end> \u0928\u0947\u091f \u7f51\u7edc
\u0e17\u0e35\u0e48 \u30ab\u30e1 \xe9 \xdf \u0130 \u0149 \ufb01
"""
_FRAGMENTS = _MEANINGFUL.split()
_CHARACTERS = " \t\n\r\0\x1c\x85\xa0\xad\u0301\u0345\u200b\u200d\u2028\ufeff\ufffd\ud83d\U0001f600"


def random_text(rng: random.Random) -> str:
    """A text of fragments that mean something to some step, and of arbitrary characters."""
    makers: list[Callable[[], str]] = [
        lambda: rng.choice(_FRAGMENTS),
        lambda: rng.choice(_FRAGMENTS) * rng.randrange(1, 30),
        lambda: rng.choice(_CHARACTERS),
        lambda: chr(rng.randrange(0x20, 0x7F)),
        lambda: chr(rng.randrange(0x110000)),
        lambda: "".join(rng.choices("abcxyz 0123456789.,;:()", k=rng.randrange(1, 12))),
    ]
    parts = [rng.choice(makers)() for _ in range(rng.randrange(1, 40))]
    return rng.choice(["", " "]).join(parts)


def check(text: str) -> None:
    """Raises if something does not hold for a text.

    Args:
        text: any.

    Raises:
        AssertionError: with the rule that is broken.
    """
    begun = perf_counter()
    plain = normalise(text)
    assert normalise(plain) == plain, "normalising twice is normalising once"
    assert unescape(unescape(text)) == unescape(text), "unescaping twice is unescaping once"
    clean = CLEANING(text)
    assert CLEANING(clean) == clean, "cleaning twice is cleaning once"
    assert clean == " ".join(clean.split()), "blanks are single"
    words = tokenize(clean)
    assert tokenize(detokenize(words)) == words, "what is written is read as it was"
    assert detokenize(tokenize(detokenize(words))) == detokenize(words), "writing is stable"
    assert all(tokenize(word) == [word] for word in words), "a word is a word alone"
    assert digest(clean) == digest(fold(clean)), "folding twice is folding once"
    if plain:
        assert Query.parse(plain).matches(text), "a text holds itself"
    assert 0 <= day_number(text) < 30_000_000, "a day is a number of eight digits"
    assert perf_counter() - begun < MOST_SECONDS, f"more than {MOST_SECONDS} seconds"


def main() -> None:
    """Checks as many texts as asked for; ends with 1 if any fails."""
    parser = argparse.ArgumentParser(description="Fuzzes the way from a record to words and back.")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failed = 0
    for number in progress("Fuzzing texts", range(arguments.inputs), unit="texts"):
        text = random_text(random.Random(f"{arguments.seed}/{number}"))
        try:
            check(text)
        except Exception as error:
            failed += 1
            print(f"{number}: {type(error).__name__}: {error}: {text!r}", file=sys.stderr)
    print(f"{arguments.inputs:,} texts, {failed:,} failed")
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
