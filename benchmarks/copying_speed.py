"""What learning to copy costs: training steps with a pointer head and without one.

    python -m benchmarks.copying_speed data=corpus data.path=../shared/data/neural_network_split

The network of `experiment=quick` (further arguments are those of `train.py`) with its tied softmax
and with a pointer sentinel before it, by turns in a plain loop; a ratio is that of one round, so
that both meet alike what else the machine does. Prints a table and writes
`benchmarks/results/copying_speed.json`.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from benchmarks import results
from benchmarks.training_speed import Ours
from patentlm.training import run as training

ROUNDS, STEPS = 5, 10
POINTER = ("model/head=pointer_sentinel", "model/head@model.head.softmax=tied")


def main() -> None:
    """Measures, prints and writes."""
    training.prepare_process(seed=1)
    common = ["trainer=cpu", "experiment=quick", *sys.argv[1:]]
    with TemporaryDirectory(prefix="patentlm-copying-") as name:
        heads = {
            "tied softmax": Ours(common, Path(name)),
            "with a pointer": Ours([*common, *POINTER], Path(name)),
        }
        rounds = [
            {head: ours.bare_loop_speed(STEPS) for head, ours in heads.items()}
            for _ in range(ROUNDS)
        ]
    ratios = [one["with a pointer"] / one["tied softmax"] for one in rounds]
    rows = [
        {"head": head, "words/s": results.spread([one[head] for one in rounds])} for head in heads
    ]
    rows.append({"head": "with a pointer ÷ tied softmax", "words/s": results.spread(ratios)})
    print(tabulate([(row["head"], *row["words/s"].values()) for row in rows], floatfmt=",.2f"))
    title = "Training with a head that copies beside one that does not"
    note = (
        f"{STEPS} steps a round, {ROUNDS} rounds; words per second, and their ratio round by round."
    )
    results.write("copying_speed", title, rows, seed=1, note=note)


if __name__ == "__main__":
    main()
