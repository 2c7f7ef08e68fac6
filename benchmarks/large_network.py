"""How near to the processor's limit a large network trains.

    python -m benchmarks.large_network data=corpus data.path=../shared/data/neural_network_split

`model=lstm_large` on whole abstracts (further arguments are those of `train.py`) in turns with
products of large square matrices, in the precision that training chooses. Given are the GFLOP/s of
the network's matrix products, six operations for each weight and target, and their share of the
fastest square product. Prints a table, and all numbers as a line of JSON.
"""

import json
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from tabulate import tabulate

from benchmarks.machine import machine
from benchmarks.training_speed import Ours
from patentlm import training

ROUNDS, STEPS = 7, 8
SIZE, PRODUCTS = 2048, 5


def matrix_speed(dtype: torch.dtype) -> float:
    """GFLOP/s of the fastest of a few products of two square matrices."""
    square = torch.ones(SIZE, SIZE, dtype=dtype)
    times = []
    for _ in range(1 + PRODUCTS):
        begun = perf_counter()
        square @ square
        times.append(perf_counter() - begun)
    return 2 * SIZE**3 / min(times) / 1e9


def main() -> None:
    """Measures and prints."""
    training.prepare_process(seed=1)
    precision = training.choose_precision("auto", "cpu")
    dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    settings = ["trainer=cpu", f"trainer.precision={precision}", "model=lstm_large"]
    with TemporaryDirectory(prefix="patentlm-large-") as folder:
        large = Ours([*settings, "windows=abstract", *sys.argv[1:]], Path(folder))
        a_target = 6 * large.model.network.products(1) / 1e9  # a word is read for each target
        rounds = [
            (large.trainer_speed(STEPS) * a_target, matrix_speed(dtype)) for _ in range(ROUNDS)
        ]
    figures = {
        "lstm_large, GFLOP/s": [trained for trained, _ in rounds],
        "square matrices, GFLOP/s": [peak for _, peak in rounds],
        "share": [trained / peak for trained, peak in rounds],
    }
    table = [(name, median(some), min(some), max(some)) for name, some in figures.items()]
    print(tabulate(table, (precision, "median", "lowest", "highest"), floatfmt=".2f"))
    print(json.dumps({"machine": machine(), "precision": precision, **figures}))


if __name__ == "__main__":
    main()
