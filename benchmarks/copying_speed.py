"""What learning to copy costs: training steps with a pointer head and without one.

    python -m benchmarks.copying_speed data=corpus data.path=../shared/data/neural_network_split

The network of `experiment=quick` (further arguments are those of `train.py`) with its pointer head
and with the tied softmax alone, by turns in a plain loop; a ratio is that of one round, so
that both meet alike what else the machine does. Prints a table and writes
`benchmarks/results/copying_speed.json`.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import results
from benchmarks.machine import add_device
from benchmarks.ours import Ours
from patentlm.training import run as training

ROUNDS, STEPS = 5, 10


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="as for train.py")
    add_device(parser)
    return parser.parse_intermixed_args()


def main() -> None:
    """Measures, prints and writes."""
    arguments = asked()
    training.prepare_process(seed=1)
    common, device = ["experiment=quick", *arguments.settings], arguments.device
    with TemporaryDirectory(prefix="patentlm-copying-") as name:
        heads = {
            "tied softmax": Ours([*common, "model/head=tied"], Path(name), device),
            "with a pointer": Ours(common, Path(name), device),
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
    title = "Training with a head that copies beside one that does not"
    note = (
        f"{STEPS} steps a round, {ROUNDS} rounds, on {device};"
        " words per second, and their ratio round by round."
    )
    results.write("copying_speed", title, rows, seed=1, note=note)


if __name__ == "__main__":
    main()
