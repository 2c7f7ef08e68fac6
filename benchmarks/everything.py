"""Without a limit on the budget: models together, mixed with an n-gram and a cache, and adapted.

    python -m benchmarks.everything RUN+RUN+RUN

Evaluates as `evaluate.py` does, with dynamic evaluation and a mixture fitted on valid; test is read
once, by all together. What each model comes to by itself is taken from its run's folder. Prints a
table and writes `benchmarks/results/everything.json`.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import results
from benchmarks.ours import ROOT

SETTINGS = (
    "mixture=fitted",
    "mixture.neighbours=0",
    "adaptation=dynamic",
    "adaptation.learning_rate=7.5e-4",
    "adaptation.decay=0",
)


def settings_of(run: str) -> str:
    """What a run was told, but for its data and its folder."""
    record = json.loads(Path(run, "run.json").read_text(encoding="utf-8"))
    left_out = ("data", "hydra.", "seed=", "distillation.teacher=")
    told = [one for one in record["overrides"] if not one.startswith(left_out)]
    return " ".join([*told, f"seed={record['seed']}"])


def alone(run: str) -> dict[str, Any]:
    """A run's own row."""
    metrics = json.loads(Path(run, "metrics.json").read_text(encoding="utf-8"))
    return row(settings_of(run), metrics["valid/perplexity"], metrics)


def row(name: str, valid: float, scores: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    return {
        "models": name,
        "valid perplexity": valid,
        "test perplexity": scores["test/perplexity"],
        "test accuracy (%)": 100 * scores["test/accuracy"],
        "test bits/char": scores["test/bits_per_character"],
    }


def together(checkpoint: str) -> dict[str, Any]:
    """The figures of `evaluate.py`."""
    with TemporaryDirectory(prefix="patentlm-everything-") as folder:
        path = Path(folder, "scores.json")
        command = [sys.executable, "evaluate.py", f"checkpoint={checkpoint}", *SETTINGS]
        subprocess.run([*command, f"path={path}"], cwd=ROOT, check=True)
        (scores,) = json.loads(path.read_text(encoding="utf-8")).values()
    return scores  # type: ignore[no-any-return]


def main() -> None:
    """Evaluates, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", metavar="RUN+RUN", help="folders of runs with a + between")
    asked = parser.parse_args()
    runs = asked.checkpoint.split("+")
    scores = together("+".join(str(Path(run).resolve()) for run in runs))
    valid = scores["mixture/valid/perplexity"]
    found = [*map(alone, runs), row("together, mixed and adapted", valid, scores)]
    named = {key.split("/")[1]: scores[key] for key in scores if key.endswith("/weight")}
    weights = ", ".join(f"{part} {weight:.3f}" for part, weight in named.items())
    title = "Without a limit: models together, mixed and adapted"
    note = f"`evaluate.py {' '.join(SETTINGS)}`. Weights fitted on valid: {weights}."
    results.write("everything", title, found, seed=None, note=note)


if __name__ == "__main__":
    main()
