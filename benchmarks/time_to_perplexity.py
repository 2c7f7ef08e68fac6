"""How soon `experiment=quick` is as good on valid as the best of a Keras run.

    python -m benchmarks.time_to_perplexity FOLDER --keras-python PYTHON

Keras trains the mission's network until an epoch is no better on valid than the one before it,
which takes many minutes; ours follows it with as much of the machine. `--keras-log FILE` keeps the
epochs of Keras, or takes them from there if it has them: that is fair only on a machine that is
doing nothing else both times. Seconds are those since training began, valid included; those of
start-up are left out on both sides. Prints a table and writes
`benchmarks/results/time_to_perplexity.json`.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer

from benchmarks import results
from benchmarks.machine import add_device
from benchmarks.ours import ROOT, configured, precision, trainer_settings
from benchmarks.training_speed import write_windows
from patentlm.training import run as training

LENGTH = 50
Epochs = Sequence[Mapping[str, float]]
"""After each epoch `valid_perplexity`; `seconds` and `processor_seconds` since the first began."""


class ValidPerplexity(Callback):
    """Notes valid perplexity by time.

    Args:
        seconds: that were spent before training, on a teacher.
        processor_seconds: likewise.
    """

    def __init__(self, seconds: float = 0.0, processor_seconds: float = 0.0) -> None:
        self.spent = seconds, processor_seconds
        self.epochs: list[dict[str, float]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.begun = perf_counter() - self.spent[0], process_time() - self.spent[1]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        perplexity = float(trainer.callback_metrics["valid/perplexity"])
        begun, processor_begun = self.begun
        self.epochs.append(
            {
                "valid_perplexity": perplexity,
                "seconds": perf_counter() - begun,
                "processor_seconds": process_time() - processor_begun,
            }
        )


def keras_epochs(python: str, common: Sequence[str], folder: Path) -> Epochs:
    """Those of a fit with early stopping, in a process of its own."""
    windows = folder / "windows.npz"
    write_windows(windows, training.make_data(configured(common, folder)).corpus, LENGTH)
    command = [python, str(ROOT / "benchmarks" / "keras_reference.py"), str(windows), "--fit"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    epochs: Epochs = json.loads(done.stdout.splitlines()[-1])["epochs"]
    return epochs


def teacher_times(config: DictConfig) -> tuple[float, float]:
    """Trains a run's own teacher, if it has one; returns seconds, and those of the processor."""
    begun = perf_counter(), process_time()
    training.TrainingRun(config).train_teacher()
    return perf_counter() - begun[0], process_time() - begun[1]


def our_epochs(overrides: Sequence[str], folder: Path) -> Epochs:
    """Those of a run with the callbacks, logs and checkpoints of `train.py`."""
    config = configured(overrides, folder)
    noted = ValidPerplexity(*teacher_times(config))
    training.prepare_process(config.seed)
    data = training.make_data(config)
    model = training.make_model(config, data, training.make_metadata(config, data))
    trainer = training.make_trainer(config)
    trainer.callbacks.insert(0, noted)
    with redirect_stdout(StringIO()):  # the progress bar
        trainer.fit(model, datamodule=data)
    return noted.epochs


def rows(found: Mapping[str, Epochs], time: str) -> Iterator[dict[str, Any]]:
    """Those of a result file, contender by contender; time is `seconds` or `processor seconds`."""
    for contender, epochs in found.items():
        for number, epoch in enumerate(epochs, 1):
            yield {
                "contender": contender,
                "epoch": number,
                time: epoch[time.replace(" ", "_")],
                "valid perplexity": epoch["valid_perplexity"],
            }


def compare(keras: Epochs, ours: Epochs) -> float | None:
    """Seconds until the best epoch of Keras ÷ those until ours is as good; None if it never is."""
    best = min(keras, key=lambda epoch: epoch["valid_perplexity"])
    reached = [e["seconds"] for e in ours if e["valid_perplexity"] <= best["valid_perplexity"]]
    return best["seconds"] / reached[0] if reached else None


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data_folder", type=Path, help="with train.txt, valid.txt and test.txt, as for data=corpus")
    add("--keras-python", metavar="PATH", default=sys.executable, help="a Python that has Keras")
    add("--keras-log", metavar="FILE", type=Path, help="where the epochs of Keras are kept")
    add("--settings", nargs="*", default=["experiment=quick"], help="ours, as for train.py")
    add_device(parser)
    return parser.parse_args()


def main() -> None:
    """Measures, prints and writes."""
    arguments = asked()
    common = trainer_settings(arguments.device)
    common += ["data=corpus", f"data.path={arguments.data_folder.resolve()}"]
    log = arguments.keras_log
    with TemporaryDirectory(prefix="patentlm-speed-") as name:
        folder = Path(name)
        if log and log.exists():
            keras = json.loads(log.read_text())
        else:
            keras = keras_epochs(arguments.keras_python, common, folder)
            if log:
                log.write_text(json.dumps(keras))
        ours = our_epochs([*common, *arguments.settings], folder / "run")
    ratio = compare(keras, ours)
    note = f"Keras ÷ ours: {ratio:.1f}. " if ratio else "Ours never gets there. "
    note += f"On {arguments.device}, {precision(arguments.device)}."
    lines = list(rows({"Keras": keras, "ours": ours}, "seconds"))
    title = "Seconds until a valid perplexity"
    results.write("time_to_perplexity", title, lines, seed=1, note=note)


if __name__ == "__main__":
    main()
