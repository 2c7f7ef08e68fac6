"""Kills training runs again and again, and compares what they end with to a run left alone.

    python -m benchmarks.interruptions random 200 results.json    at random moments
    python -m benchmarks.interruptions writes results.json        before every change of a file
    python -m benchmarks.interruptions signals 30 results.json    by SIGTERM at random moments

Each run is started again with the same command until it is complete. Then weights, optimizer,
schedule, averages and metrics of both checkpoints are compared bit by bit. A run has dropout, a
schedule by steps and a carried state or accumulated batches, by turns. Figures go to a file.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path
from typing import Any

from tests.interruption import outcome

ROOT = Path(__file__).parent.parent
RUN = (
    "data.count=60", "trainer=cpu", "trainer.precision=32-true", "model.hidden_size=32",
    "model.embedding_size=16", "model.dropout=0.2", "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1", "callbacks.early_stopping.patience=9", "samples.count=1",
    "samples.max_words=20", "callbacks.checkpoint.every_n_steps=3",
)  # fmt: skip
KINDS = (
    ("windows=abstract", "windows.batch_size=2", "scheduler=one_cycle"),
    (
        "windows=stream", "windows.random_length=true", "windows.batch_size=4", "callbacks=nt_asgd",
        "scheduler=plateau", "trainer.limit_train_batches=20", "trainer.val_check_interval=7",
    ),
    (
        "windows.length=10", "windows.batch_size=16", "trainer.limit_train_batches=20",
        "trainer.accumulate_grad_batches=2", "callbacks=ema", "scheduler=warmup_cosine",
    ),
)  # fmt: skip
HOOK = """
import os, sys
under, at, count = os.environ["KILL_UNDER"], int(os.environ["KILL_AT"]), 0
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile")
def hook(event, arguments):
    global count
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if (writes or event in CHANGES) and str(arguments[0]).startswith(under):
        count += 1
        if count == at:
            os.kill(os.getpid(), 9)
sys.addaudithook(hook)
"""


def start(folder: Path, kind: int, **environment: str) -> subprocess.Popen[bytes]:
    """A run in its folder, with a cache that all runs share."""
    command = [sys.executable, str(ROOT / "train.py"), *RUN, *KINDS[kind % len(KINDS)]]
    shared = {"PATENTLM_CACHE": str(folder.parent / "cache"), "OMP_NUM_THREADS": "1"}
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        return subprocess.Popen(
            [*command, f"hydra.run.dir={folder}"],
            env=os.environ | shared | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def finish(folder: Path, kind: int, reference: dict[str, Any]) -> list[str]:
    """Lets a run end, and gives what differs from one that was left alone."""
    if start(folder, kind).wait() != 0:
        return ["it can't go on"]
    found = outcome(folder)
    return [name for name in reference if found[name] != reference[name]]


def at_random(base: Path, kills: int, number: int) -> dict[str, Any]:
    """Kills at random moments, until that many are done."""
    chance, done, bad, exits = random.Random(1), 0, [], Counter[int]()
    references: dict[int, tuple[dict[str, Any], float]] = {}
    run = 0
    while done < kills:
        kind, folder, run = run % len(KINDS), base / f"run{run}", run + 1
        if kind not in references:
            began = time.monotonic()
            alone = finish(base / f"alone{kind}", kind, {})
            assert not alone, alone
            references[kind] = outcome(base / f"alone{kind}"), time.monotonic() - began
        reference, seconds = references[kind]
        for _ in range(chance.randint(1, 4)):
            process = start(folder, kind)
            try:
                process.wait(chance.uniform(0.1, 1.1) * seconds)
                break  # it is complete
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, number)
                exits[process.wait()] += 1
                done += 1
        if differs := finish(folder, kind, reference):
            bad.append({"run": folder.name, "differs": differs})
        print(f"{done} kills, {run} runs, {len(bad)} differ", flush=True)
    return {"kills": done, "runs": run, "bad": bad, "exit_codes": dict(exits)}


def at_writes(base: Path) -> dict[str, Any]:
    """Kills before each change that a run makes in its folder."""
    hook = base / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)
    finish(base / "alone", 0, {})
    reference, bad, at = outcome(base / "alone"), [], 0
    while True:
        at += 1
        folder = base / f"run{at}"
        python_path = os.pathsep.join([str(hook), os.environ.get("PYTHONPATH", "")])
        killer = {"KILL_UNDER": str(folder), "KILL_AT": str(at), "PYTHONPATH": python_path}
        if start(folder, 0, **killer).wait() == 0:
            break
        if differs := finish(folder, 0, reference):
            bad.append({"change": at, "differs": differs})
        print(f"{at} kills, {len(bad)} differ", flush=True)
    return {"kills": at - 1, "bad": bad}


def parse() -> Namespace:
    """The command line."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=["random", "writes", "signals"])
    parser.add_argument("kills", nargs="?", type=int, default=20, help="how many, at least")
    parser.add_argument("results", type=Path, help="the file for the figures")
    return parser.parse_args()


def main() -> None:
    """Runs the kind of interruption that is asked for, and stores what came of it."""
    asked = parse()
    with tempfile.TemporaryDirectory() as base:
        if asked.how == "writes":
            found = at_writes(Path(base))
        else:
            number = signal.SIGKILL if asked.how == "random" else signal.SIGTERM
            found = at_random(Path(base), asked.kills, number)
    asked.results.write_text(json.dumps({"how": asked.how, **found}, indent=2) + "\n")
    print(json.dumps(found))
    raise SystemExit(bool(found["bad"]))


if __name__ == "__main__":
    main()
