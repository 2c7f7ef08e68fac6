"""The recurrent layers on one ruler: the same network, data, batches and epochs with each.

    python -m benchmarks.cells ../shared/data/neural_network_split \
        --cells lstm gru mogrifier qrnn min_lstm --settings experiment=quick model/head=tied

A cell is an option of `model/cell=`, and may bring settings of its own: `qrnn,model.cell.width=1`.
Each trains by itself, one after another, as `train.py` trains it, and is judged on valid alone.
What it came to is kept in `outputs/cells` and is not trained again with the same settings, so that
cells can be added one by one. Prints a table and writes `benchmarks/results/cells.json`.
"""

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from pytorch_lightning import Callback

from benchmarks import results
from benchmarks.ours import ROOT, configured, trainer_settings
from benchmarks.time_to_perplexity import ValidPerplexity
from patentlm.training import run as training
from patentlm.training.throughput import Throughput

FOLDER = ROOT / "outputs" / "cells"
SEED = 1
Row = dict[str, Any]


class Clock(Callback):
    """Seconds of processor that training steps take, whatever else the machine does."""

    seconds = 0.0

    def on_train_batch_start(self, *about: object) -> None:
        self.seconds -= process_time()

    def on_train_batch_end(self, *about: object) -> None:
        self.seconds += process_time()


def train(overrides: Sequence[str], folder: Path) -> Row:
    """Trains a network and returns its part of a row of the table."""
    config = configured(overrides, folder)
    training.prepare_process(config.seed)
    data = training.make_data(config)
    model = training.make_model(config, data, training.make_metadata(config, data))
    trainer, valid, clock = training.make_trainer(config), ValidPerplexity(), Clock()
    trainer.callbacks[:0] = [valid, clock]
    with redirect_stdout(StringIO()):  # the progress bar
        trainer.fit(model, datamodule=data)
    throughput = next(one for one in trainer.callbacks if isinstance(one, Throughput))
    return {
        "parameters": model.network.size,
        "words/s": throughput.targets / clock.seconds,
        "valid perplexity": min(epoch["valid_perplexity"] for epoch in valid.epochs),
        "processor seconds": clock.seconds,
    }


def rows(cells: Sequence[str], common: Sequence[str]) -> Iterator[Row]:
    """A row for each cell, trained now or earlier."""
    for cell in cells:
        overrides = [*common, *f"model/cell={cell}".split(","), f"seed={SEED}"]
        path = FOLDER / f"{sha256(' '.join(overrides).encode()).hexdigest()[:16]}.json"
        if not path.exists():
            with TemporaryDirectory(prefix="patentlm-cells-") as folder:
                path.write_text(json.dumps(train(overrides, Path(folder))))
        yield {"cell": cell.replace(",", " "), **json.loads(path.read_text())}


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
    common = trainer_settings("cpu")
    common += ["data=corpus", f"data.path={arguments.data_folder.resolve()}", *arguments.settings]
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = sorted(rows(arguments.cells, common), key=lambda row: row["valid perplexity"])
    title = "Recurrent layers on one ruler"
    results.write("cells", title, found, seed=SEED, note=NOTE, plot="valid perplexity")


NOTE = (
    "One run each. Speeds are those of training steps on one core, by processor time. Rates and "
    "regularisation are those of the preset, found with an LSTM, and no cell has its own."
)

if __name__ == "__main__":
    main()
