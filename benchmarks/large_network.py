"""How near to its device's limit a large network trains.

    python -m benchmarks.large_network data=corpus data.path=../shared/data/neural_network_split \
        --cells lstm qrnn

`model=lstm_large` on the windows of the mission, as `train.py` trains it, and on whole abstracts
(further arguments are those of `train.py`), in turns with products of large square matrices, in the
precision that training chooses; on a CPU by processor time, whatever else the machine does. Given
are the GFLOP/s of the network's matrix products, six operations for each weight and word that is
read, and their share of the fastest square product. Prints a table and writes
`benchmarks/results/large_network.json`.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import torch

from benchmarks import results
from benchmarks.machine import add_device, synchronize
from benchmarks.ours import Ours, precision
from benchmarks.stock_reference import Clock
from patentlm.training import run as training

WINDOWINGS: Mapping[str, Sequence[str]] = {
    "many_to_one, batches of 128": [],
    "abstract, batches of 16": ["windows=abstract"],
    "abstract, batches of 64": ["windows=abstract", "windows.batch_size=64"],
}
SIZE, PRODUCTS, STEPS = 2048, 5, 8


def matrix_speed(dtype: torch.dtype, device: str, clock: Clock) -> float:
    """GFLOP/s of the fastest of a few products of two square matrices."""
    square = torch.ones(SIZE, SIZE, dtype=dtype, device=device)
    times = []
    for _ in range(1 + PRODUCTS):
        synchronize(device)
        begun = clock()
        square @ square
        synchronize(device)
        times.append(clock() - begun)
    return 2 * SIZE**3 / min(times) / 1e9


def gflop(large: Ours) -> float:
    """Of the network for one target; words that fill up a batch are not counted."""
    context = large.data.windows.context
    read = context if isinstance(context, int) else 1  # words, for each target
    return 6 * large.model.network.macs_per_target(read) / 1e9


def rows(
    contenders: Mapping[str, Ours], dtype: torch.dtype, device: str, rounds: int
) -> Iterator[dict[str, Any]]:
    """A line for each, measured in turns, with its share of the peak round by round."""
    clock = process_time if device == "cpu" else perf_counter
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    peaks = []
    for _ in range(rounds):
        for name, large in contenders.items():
            speeds[name].append(large.trainer_speed(STEPS, clock))
        peaks.append(matrix_speed(dtype, device, clock))
    for name, large in contenders.items():
        work = [speed * gflop(large) for speed in speeds[name]]
        shares = [a / b for a, b in zip(work, peaks, strict=True)]
        yield {
            "": name,
            "targets/s": results.spread(speeds[name]),
            "GFLOP/s": results.spread(work),
            "share of peak": results.spread(shares),
        }
    yield {"": "square matrices", "GFLOP/s": results.spread(peaks)}


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="as for train.py")
    parser.add_argument("--cells", nargs="+", default=["lstm"], help="options of model/cell")
    parser.add_argument("--rounds", type=int, default=7)
    add_device(parser)
    return parser.parse_intermixed_args()


def main() -> None:
    """Measures, prints and writes."""
    arguments = asked()
    device = arguments.device
    training.prepare_process(seed=1)
    dtype = torch.bfloat16 if precision(device) == "bf16-mixed" else torch.float32
    common = ["model=lstm_large", *arguments.settings]
    with TemporaryDirectory(prefix="patentlm-large-") as folder:
        contenders = {
            f"{cell}, {name}": Ours([*common, f"model/cell={cell}", *changes], Path(folder), device)
            for cell in arguments.cells
            for name, changes in WINDOWINGS.items()
        }
        found = list(rows(contenders, dtype, device, arguments.rounds))
    title = "A large network beside square matrix products"
    by = " Of one core, by processor time." if device == "cpu" else ""
    note = f"On {device}, {precision(device)}.{by}"
    results.write("large_network", title, found, seed=1, note=note)


if __name__ == "__main__":
    main()
