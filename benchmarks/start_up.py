"""How long the scripts take to begin: until help, until the settings, until the first step.

    python -m benchmarks.start_up data=corpus data.path=../shared/data/neural_network_split

Arguments are those of `train.py`. Each command runs once uncounted, which prepares the corpus and
warms the system's file cache, and then in turn with the others. Prints a table of seconds and
writes `benchmarks/results/start_up.json`.
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


def seconds(arguments: Sequence[str]) -> float:
    """Of one run of `train.py`, from its call to its end."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    begun = perf_counter()
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True)
    taken = perf_counter() - begun
    if done.returncode:
        sys.exit(f"{done.stderr.decode()}\nerror: train.py failed")
    return taken


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
    taken = {name: [each[name] for each in rounds] for name in commands}
    found = {name: results.spread(some) for name, some in taken.items()}
    rows = [{"until": name, "seconds": some} for name, some in found.items()]
    results.write("start_up", "Seconds from the command to its first result", rows, seed=1)


if __name__ == "__main__":
    main()
