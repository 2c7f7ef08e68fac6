"""Runs ONNX files step by step, and scores them."""

import importlib
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from patentlm.batch import IGNORE
from patentlm.data.arrays import Ids
from patentlm.data.windows import Context, abstract_starts, evaluation_windows, loader
from patentlm.data.words import END
from patentlm.export.run import ExportedRun
from patentlm.progress import progress

MOST_TARGETS = 5_000
"""About how many targets of valid a perplexity is measured on."""
TIMED_WORDS = 300
TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}

Array = NDArray[Any]


class OnnxSession:
    """An ONNX file of `export.py format=onnx` that reads several texts in parallel.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        onnxruntime = importlib.import_module("onnxruntime")
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.state_inputs = self.session.get_inputs()[1:]

    def zeros(self, texts: int) -> list[Array]:
        """Returns the state of `texts` texts before their first word."""
        sizes = {"batch": texts, "memory": 1}
        return [
            np.zeros([sizes.get(size, size) for size in part.shape], TYPES[part.type])
            for part in self.state_inputs
        ]

    def read(self, words: Array, state: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Reads one word of each text `(B,)`; returns log-probabilities `(B, V)` and the state."""
        names = [part.name for part in self.state_inputs]
        inputs = {"word": words, **dict(zip(names, state, strict=True))}
        log_probabilities, *after = self.session.run(None, inputs)
        return log_probabilities, after

    def perplexity(self, ids: Ids, *, context: Context) -> float:
        """Returns the perplexity over every target of a split `(targets + 1,)`."""
        windows = evaluation_windows(ids, context=context, batch_size=32)
        total, state = 0.0, list[Array]()
        for inputs, targets, *_ in progress("Scoring", loader(windows, seed=None), unit="batches"):
            state = state if windows.carry_state and state else self.zeros(len(inputs))
            for words, wanted in zip(inputs.t().numpy(), targets.t().numpy(), strict=True):
                log_probabilities, state = self.read(words, state)
                asked = np.flatnonzero(wanted != IGNORE)
                total -= float(log_probabilities[asked, wanted[asked]].sum(dtype=np.float64))
        return math.exp(total / (len(ids) - 1))

    def words_per_second(self) -> float:
        """Measures how many words of a single text are read per second."""
        state, word = self.zeros(1), np.array([END])
        started = time.perf_counter()
        for _ in range(TIMED_WORDS):
            log_probabilities, state = self.read(word, state)
            word = log_probabilities.argmax(-1)
        return TIMED_WORDS / (time.perf_counter() - started)


def compare(files: Sequence[Path], run: ExportedRun) -> str:
    """Returns a table of ONNX files: size, speed on one text, perplexity on abstracts of valid.

    Raises:
        DataError: if the corpus is not available.
    """
    ids = first_abstracts(run.prepare_corpus().ids("valid"), MOST_TARGETS)
    rows = [_row(path, ids, run.model.metadata.context) for path in files]
    headings = ("file", "MB", "words/s", "perplexity")
    table = tabulate(rows, headings, colalign=("left", "right", "right", "right"))
    return f"valid, {len(ids) - 1:,} targets\n\n{table}"


def first_abstracts(ids: Ids, targets: int) -> Ids:
    """Returns the first abstracts of a split `(targets + 1,)`, with about so many targets."""
    starts = abstract_starts(ids)
    chosen = min(int(np.searchsorted(starts, targets)), len(starts) - 1)
    return ids[: starts[chosen] + 1]


def _row(path: Path, ids: Ids, context: Context) -> tuple[str, ...]:
    session = OnnxSession(path)
    return (
        path.name,
        f"{path.stat().st_size / 1e6:,.2f}",
        f"{session.words_per_second():,.0f}",
        f"{session.perplexity(ids, context=context):,.2f}",
    )
