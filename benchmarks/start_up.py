"""How long the scripts take to begin: until help, until the settings, until the first step.

    python -m benchmarks.start_up data=corpus data.path=../shared/data/neural_network_split

Arguments are those of `train.py`. Each command runs once uncounted, which prepares the corpus and
warms the system's file cache, and then in turn with the others. Prints a table of seconds, and of
seconds of the processor, which depend less on what else the machine does, and writes
`benchmarks/results/start_up.json`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from pytorch_lightning import Callback

from benchmarks import results

ROOT = Path(__file__).parent.parent
ROUNDS = 5
FIRST_STEP = "+callbacks.leave._target_=benchmarks.start_up.LeaveAfterStep"


class LeaveAfterStep(Callback):
    """Ends the process after its first training step."""

    def on_train_batch_end(self, *_: object) -> None:
        os._exit(0)


def seconds(arguments: Sequence[str]) -> tuple[float, float]:
    """Of one run of `train.py`, from its call to its end; and those of the processor."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    begun, used = perf_counter(), _processor()
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True)
    taken = perf_counter() - begun, _processor() - used
    if done.returncode:
        sys.exit(f"{done.stderr.decode()}\nerror: train.py failed")
    return taken


def _processor() -> float:
    """Seconds that processes which this one started, and which have ended, had."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    """Measures and prints."""
    settings = sys.argv[1:]
    with TemporaryDirectory(prefix="patentlm-start-") as folder:
        run = f"hydra.run.dir={folder}/run"
        commands = {
            "--help": ["--help"],
            "--cfg job": [*settings, "--cfg", "job"],
            "first training step": [*settings, run, FIRST_STEP],
        }
        for arguments in commands.values():
            seconds(arguments)
        rounds = [{name: seconds(a) for name, a in commands.items()} for _ in range(ROUNDS)]
    rows = []
    for name in commands:
        taken, used = map(results.spread, zip(*(each[name] for each in rounds), strict=True))
        rows.append({"until": name, "seconds": taken, "of the processor": used})
    results.write("start_up", "Seconds from the command to its first result", rows, seed=1)


if __name__ == "__main__":
    main()
