"""The leaderboard of a sweep's jobs: `leaderboard.csv` and `leaderboard.md` in its folder."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tabulate import tabulate

from patentlm.sweeps.run_folder import RunFolder

FIGURES = {
    "valid/perplexity": ".2f",
    "test/perplexity": ".2f",
    "parameters": ",",
    "epochs": "",
    "fit/seconds": ",.0f",
    "train/words_per_second": ",.0f",
}
"""Metrics of each job, and their number formats."""

SPREAD = ("valid/perplexity", "test/perplexity", "fit/seconds")
"""Metrics of jobs that differ only by their seed."""

Row = dict[str, Any]


def jobs_of(sweep: Path) -> list[RunFolder]:
    """Returns the folders of a sweep's jobs."""
    return [RunFolder(found.parent) for found in sorted(sweep.rglob(".hydra"))]


def rank(jobs: Sequence[RunFolder], sweep: Path) -> list[Row]:
    """Returns a row for each job, sorted by valid perplexity, incomplete jobs last."""
    asked = [_settings(job) for job in jobs]
    differing = _differing(asked)
    rows: list[Row] = [
        {
            **{name: settings.get(name, "") for name in differing},
            **{name: (job.metrics or {}).get(name) for name in FIGURES},
            "status": _status(job),
            "job": os.path.relpath(job.path, sweep),
        }
        for job, settings in zip(jobs, asked, strict=True)
    ]
    rows.sort(key=lambda row: _last_if_missing(row["valid/perplexity"]))
    return [{"rank": place, **row} for place, row in enumerate(rows, 1)]


def write(sweep: Path) -> None:
    """Writes the leaderboard of the jobs so far."""
    jobs = jobs_of(sweep)
    rows = rank(jobs, sweep)
    folder = RunFolder(sweep)
    folder.store("leaderboard.csv", as_csv(rows))
    tables = [as_markdown(rows, _common(jobs))]
    if seeds := over_seeds(rows):
        table = tabulate(seeds, headers="keys", tablefmt="pipe", disable_numparse=True)
        tables.append(f"Mean and standard deviation over seeds\n\n{table}\n")
    folder.store("leaderboard.md", "\n".join(tables))


def over_seeds(rows: Sequence[Row]) -> list[Row]:
    """Returns a row for the complete jobs of each setting, sorted by valid perplexity.

    It is empty unless some setting was run with several seeds.
    """
    complete = [row for row in rows if row["status"] == "complete" and "seed" in row]
    grouped = [list(some) for _, some in groupby(sorted(complete, key=_but_seed), _but_seed)]
    if all(len(some) == 1 for some in grouped):
        return []
    grouped.sort(key=lambda some: mean(row["valid/perplexity"] for row in some))
    return [
        {
            **dict(_but_seed(some[0])),
            "seeds": " ".join(sorted(row["seed"] for row in some)),
            **{name: _spread(name, [row[name] for row in some]) for name in SPREAD},
        }
        for some in grouped
    ]


def _but_seed(row: Row) -> list[tuple[str, str]]:
    """Returns the settings that vary, without the seed."""
    told = {"rank", "seed", "status", "job", *FIGURES}
    return [(name, value) for name, value in row.items() if name not in told]


def _spread(name: str, figures: Sequence[float | None]) -> str:
    found = [figure for figure in figures if figure is not None]
    if not found:
        return "–"
    middle = _shown(name, mean(found))
    return f"{middle} ± {_shown(name, stdev(found))}" if len(found) > 1 else middle


def as_csv(rows: Sequence[Row]) -> str:
    """Writes rows with all digits."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def as_markdown(rows: Sequence[Row], common: Sequence[str]) -> str:
    """Writes rows for people, below the settings that all jobs share."""
    shown = [{name: _shown(name, value) for name, value in row.items()} for row in rows]
    right = ["right" if name in FIGURES else "left" for name in (rows[0] if rows else ())]
    table = tabulate(shown, headers="keys", tablefmt="pipe", colalign=right, disable_numparse=True)
    heading = f"All with {' '.join(f'`{setting}`' for setting in common)}\n\n" if common else ""
    return f"{heading}{table}\n"


def _settings(job: RunFolder) -> dict[str, str]:
    """Returns the overrides of a job by name."""
    return dict(override.split("=", 1) for override in job.overrides if "=" in override)


def _differing(asked: Sequence[Mapping[str, str]]) -> list[str]:
    names = dict.fromkeys(name for settings in asked for name in settings)
    return [name for name in names if len({settings.get(name) for settings in asked}) > 1]


def _common(jobs: Sequence[RunFolder]) -> list[str]:
    everywhere = set.intersection(*(set(job.overrides) for job in jobs)) if jobs else set()
    return [override for override in jobs[0].overrides if override in everywhere] if jobs else []


def _status(job: RunFolder) -> str:
    if job.metrics is not None:
        return "complete"
    return f"failed: {job.error.splitlines()[0]}" if job.error else "incomplete"


def _last_if_missing(perplexity: float | None) -> float:
    missing = perplexity is None or perplexity != perplexity
    return float("inf") if missing else float(perplexity)  # type: ignore[arg-type]


def _shown(name: str, value: Any) -> str:
    if name in FIGURES:
        return "–" if value is None else format(value, FIGURES[name])
    return str(value)
