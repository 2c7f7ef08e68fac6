"""How near to its device's limit a large network trains.

    python -m benchmarks.large_network data=corpus data.path=../shared/data/neural_network_split

`model=lstm_large` on the windows of the mission, as `train.py` trains it, and on whole abstracts
(further arguments are those of `train.py`), in turns with products of large square matrices, in the
precision that training chooses. Given are the GFLOP/s of the network's matrix products, six
operations for each weight and word that is read, and their share of the fastest square product.
Prints a table and writes `benchmarks/results/large_network.json`.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch

from benchmarks import results
from benchmarks.machine import add_device, synchronize
from benchmarks.ours import Ours, precision
from patentlm.training import run as training

WINDOWINGS: Mapping[str, Sequence[str]] = {
    "many_to_one, batches of 128": [],
    "abstract, batches of 16": ["windows=abstract"],
    "abstract, batches of 64": ["windows=abstract", "windows.batch_size=64"],
}
PEAK = "square matrices"
Figures = Mapping[str, Sequence[float]]
"""GFLOP/s in each round."""
ROUNDS, STEPS = 7, 8
SIZE, PRODUCTS = 2048, 5


def matrix_speed(dtype: torch.dtype, device: str) -> float:
    """GFLOP/s of the fastest of a few products of two square matrices."""
    square = torch.ones(SIZE, SIZE, dtype=dtype, device=device)
    times = []
    for _ in range(1 + PRODUCTS):
        synchronize(device)
        begun = perf_counter()
        square @ square
        synchronize(device)
        times.append(perf_counter() - begun)
    return 2 * SIZE**3 / min(times) / 1e9


def gflops(large: Ours) -> float:
    """Of the Trainer over some steps; words that fill up a batch are not counted."""
    context = large.data.windows.context
    read = context if isinstance(context, int) else 1  # words, for each target
    return large.trainer_speed(STEPS) * 6 * large.model.network.macs_per_target(read) / 1e9


def measure(settings: Sequence[str], dtype: torch.dtype, device: str) -> Figures:
    """A round after the other, everyone's GFLOP/s in each."""
    with TemporaryDirectory(prefix="patentlm-large-") as folder:
        contenders = {
            name: Ours([*settings, *changes], Path(folder), device)
            for name, changes in WINDOWINGS.items()
        }
        figures: dict[str, list[float]] = {name: [] for name in (*contenders, PEAK)}
        for _ in range(ROUNDS):
            for name, large in contenders.items():
                figures[name].append(gflops(large))
            figures[PEAK].append(matrix_speed(dtype, device))
    return figures


def rows(figures: Figures) -> list[dict[str, Any]]:
    """A line for each, with its share of the peak round by round."""
    return [
        {
            "": name,
            "GFLOP/s": results.spread(some),
            "share of peak": results.spread(
                [a / b for a, b in zip(some, figures[PEAK], strict=True)]
            ),
        }
        for name, some in figures.items()
    ]


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="as for train.py")
    add_device(parser)
    return parser.parse_intermixed_args()


def main() -> None:
    """Measures, prints and writes."""
    arguments = asked()
    device = arguments.device
    training.prepare_process(seed=1)
    dtype = torch.bfloat16 if precision(device) == "bf16-mixed" else torch.float32
    figures = measure(["model=lstm_large", *arguments.settings], dtype, device)
    found = rows(figures)
    title = "A large network beside square matrix products"
    note = f"On {device}, {precision(device)}."
    results.write("large_network", title, found, seed=1, note=note)


if __name__ == "__main__":
    main()
