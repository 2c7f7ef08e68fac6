"""The presets on the same data, mean and standard deviation over seeds.

    python -m benchmarks.leaderboard experiment=seed,quick seed=1,2,3 \
        data=corpus data.path=../shared/data/neural_network_split

Arguments are those of a sweep with `train.py -m`. Jobs go to `outputs/leaderboard`; complete ones
are not run again, so presets can be added one by one. Prints a table and writes
`benchmarks/results/leaderboard.json`.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import results

ROOT = Path(__file__).parent.parent
SWEEP = ROOT / "outputs" / "leaderboard"
JOB = "${hydra.runtime.choices.experiment}/seed=${seed}"
"""The folder of a job, the same however many there are."""
Metrics = dict[str, Any]


def jobs(sweep: Path) -> Iterator[tuple[str, Metrics]]:
    """The preset and the metrics of each complete job of a sweep."""
    for path in sorted(sweep.glob("*/*/metrics.json")):
        settings = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))["overrides"]
        preset = next((s for s in settings if s.startswith("experiment=")), "defaults")
        yield preset, json.loads(path.read_text(encoding="utf-8"))


def row(preset: str, runs: Sequence[Metrics]) -> dict[str, Any]:
    """One line of the leaderboard."""
    return {
        "preset": preset,
        "parameters": runs[0]["parameters"],
        "seeds": " ".join(str(run["seed"]) for run in runs),
        "valid perplexity": over_seeds([run["valid/perplexity"] for run in runs]),
        "test perplexity": over_seeds([run["test/perplexity"] for run in runs]),
        "test accuracy (%)": 100 * mean(run["test/accuracy"] for run in runs),
        "test bits/char": mean(run["test/bits_per_character"] for run in runs),
        "training (s)": mean(run["fit/seconds"] for run in runs),
        "precision": runs[0]["precision"],
    }


def over_seeds(found: Sequence[float]) -> dict[str, float | None]:
    """Mean and standard deviation; one run has no deviation.

    >>> over_seeds([1.0, 3.0])
    {'mean': 2.0, 'deviation': 1.4142135623730951}
    """
    return {"mean": mean(found), "deviation": stdev(found) if len(found) > 1 else None}


def main() -> None:
    """Runs the jobs that are missing, prints and writes."""
    command = [sys.executable, "train.py", "-m", *sys.argv[1:]]
    command += [f"hydra.sweep.dir={SWEEP}", f"hydra.sweep.subdir='{JOB}'"]
    subprocess.run(command, cwd=ROOT, check=True)
    presets = defaultdict(list)
    for preset, metrics in jobs(SWEEP):
        presets[preset].append(metrics)
    rows = [row(preset, runs) for preset, runs in presets.items()]
    rows.sort(key=lambda found: found["valid perplexity"]["mean"])
    title = "Leaderboard: presets on the fixed split"
    results.write("leaderboard", title, rows, seed=None, note=NOTE, plot="test perplexity")


NOTE = (
    "Mean ± standard deviation over the seeds that the table names. Times include the training of "
    "a preset's teacher. Complete runs are kept, so rows can be from different machines and days."
)

if __name__ == "__main__":
    main()
