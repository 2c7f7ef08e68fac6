"""How fast training is, beside Keras and beside plain PyTorch, on one corpus and one machine.

    python -m benchmarks.training_speed ../shared/data/neural_network_split --keras-python PYTHON

`PYTHON` is an interpreter that has Keras (`pip install '.[keras]'`, or an environment of its own).
Prints a table and writes `benchmarks/results/training_speed.json`. In each round all contenders
take a short turn, in the next one in reverse, so that they meet alike what else the machine does; a
ratio is that of one round.

Beside Keras's `model.fit` stands Lightning's Trainer, with all that `train.py` gives it but
validation and checkpoints; beside a plain loop a plain loop. Some steps go before each stretch that
are not timed. Keras and PyTorch's example run in processes of their own, without what `train.py`
sets for its own (precision, how memory is freed, denormal numbers). Memory is that of a short run.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks import results
from benchmarks.machine import add_device
from benchmarks.memory import peak_memory
from benchmarks.ours import ROOT, Ours, precision, trainer_settings
from benchmarks.stock_reference import words_per_second_apart
from patentlm.data.corpus import Corpus
from patentlm.data.windows import contexts
from patentlm.training import run as training

MIB = 2**20

PARTS = {
    "keras": ("keras",),
    "windowings": ("many_to_one", "every_word", "abstract"),
    "framework": ("many_to_one", "bare_loop", "abstract", "bare_abstract"),
    "example": ("example", "as_example"),
    "memory": (),
}
BESIDE = {
    "keras": PARTS["windowings"],
    "bare_loop": ["many_to_one"],
    "bare_abstract": ["abstract"],
    "example": ["as_example"],
}

AS_EXAMPLE = (
    "model.embedding_size=200",
    "model.hidden_size=200",
    "model.layers=2",
    "model.dropout=0.2",
    "model/head=tied",
    "windows=stream",
    "optimizer=sgd",
    "optimizer.lr=20",
    "trainer.gradient_clip_val=0.25",
)
SHORT_RUN = (
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=100",
    "trainer.limit_val_batches=20",
    "trainer.limit_test_batches=20",
    "samples={count: 1, max_words: 10}",
)

Speeds = Mapping[str, Sequence[float]]


class Contender(NamedTuple):
    """What trains, what goes through its batches, and targets a second over so many steps."""

    name: str
    run_by: str
    speed: Callable[[int], float]


class Keras:
    """The mission's network in Keras, in another interpreter, from a file of `write_windows`."""

    def __init__(self, python: str, windows: Path) -> None:
        self.python, self.windows = python, windows
        self.versions: dict[str, str] = {}

    def speed(self, steps: int) -> float:
        """Targets a second of `model.fit`, in a fresh process."""
        script = str(ROOT / "benchmarks" / "keras_reference.py")
        command = [self.python, script, str(self.windows), "--steps", str(steps)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = f"{done.stderr}\nerror: {self.python} can't train with Keras"
            sys.exit(f"{reason}; name another with --keras-python, or choose --parts without it")
        figures = json.loads(done.stdout.splitlines()[-1])
        speed = float(figures.pop("targets_per_second"))
        self.versions = figures
        return speed


def write_windows(path: Path, corpus: Corpus, length: int) -> None:
    """The windows of train and valid for `keras_reference.py`: `(N, length)` and `(N,)`, int32."""
    arrays = {}
    for split in ("train", "valid"):
        ids = corpus.ids(split)
        inputs = contexts(ids, np.arange(1, len(ids)), length)
        arrays |= {f"{split}_inputs": inputs, f"{split}_targets": ids[1:]}
    with path.open("wb") as file:
        np.savez(file, **{name: array.astype(np.int32) for name, array in arrays.items()})


def contenders(
    common: Sequence[str], keras: Keras, folder: Path, device: str
) -> dict[str, Contender]:
    """All of them, by the names in `PARTS`; the windows for Keras are written."""
    ours = {cut: Ours([*common, f"windows={cut}"], folder, device) for cut in PARTS["windowings"]}
    as_example = Ours([*common, *AS_EXAMPLE], folder, device)
    many_to_one, corpus = ours["many_to_one"], as_example.data.corpus
    write_windows(keras.windows, corpus, many_to_one.config.windows.length)
    example = partial(words_per_second_apart, corpus.ids("train"), len(corpus.vocabulary), device)
    trained = {key: Contender(f"ours, {key}", "Trainer", ours[key].trainer_speed) for key in ours}
    return {
        "keras": Contender("Keras", "model.fit", keras.speed),
        "bare_loop": Contender("ours, many_to_one", "bare loop", many_to_one.bare_loop_speed),
        "bare_abstract": Contender("ours, abstract", "bare loop", ours["abstract"].bare_loop_speed),
        **trained,
        "example": Contender("PyTorch's example", "its loop", example),
        "as_example": Contender("ours, set like it", "bare loop", as_example.bare_loop_speed),
    }


def measure(some: Mapping[str, Contender], rounds: int, steps: int) -> Speeds:
    """The speeds of each contender, one a round."""
    speeds: dict[str, list[float]] = {key: [] for key in some}
    for number in range(1, rounds + 1):
        for key, (name, run_by, speed) in list(some.items())[:: 1 if number % 2 else -1]:
            print(f"round {number}: {name}, {run_by}", file=sys.stderr, flush=True)
            speeds[key].append(speed(steps))
    return speeds


def ratios(speeds: Speeds) -> dict[tuple[str, str], list[float]]:
    """Those of `BESIDE` whose both sides were measured, one a round."""
    return {
        (over, under): [a / b for a, b in zip(speeds[over], speeds[under], strict=True)]
        for under, some in BESIDE.items()
        for over in some
        if {over, under} <= set(speeds)
    }


def short_run_memory(common: Sequence[str], folder: Path) -> int:
    """Most bytes resident in a short run of `train.py`, which trains, tests and writes."""
    changes = [*common, *SHORT_RUN, f"hydra.run.dir='{folder}'"]
    return peak_memory([sys.executable, str(ROOT / "train.py"), *changes])


def rows(some: Mapping[str, Contender], speeds: Speeds, memory: int | None) -> list[dict[str, Any]]:
    """A line for each contender and each ratio, and one for the memory."""
    found = [row(some[key].name, some[key].run_by, "targets/s", speeds[key]) for key in speeds]
    for (over, under), figures in ratios(speeds).items():
        a, b = some[over], some[under]
        name = a.name if a.name == b.name else f"{a.name} ÷ {b.name}"
        found.append(row(name, f"{a.run_by} ÷ {b.run_by}", "ratio", figures))
    if memory is not None:
        found.append(row("ours, many_to_one", "train.py", "peak MiB", [memory / MIB]))
    return found


def row(name: str, run_by: str, unit: str, figures: Sequence[float]) -> dict[str, Any]:
    """One line: what was measured, in which unit, and its spread over the rounds."""
    return {"": name, "run by": run_by, "unit": unit, "measured": results.spread(figures)}


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data_folder", type=Path, help="with train.txt, valid.txt and test.txt, as for data=corpus")
    add("--keras-python", metavar="PATH", default=sys.executable, help="a Python that has Keras")
    add("--rounds", type=int, default=3, help="stretches of each contender (default: 3)")
    add("--steps", type=int, default=100, help="batches of a stretch (default: 100)")
    parts = f"of {', '.join(PARTS)} (default: all)"
    add("--parts", nargs="+", metavar="PART", choices=PARTS, default=list(PARTS), help=parts)
    add("--windows", type=Path, metavar="FILE", help="keep the windows for keras_reference.py here")
    add_device(parser)
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.steps) < 1:
        parser.error("--rounds and --steps are 1 or more")
    return arguments


def main() -> None:
    """Measures what the arguments name, prints and writes it."""
    arguments = asked()
    wanted = {key for part in arguments.parts for key in PARTS[part]}
    training.prepare_process(seed=1)
    common = ["data=corpus", f"data.path={arguments.data_folder.resolve()}"]
    with TemporaryDirectory(prefix="patentlm-speed-") as name:
        folder = Path(name)
        keras = Keras(arguments.keras_python, arguments.windows or folder / "windows.npz")
        everyone = contenders(common, keras, folder, arguments.device)
        some = {key: everyone[key] for key in everyone if key in wanted}
        speeds = measure(some, arguments.rounds, arguments.steps)
        settings = [*common, *trainer_settings(arguments.device)]
        memory = short_run_memory(settings, folder / "run") if "memory" in arguments.parts else None
    found = rows(some, speeds, memory)
    note = f"{arguments.rounds} rounds of {arguments.steps} steps on {arguments.device}, "
    note += f"{precision(arguments.device)}. {keras.versions or ''}"
    results.write("training_speed", "Targets learned a second", found, seed=1, note=note)


if __name__ == "__main__":
    main()
