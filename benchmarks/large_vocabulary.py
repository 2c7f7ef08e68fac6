"""Heads for 50,000 words, and byte pairs in their place: speed and how well they predict.

    python -m benchmarks.large_vocabulary [--steps 60] [--words 50000]

The text is generated: made-up words, spelled in syllables and as frequent as Zipf's law has it,
each of which prefers a few successors. One network is trained on it with each head for equally many
steps of a plain loop, on the same batches, and scored on held-out text. Byte pairs take the same
number of characters a step, about. Given are words per second while training (on a processor, per
core and second of its own time, so that other work counts little), perplexity, and bits per
character, by which words and byte pairs compare. Prints a table and writes
`benchmarks/results/large_vocabulary.json`.
"""

import math
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np

from benchmarks import results
from benchmarks.machine import add_device
from benchmarks.ours import Ours
from patentlm.evaluation.scoring import score_network
from patentlm.training import run as training

SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "un")]
SUCCESSORS, FAITHFUL = 8, 0.6
"""Words that a word prefers to be followed by, and how often it is."""
WORDS_IN_TEXT = 50
TITLE = "Heads for a large vocabulary of generated text, and byte pairs in its place"
NOTE = (
    "Equally many training steps of the same batches; perplexities of byte pairs are a piece. "
    "Tokens per second are those of one core, by processor time."
)

HEADS: Mapping[str, Sequence[str]] = {
    "softmax": (),
    "tied": ("model/head=tied",),
    "adaptive": ("model/head=adaptive",),
    "adaptive, tied": ("model/head=adaptive", "model.head.tied=true"),
    "byte pairs, softmax": ("tokenizer=bpe",),
}
COMMON = (
    "data=corpus",
    "windows=every_word",
    "windows.batch_size=16",
    "model.embedding_size=128",
    "optimizer.lr=0.005",
)


def spelled(word: int) -> str:
    """A made-up word of its own for each number."""
    parts = [SYLLABLES[word % len(SYLLABLES)]]
    while word >= len(SYLLABLES):
        word = word // len(SYLLABLES) - 1
        parts.append(SYLLABLES[word % len(SYLLABLES)])
    return "".join(parts)


def texts(count: int, *, words: int, seed: int) -> Iterator[str]:
    """Texts of so many different words, the first of which hold each word once."""
    draw = np.random.default_rng(seed)
    names = [spelled(word) for word in range(words)]
    frequencies = 1 / np.arange(2, words + 2)
    free = draw.choice(words, size=(count, WORDS_IN_TEXT), p=frequencies / frequencies.sum())
    successors = np.random.default_rng(0).choice(
        words, size=(words, SUCCESSORS), p=frequencies / frequencies.sum()
    )
    follows = draw.random((count, WORDS_IN_TEXT)) < FAITHFUL
    which = draw.integers(SUCCESSORS, size=(count, WORDS_IN_TEXT))
    for row in range(count):
        text = [free[row, 0]]
        for at in range(1, WORDS_IN_TEXT):
            preferred = successors[text[-1], which[row, at]]
            text.append(preferred if follows[row, at] else free[row, at])
        yield " ".join(names[word] for word in text)


def write_corpus(folder: Path, words: int) -> int:
    """The three files of `data=corpus`.

    Returns:
        Characters of valid, the end of each text among them.
    """
    every = [" ".join(map(spelled, range(at, min(at + 50, words)))) for at in range(0, words, 50)]
    parts = {"train": [*texts(6000, words=words, seed=1), *every]}
    parts |= {
        name: list(texts(200, words=words, seed=seed)) for name, seed in (("valid", 2), ("test", 3))
    }
    for name, lines in parts.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sum(len(line) + 1 for line in parts["valid"])


def measure(
    overrides: Sequence[str], folder: Path, device: str, steps: int, characters: int
) -> dict[str, float]:
    """Trains and scores."""
    ours = Ours([*COMMON, f"data.path='{folder}'", *overrides], folder / "run", device)
    speed = ours.bare_loop_speed(steps, process_time if device == "cpu" else perf_counter)
    score = score_network(ours.model.network, ours.data.evaluation_windows("valid"))
    return {
        "vocabulary": len(ours.data.corpus.vocabulary),
        "parameters": ours.model.network.size,
        "tokens_per_second": speed,
        "perplexity": score.perplexity,
        "bits_per_character": score.nll_sum / math.log(2) / characters,
        "characters_per_second": speed * characters / score.targets,
    }


def rows(found: Mapping[str, Mapping[str, float]]) -> list[dict[str, str | float]]:
    """A row for each head, its speed beside that of the softmax over all words."""
    plain = found["softmax"]["characters_per_second"]
    return [
        {
            "head": head,
            "vocabulary": row["vocabulary"],
            "tokens/s": round(row["tokens_per_second"]),
            "text/s ÷ softmax": round(row["characters_per_second"] / plain, 2),
            "perplexity": round(row["perplexity"], 1),
            "bits/character": round(row["bits_per_character"], 3),
        }
        for head, row in found.items()
    ]


def main() -> None:
    """Measures, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60, help="of each head (default: 60)")
    parser.add_argument("--words", type=int, default=50_000, help="different words")
    add_device(parser)
    arguments = parser.parse_args()
    training.prepare_process(seed=1)
    with TemporaryDirectory(prefix="patentlm-vocabulary-") as name:
        folder = Path(name)
        characters = write_corpus(folder, arguments.words)
        found = {}
        for head, overrides in HEADS.items():
            found[head] = measure(overrides, folder, arguments.device, arguments.steps, characters)
            print(head, found[head], file=sys.stderr, flush=True)
    table = rows(found)
    results.write("large_vocabulary", TITLE, table, seed=1, note=NOTE)


if __name__ == "__main__":
    main()
