"""What training on a large table takes of memory, by windowing, and when its first step comes.

    python -m benchmarks.training_memory --rows 1600000 [--steps 60] [--folder DIR]

A prepared corpus is laid into a cache as `data=corpus` finds it: the distinct abstracts that a
table of so many rows has (see `patentsview_table`), drawn as word ids in a vocabulary of 50,000.
What preparation itself takes is measured by `prepare_scale`. Then `train.py` trains a small network
with an adaptive head on it, once with each windowing, validates, tests and reports. Memory is the
most that is resident in its process, the mapped ids included. The first step is counted from the
start of Python, in seconds and in seconds of the processor. With `--folder` the corpus is kept
there, and found by the next call. Prints a table and writes
`benchmarks/results/training_memory.json`.
"""

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

import numpy as np
import psutil
from hydra.utils import instantiate
from numpy.lib.format import open_memmap
from pytorch_lightning import Callback

from benchmarks import results
from benchmarks.memory import peak_memory
from benchmarks.ours import configured
from benchmarks.patentsview_table import COPY, DESIGN, text_lengths, texts_as_ranks
from patentlm.data.corpus import Corpus, close_texts, write_plain
from patentlm.data.preparation import prepare
from patentlm.data.words import SPECIAL, UNK

ROOT = Path(__file__).parent.parent
GIB = 2**30
MOST_MEMORY, MOST_SECONDS = 1.5, 10
WORDS, CHARACTERS = 50_000, 6
"""Of the vocabulary; of a word, about."""
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}
WINDOWS = ("many_to_one", "every_word", "abstract", "stream")
TITLE = "Memory of training on a table of {rows:,} rows"
NOTE = (
    f"At most {MOST_MEMORY} GiB and {MOST_SECONDS} s until the first step are asked for. Seconds "
    "depend on what else the machine does, seconds of the processor less so."
)
SMALL = (
    "model/head=adaptive", "model.embedding_size=64", "model.hidden_size=64", "trainer=cpu",
    "trainer.max_epochs=-1", "trainer.limit_val_batches=2", "trainer.limit_test_batches=2",
    "callbacks.word_vectors=null", "callbacks.progress.refresh_rate=0", "samples.count=1",
    "samples.max_words=10",
)  # fmt: skip


class FirstStep(Callback):
    """Notes when the first training step has ended.

    Args:
        path: the file for the seconds since the process began, and those of the processor.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_train_batch_end(self, *_: object) -> None:
        if not self.path.exists():
            process = psutil.Process()
            used = process.cpu_times()
            found = {"seconds": time() - process.create_time(), "cpu": used.user + used.system}
            self.path.write_text(json.dumps(found), "utf-8")


def make_corpus(folder: Path, rows: int) -> list[str]:
    """Settings of a corpus of so many rows, made in a folder unless it is there."""
    os.environ["PATENTLM_CACHE"] = str(folder / "cache")
    texts = folder / "texts"
    settings = ["data=corpus", f"data.path={texts}"]
    if not texts.exists():
        texts.mkdir(parents=True)
        for split in SHARES:
            (texts / f"{split}.txt").write_text(f"{split} of {rows}\n", "utf-8")
    config = configured(settings, folder)
    corpus = prepare(instantiate(config.data), instantiate(config.tokenizer))
    if corpus.counts["vocabulary"] < WORDS:
        _enlarge(corpus, round(rows * (1 - DESIGN - COPY)))
    return settings


def _enlarge(corpus: Corpus, texts: int) -> None:
    """Puts so many texts in the place of those of a small corpus."""
    counts = {"vocabulary": WORDS + len(SPECIAL)}
    for seed, (split, share) in enumerate(SHARES.items()):
        counts |= _write_split(corpus.folder, split, round(texts * share), seed)
    tokens = [*SPECIAL, *(f"w{rank}" for rank in range(WORDS))]
    write_plain(corpus.folder, tokens=tokens, counts=counts, warnings=[])


def _write_split(folder: Path, split: str, texts: int, seed: int) -> dict[str, int]:
    """Writes ids and records; returns the counts."""
    targets = texts + sum(int(lengths.sum()) for _, lengths in text_lengths(texts, seed))
    ids = open_memmap(folder / f"{split}.npy", "w+", np.uint16, (targets + 1,))
    at, unknown = 1, 0
    for part in _closed(texts, seed):
        ids[at : at + len(part)] = part
        at, unknown = at + len(part), unknown + int((part == UNK).sum())
    np.save(folder / f"{split}_records.npy", np.zeros((texts, 2), np.uint32))
    counts = {"abstracts": texts, "words": targets - texts, "targets": targets}
    counts |= {"characters": CHARACTERS * targets, "unknown": unknown}
    return {f"{split}_{name}": number for name, number in counts.items()}


def _closed(texts: int, seed: int) -> Iterator[np.ndarray]:
    """Ids of texts with their ends, some texts at once; rare words are unknown."""
    for ranks, lengths in texts_as_ranks(texts, seed):
        ids = np.where(ranks < WORDS, ranks + len(SPECIAL), UNK).astype(np.uint16)
        yield close_texts(ids, lengths)


def measure(windows: str, settings: list[str], steps: int) -> dict[str, str | float]:
    """Trains with a windowing."""
    with TemporaryDirectory(prefix="patentlm-memory-") as folder:
        first = Path(folder) / "first.json"
        command = [
            sys.executable, str(ROOT / "train.py"), *settings, *SMALL, f"windows={windows}",
            f"trainer.max_steps={steps}", f"hydra.run.dir={folder}/run",
            f"+callbacks.first_step._target_={__spec__.name}.FirstStep",
            f"+callbacks.first_step.path={first}",
        ]  # fmt: skip
        memory = peak_memory(command)
        found = json.loads(first.read_text("utf-8"))
    return {
        "windows": windows,
        "GiB, most": round(memory / GIB, 2),
        "s until the first step": round(found["seconds"], 1),
        "s of the processor until then": round(found["cpu"], 1),
    }


def main() -> None:
    """Measures, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_600_000, help="of the table")
    parser.add_argument("--steps", type=int, default=60, help="of each training (default: 60)")
    parser.add_argument("--folder", type=Path, help="where the corpus is kept; a temporary one")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with TemporaryDirectory(prefix="patentlm-corpus-") as temporary:
        folder = arguments.folder or Path(temporary)
        settings = make_corpus(folder.resolve(), arguments.rows)
        table = [measure(windows, settings, arguments.steps) for windows in WINDOWS]
    title = TITLE.format(rows=arguments.rows)
    results.write("training_memory", title, table, seed=0, note=NOTE)


if __name__ == "__main__":
    main()
