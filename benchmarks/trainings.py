"""Short trainings that benchmarks compare on valid, each kept once it is done."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from pytorch_lightning import Callback

from benchmarks.ours import ROOT, configured, trainer_settings
from benchmarks.time_to_perplexity import ValidPerplexity, teacher_times
from patentlm.progress import progress
from patentlm.training import run as training
from patentlm.training.throughput import Throughput

FOLDER = ROOT / "outputs" / "trainings"
SEED = 1
Row = dict[str, Any]
Settings = Sequence[str]


class Clock(Callback):
    """Seconds of processor that training steps take, whatever else the machine does."""

    seconds = 0.0

    def on_train_batch_start(self, *about: object) -> None:
        self.seconds -= process_time()

    def on_train_batch_end(self, *about: object) -> None:
        self.seconds += process_time()


def on_the_split(data_folder: Path) -> list[str]:
    """Settings that train on a folder with train.txt, valid.txt and test.txt, on the CPU."""
    return [*trainer_settings("cpu"), "data=corpus", f"data.path={data_folder.resolve()}"]


def train(overrides: Settings, folder: Path) -> Row:
    """Trains as `train.py` does, and returns what it came to."""
    config = configured(overrides, folder)
    _, teacher_seconds = teacher_times(config)
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
        "processor seconds": clock.seconds + teacher_seconds,
    }


def rows(named: Mapping[str, Settings], common: Settings, title: str) -> Iterator[Row]:
    """Trains what is not kept yet, one after another.

    Args:
        named: settings, as for `train.py`, by the name that stands in the table.
        common: settings of all.
        title: of the column of names.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, settings in progress("Training", named.items(), unit="trainings"):
        overrides = [*common, *settings, f"seed={SEED}"]
        path = FOLDER / f"{sha256(' '.join(overrides).encode()).hexdigest()[:16]}.json"
        if not path.exists():
            with TemporaryDirectory(prefix="patentlm-training-") as folder:
                path.write_text(json.dumps(train(overrides, Path(folder))))
        yield {title: name, **json.loads(path.read_text())}
