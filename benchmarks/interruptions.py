"""Interrupts training runs again and again, and compares what they end with to a run left alone.

    python -m benchmarks.interruptions matrix               signals and moments, all kinds of runs
    python -m benchmarks.interruptions matrix --runs 30     so many of these runs
    python -m benchmarks.interruptions changes              before each change of a file

The matrix: signals, moments, windows, schedules and callbacks. Each of its runs is interrupted up
to three times, at random ones of such moments. For the changes, a run is killed before its first
change of a file, another one before its second, and so on. Every run has dropout and is started
again with the same command until it is complete: then weights, optimizer, schedule, averages and
metrics of both checkpoints must be those of the run left alone, bit by bit. After each interruption
no file may be half written, after the last none left over. Runs and TMPDIR are on different file
systems, by turns. Figures go to a file of results.
"""

import json
import random
import shutil
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.interrupted_run import ANY_TIME, CHANGE, STEPS, Interruption, Place, draw, start
from patentlm.checkpoint import is_whole
from tests.interruption import outcome

RUN = (
    "data.count=40", "trainer=cpu", "trainer.precision=32-true", "model.hidden_size=4",
    "model.embedding_size=4", "model.dropout=0.2", "trainer.max_epochs=2",
    "trainer.limit_train_batches=6", "trainer.limit_val_batches=2", "trainer.limit_test_batches=2",
    "trainer.log_every_n_steps=1", "callbacks.early_stopping.patience=9", "samples.count=1",
    "callbacks.progress.refresh_rate=0", "samples.max_words=5", "evaluation_batch_size=1",
    "callbacks.checkpoint.every_n_steps=2",
)  # fmt: skip
WINDOWS = (
    ("windows=many_to_one", "windows.length=5", "windows.batch_size=8"),
    ("windows=every_word", "windows.batch_size=2"),
    ("windows=abstract", "windows.batch_size=2"),
    ("windows=stream", "windows.batch_size=4", "windows.random_length=true"),
)
SCHEDULES = (
    ("scheduler=constant",), ("scheduler=one_cycle",), ("scheduler=plateau",),
    ("scheduler=warmup_cosine", "scheduler.warmup_steps=2"), ("scheduler=exponential",),
)  # fmt: skip
CALLBACKS = (
    ("callbacks=default",), ("callbacks=ema",), ("trainer.accumulate_grad_batches=2",),
    ("callbacks=nt_asgd", "callbacks.averaging.patience=1", "optimizer=sgd"),
)  # fmt: skip
KINDS = tuple(
    (*RUN, *window, *schedule, *CALLBACKS[(w + s) % len(CALLBACKS)])
    for (w, window), (s, schedule) in product(enumerate(WINDOWS), enumerate(SCHEDULES))
)
"""All pairs of windows and schedule, with each of the callbacks by turns."""
MOMENTS = (*STEPS, CHANGE, ANY_TIME)
KILL, WARNING = signal.SIGKILL, signal.SIGUSR1
SIGNALS = (KILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, WARNING)


@dataclass
class Counts:
    """What interruptions of one kind of moment led to."""

    came: Counter[signal.Signals] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def row(self, moment: str) -> dict[str, Any]:
        """As the table shows it."""
        return {
            "before": moment.replace("_", " "),
            **{number.name: self.came[number] for number in SIGNALS},
            "end differs": self.faults["end"],
            "half files": self.faults["half"],
            "left over": self.faults["left"],
            "wrong exit codes": self.faults["exit"],
        }


