"""The recurrent layers on one ruler: the same network, data, batches and epochs with each.

    python -m benchmarks.cells ../shared/data/neural_network_split \
        --cells lstm gru mogrifier qrnn min_lstm mlstm --settings experiment=quick model/head=tied

A cell is an option of `model/cell=`, and may bring settings of its own: `qrnn,model.cell.width=1`.
Each trains by itself, one after another, as `train.py` trains it, and is judged on valid alone.
What it came to is kept in `outputs/trainings` and is not trained again with the same settings, so
that cells can be added one by one. Prints a table and writes `benchmarks/results/cells.json`.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from benchmarks import results
from benchmarks.trainings import SEED, on_the_split, rows


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data_folder", type=Path, help="with train.txt, valid.txt and test.txt, as for data=corpus")
    add("--cells", nargs="+", metavar="CELL", required=True, help="options of model/cell")
    add("--settings", nargs="*", default=[], help="further ones of all, as for train.py")
    return parser.parse_args()


def main() -> None:
    """Trains with the cells that are missing, prints and writes."""
    arguments = asked()
    common = [*on_the_split(arguments.data_folder), *arguments.settings]
    named = {cell.replace(",", " "): f"model/cell={cell}".split(",") for cell in arguments.cells}
    found = sorted(rows(named, common, "cell"), key=lambda row: row["valid perplexity"])
    title = "Recurrent layers on one ruler"
    results.write("cells", title, found, seed=SEED, note=NOTE, plot="valid perplexity")


NOTE = (
    "One run each. Speeds are those of training steps on one core, by processor time. Rates and "
    "regularisation are those of the preset, found with an LSTM, and no cell has its own."
)

if __name__ == "__main__":
    main()
