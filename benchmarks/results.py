"""Result files: what a measurement found, and what it takes to repeat it.

A benchmark ends with

    results.write("leak", "Runs of test seen in train", rows, seed=1)

which writes `benchmarks/results/leak.json`. The documentation makes its tables and plots from these
files alone, so no figure in it is typed by hand.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tabulate import tabulate

from benchmarks.machine import machine

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("torch", "pytorch-lightning", "numpy")
Spread = Mapping[str, float]
"""Median, lowest and highest of several rounds."""


def write(
    name: str,
    title: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    seed: int | None,
    note: str = "",
    plot: str | Sequence[str] | None = None,
    command: str | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Prints a table and writes it as a result file.

    Args:
        name: of the file, without `.json`.
        title: one line that says what was measured.
        rows: of the table; each maps a column's name, with its unit, to text, a number, None or a
            `spread`.
        seed: of the measurement, None where nothing is drawn at random.
        note: what a reader must know to read the table.
        plot: the column that a bar chart shows, or two: curves of the second against the first,
            one for each first text of a row; None for no chart.
        command: what repeats the measurement; by default, the command that is running.
        folder: where the file goes.

    Returns:
        The path of the file.
    """
    found = {
        "title": title,
        "note": note,
        "command": command or running_command(),
        "seed": seed,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "versions": {"python": sys.version.split()[0], **{p: version(p) for p in PACKAGES}},
        "plot": plot,
        "rows": [dict(row) for row in rows],
    }
    print(table(rows))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def spread(rounds: Sequence[float]) -> Spread:
    """Median, lowest and highest of several rounds.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'lowest': 1.0, 'highest': 3.0}
    """
    return {"median": median(rounds), "lowest": min(rounds), "highest": max(rounds)}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows for a terminal.

    >>> print(table([{"": "ours", "words/s": spread([1.0, 2.0, 3.0])}]))
          words/s
    ----  ---------
    ours  2 (1 – 3)
    """
    cells = [{name: shown(value) for name, value in row.items()} for row in rows]
    return tabulate(cells, headers="keys", disable_numparse=True)


def shown(value: Any) -> str:
    """A value as a table shows it.

    >>> shown(0.012345), shown(54321.9), shown(3), shown(None)
    ('0.0123', '54,322', '3', '–')
    >>> shown({"median": 2.0, "lowest": 1.0, "highest": 3.5})
    '2 (1 – 3.5)'
    """
    if value is None:
        return "–"
    if isinstance(value, dict) and "mean" in value:
        spread = value["deviation"]
        return f"{value['mean']:.1f}" if spread is None else f"{value['mean']:.1f} ± {spread:.1f}"
    if isinstance(value, dict):
        return f"{shown(value['median'])} ({shown(value['lowest'])} – {shown(value['highest'])})"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def running_command() -> str:
    """The command that is running, as it is typed in the repository's root."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"python -m {module.name}" if module else f"python {Path(sys.argv[0]).name}"
    return " ".join([program, *map(_relative, sys.argv[1:])])


def commit() -> str:
    """The commit that was measured, with `-dirty` behind it where the code differs from it."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "-uno", "--", ".", ":!benchmarks/results", ":!docs")
    return f"{head}-dirty" if changed else head or "unknown"


def _git(*arguments: str) -> str:
    root = Path(__file__).parent.parent
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout.strip()


def _relative(argument: str) -> str:
    """An argument without the place of this checkout, quoted where the shell needs it."""
    shown = re.sub(r"(?<![^=,])/[^\s,]+", lambda path: os.path.relpath(path[0]), argument)
    return f"'{shown}'" if re.search(r"[\s*?$|;&(){}\[\]]", shown) else shown