class Harness:
    """Runs, interrupted and left alone, in folders on two file systems.

    Args:
        folders: one on each file system.
    """

    def __init__(self, folders: tuple[Path, Path]) -> None:
        self.folders, self.count, self.runs = folders, 0, 0
        self.alone: dict[tuple[str, ...], tuple[Place, dict[str, Any]]] = {}
        self.counts = {moment: Counts() for moment in MOMENTS}

    def place(self) -> Place:
        """A new place; the next one has its file systems the other way round."""
        self.count += 1
        here, there = self.folders[:: 1 if self.count % 2 else -1]
        return Place(here / f"base{self.count}", there / f"tmp{self.count}")

    @property
    def came(self) -> int:
        """Interruptions before the end of a run."""
        return sum(count.came.total() for count in self.counts.values())

    @property
    def faults(self) -> int:
        """Of all kinds."""
        return sum(count.faults.total() for count in self.counts.values())

    def reference(self, kind: tuple[str, ...]) -> tuple[Place, dict[str, Any]]:
        """The place and the outcome of a run of that kind which nothing interrupts."""
        if kind not in self.alone:
            place, began = self.place(), time.monotonic()
            code, _ = start(place, kind, None)
            assert code == 0, place.log.read_text()
            place.seconds = time.monotonic() - began
            self.alone[kind] = place, outcome(place.run)
        return self.alone[kind]

    def try_out(self, kind: tuple[str, ...], asked: Sequence[Interruption]) -> None:
        """A run with some interruptions, from its beginning to its end."""
        place = self.place()
        alone, expected = self.reference(kind)
        for one in asked:
            count = self.counts[one.moment]
            code, came = start(place, kind, one)
            count.came[one.number] += came
            count.faults["half"] += sum(1 for _ in half_files(place.run))
            complete = not came or (place.run / "metrics.json").exists()
            count.faults["exit"] += code not in expected_codes(one.number, complete=complete)
        self.runs += 1
        code, _ = start(place, kind, None)
        good = code == 0 and outcome(place.run) == expected
        left = [*(place.files() - alone.files()), *place.temporary.rglob("*")]
        count.faults["end"] += not good
        count.faults["left"] += len(left)
        if good and not left:
            shutil.rmtree(place.base)
        else:
            print(f"{place.base}: code {code}, good {good}, left {left}, {asked}\n  {kind}")


def expected_codes(number: signal.Signals, *, complete: bool) -> set[int]:
    """How a process may end that a signal came to; minus its number before anyone listens."""
    codes = {-number} if number in (KILL, WARNING) else {-number, 128 + number}
    return codes | {0} if complete or number == WARNING else codes


def half_files(run: Path) -> Iterator[Path]:
    """Checkpoints and JSON files that can't be read."""
    yield from (path for path in run.glob("checkpoints/*.ckpt") if not is_whole(path))
    for path in run.glob("*.json"):
        try:
            json.loads(path.read_text("utf-8"))
        except ValueError:
            yield path


def matrix(harness: Harness, chance: random.Random, limit: int) -> Iterator[str]:
    """Interruptions of each kind of run, all signals at all moments, in random order."""
    asked = [(kind, *how) for kind in KINDS for how in product(MOMENTS, SIGNALS)]
    chance.shuffle(asked)
    ways = {kind: [how for other, *how in asked if other == kind] for kind in KINDS}
    runs = [(kind, all_[i : i + 3]) for kind, all_ in ways.items() for i in range(0, len(all_), 3)]
    chance.shuffle(runs)
    for number, (kind, hows) in enumerate(runs[:limit], 1):
        alone, _ = harness.reference(kind)
        harness.try_out(kind, [draw(*how, chance, alone) for how in hows])
        yield f"run {number} of {min(limit, len(runs))}"


def changes(harness: Harness, limit: int) -> Iterator[str]:
    """Kills before each change of a file."""
    kind = KINDS[-1]
    alone, _ = harness.reference(kind)
    for at in range(1, min(limit, alone.changes) + 1):
        harness.try_out(kind, [Interruption(CHANGE, KILL, at)])
        yield f"change {at} of {alone.changes}"


def parse() -> Namespace:
    """The command line."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["matrix", "changes"])
    parser.add_argument("--runs", type=int, default=sys.maxsize, help="at most so many")
    parser.add_argument("--seed", type=int, default=1, help="of the order and the moments")
    parser.add_argument(
        "--folders", type=Path, nargs=2, default=(Path(tempfile.gettempdir()), Path("/dev/shm")),
        help="one on each of two file systems (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Interrupts, and stores what came of it."""
    asked = parse()
    folders = tuple(Path(tempfile.mkdtemp(dir=folder)) for folder in asked.folders)
    harness = Harness((folders[0], folders[1]))
    chance = random.Random(asked.seed)
    part = {"matrix": partial(matrix, harness, chance), "changes": partial(changes, harness)}
    for where in part[asked.part](asked.runs):
        print(f"{where}: {harness.came} interruptions, {harness.faults} faults", flush=True)
        store(harness, asked, systems=len({folder.stat().st_dev for folder in folders}))
    if harness.faults:
        raise SystemExit(1)
    for folder in folders:
        shutil.rmtree(folder)


def store(harness: Harness, asked: Namespace, *, systems: int) -> None:
    """Writes the file of results."""
    counts = harness.counts.items()
    rows = [count.row(moment) for moment, count in counts if count.came.total()]
    note = (
        f"{harness.runs} runs, {harness.came} interruptions; runs and TMPDIR on {systems} file "
        "systems, by turns. What a run ends with counts where its last interruption was."
    )
    title = f"Interrupted runs: {asked.part}"
    results.write(f"interruptions_{asked.part}", title, rows, seed=asked.seed, note=note)


if __name__ == "__main__":
    main()
