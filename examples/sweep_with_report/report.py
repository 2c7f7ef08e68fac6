"""A report of a sweep, from its leaderboard: `report.py SWEEP_FOLDER` writes `report.md`."""

import csv
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

METRICS = {"rank", "valid/perplexity", "test/perplexity", "parameters", "epochs", "fit/seconds"}
METRICS |= {"train/words_per_second", "status", "job", "seed"}


def settings_of(job: dict[str, str]) -> str:
    """What a job varies beside its seed."""
    return ", ".join(f"{name}={value}" for name, value in job.items() if name not in METRICS)


def report(jobs: list[dict[str, str]]) -> str:
    """A table of all settings, best first, and a conclusion."""
    perplexities = defaultdict(list)
    for job in jobs:
        if job["status"] == "complete":
            perplexities[settings_of(job)].append(float(job["valid/perplexity"]))
    ranked = sorted(perplexities.items(), key=lambda item: mean(item[1]))
    lines = ["# Report", "", "| setting | seeds | valid perplexity |", "| --- | --- | --- |"]
    spreads = [stdev(some) if len(some) > 1 else 0.0 for _, some in ranked]
    for (setting, some), spread in zip(ranked, spreads, strict=True):
        lines.append(f"| {setting} | {len(some)} | {mean(some):.1f} ± {spread:.1f} |")
    (best, first), (_, second) = ranked[:2]
    ahead = mean(second) - mean(first)
    verdict = "more" if ahead > max(spreads[:2]) else "no more"
    lines += ["", f"Best: {best}, {ahead:.1f} ahead, which is {verdict} than seeds differ."]
    return "\n".join(lines) + "\n"


def main(sweep: str) -> None:
    """Reads the leaderboard and writes the report beside it."""
    with Path(sweep, "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        jobs = list(csv.DictReader(file))
    path = Path(sweep, "report.md")
    path.write_text(report(jobs), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
