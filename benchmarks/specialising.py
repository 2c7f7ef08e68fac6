"""Pre-training and then specialising: what it brings, and what is forgotten, by learning rate.

    python -m benchmarks.specialising [--texts 6000] [--few 300]

The texts are generated: the words of each subject are as frequent as Zipf's law has it, in an order
of its own, and each prefers a few successors, half of them those of all subjects. A general corpus
has texts of many subjects; a small one has few texts of one of them, with some words of its own.
`experiment=pretrain` learns the general corpus; `experiment=specialise` goes on from there with the
small one, at several learning rates, and beside it the same run starts from nothing. All networks
are small. Each is scored on the test set of the subject and on that of the general corpus:
forgetting is how much the perplexity of the latter rises. Perplexities are those of each network's
own vocabulary, whose share of unknown words is given. Prints a table and writes
`benchmarks/results/specialising.json`.
"""

import importlib
import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import patentlm
from benchmarks import results
from benchmarks.large_vocabulary import spelled
from patentlm.data.arrays import Int64Array
from patentlm.data.corpus import encode_texts
from patentlm.data.words import UNK

SUBJECTS, WORDS, OWN = 8, 400, 20
"""Subjects of the general corpus; words that all texts share; words that only the small one has."""
SUCCESSORS, FAITHFUL, LENGTH = 4, 0.6, 40
"""Words that a word prefers to be followed by, how often it is, and the words of a text."""
RATES = ("1e-4", "5e-4", "2e-3")
SMALL = (
    "trainer=cpu", "trainer.precision=32-true", "model.layers=1", "model.hidden_size=64",
    "model.embedding_size=64", "windows.batch_size=16", "scheduler.warmup_steps=20",
    "callbacks.progress.refresh_rate=0", "callbacks.word_vectors=null", "samples.count=1",
    "samples.max_words=10",
)  # fmt: skip
TITLE = "Pre-training, then specialising, on generated texts"
NOTE = (
    "Learning rates are those of `experiment=specialise`. Forgetting is the rise of the general "
    "corpus's perplexity. `unknown`: words of the general test set that the vocabulary lacks."
)


def texts(subjects: Sequence[int], count: int, *, own: int, seed: int) -> list[str]:
    """Texts of some subjects by turns, with so many words that no other text has."""
    draw = np.random.default_rng(seed)
    frequencies = 1 / np.arange(2, WORDS + own + 2)
    frequencies /= frequencies.sum()
    made = {subject: _habits(subject, own) for subject in subjects}
    found = []
    for number in range(count):
        order, successors = made[subjects[number % len(subjects)]]
        text = order[draw.choice(WORDS + own, size=LENGTH, p=frequencies)]
        follows, which = draw.random(LENGTH) < FAITHFUL, draw.integers(SUCCESSORS, size=LENGTH)
        for at in range(1, LENGTH):
            if follows[at]:
                text[at] = successors[text[at - 1], which[at]]
        found.append(" ".join(spelled(int(word)) for word in text))
    return found


def _habits(subject: int, own: int) -> tuple[Int64Array, Int64Array]:
    """The words of a subject, the most frequent first, and the successors of each: those of every
    second word are the same in all subjects."""
    shared, rng = np.random.default_rng(0), np.random.default_rng([1, subject])
    successors = shared.integers(WORDS, size=(WORDS + own, SUCCESSORS))
    order = rng.permutation(WORDS)
    successors[1::2] = order[rng.integers(WORDS // 4, size=successors[1::2].shape)]
    places = np.arange(own) * (WORDS // max(1, own)) + 5  # some of them frequent, others not
    return np.insert(order, places, np.arange(WORDS, WORDS + own)), successors


def write_corpus(folder: Path, subjects: Sequence[int], count: int, *, own: int) -> list[str]:
    """The three files of `data=corpus`; returns the texts of test."""
    folder.mkdir()
    sizes = {"train": count, "valid": max(count // 10, 50), "test": 200}
    for seed, (split, size) in enumerate(sizes.items(), 1):
        found = texts(subjects, size, own=own, seed=seed)
        (folder / f"{split}.txt").write_text("\n".join(found) + "\n", "utf-8")
    return found


def train(folder: Path, data: Path, *settings: str) -> Path:
    """Runs `train.py` in this process; returns the run's folder."""
    asked = ["data=corpus", f"data.path={data}", *SMALL, f"hydra.run.dir={folder}", *settings]
    sys.argv = ["train.py", *asked]
    importlib.import_module("train").main()
    return folder


def row(name: str, run: Path, subject: list[str], general: list[str]) -> dict[str, str | float]:
    """What a run came to on both test sets."""
    model = patentlm.load(run)
    unknown = np.mean(encode_texts(general, model.vocabulary) == UNK)
    return {
        "network": name,
        "subject, perplexity": round(model.perplexity(subject), 1),
        "general, perplexity": round(model.perplexity(general), 1),
        "unknown": f"{unknown:.1%}",
    }


def measure(base: Path, count: int, few: int) -> list[dict[str, str | float]]:
    """All runs, one after the other."""
    os.environ["PATENTLM_CACHE"] = str(base / "cache")
    general = write_corpus(base / "texts", range(SUBJECTS), count, own=0)
    subject = write_corpus(base / "subject", [SUBJECTS - 1], few, own=OWN)
    first = train(base / "general", base / "texts", "experiment=pretrain")
    rows = [row("pre-trained", first, subject, general)]
    before = json.loads((first / "metrics.json").read_text("utf-8"))["test/perplexity"]
    alone = train(base / "alone", base / "subject", "experiment=specialise", "optimizer.lr=2e-3")
    rows.append(row("from nothing, lr 2e-3", alone, subject, general))
    for rate in RATES:
        settings = ("experiment=specialise", f"init_from={first}", f"optimizer.lr={rate}")
        run = train(base / rate, base / "subject", *settings)
        found = row(f"specialised, lr {rate}", run, subject, general)
        rise = float(found["general, perplexity"]) / before - 1
        rows.append({**found, "forgetting": f"{rise:+.0%}"})
    return rows


def main() -> None:
    """Measures, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=6000, help="of the general corpus")
    parser.add_argument("--few", type=int, default=300, help="texts of the subject")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="patentlm-specialising-") as base:
        command = results.running_command()
        table = measure(Path(base), arguments.texts, arguments.few)
    results.write("specialising", TITLE, table, seed=1, note=NOTE, command=command)


if __name__ == "__main__":
    main()
