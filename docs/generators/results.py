"""Tables and plots of the result files in `benchmarks/results/`.

    python -m docs.generators.results

prints the page.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.results import FOLDER as RESULTS
from benchmarks.results import shown
from docs.generators.curves import curves

BAR, GAP, LABEL, WIDTH = 22, 10, 250, 720


def write(folder: Path) -> None:
    """Writes each result file as a Markdown fragment, and all of them as `all.md`."""
    made = folder / "results"
    made.mkdir(parents=True, exist_ok=True)
    (made / "all.md").write_text(page(), encoding="utf-8")
    for name, found in all_results().items():
        (made / f"{name}.md").write_text(fragment(found), encoding="utf-8")


def page() -> str:
    """A section for each result file."""
    sections = (f"## {found['title']}\n\n{fragment(found)}" for found in all_results().values())
    return "\n\n".join(sections)


def all_results() -> dict[str, dict[str, Any]]:
    """The content of each result file by its name, the leaderboard first."""
    files = sorted(RESULTS.glob("*.json"), key=lambda path: (path.stem != "leaderboard", path.stem))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def fragment(found: dict[str, Any]) -> str:
    """Plot, table and origin of one result file, in Markdown."""
    parts = []
    if found["plot"]:
        parts.append(f"```{{raw}} html\n{plot(found['rows'], found['plot'])}\n```")
    parts.append(table(found["rows"]))
    if found["note"]:
        parts.append(found["note"])
    parts.append(origin(found))
    return "\n\n".join(parts) + "\n"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table, numbers to the right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numbers = {n for n in names if any(isinstance(r.get(n), int | float | dict) for r in rows)}
    head = "| " + " | ".join(names) + " |"
    rule = "| " + " | ".join("---:" if name in numbers else ":---" for name in names) + " |"
    lines = ["| " + " | ".join(shown(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join([head, rule, *lines])


def plot(rows: list[dict[str, Any]], columns: str | list[str]) -> str:
    """A bar chart of one column; of two, the second against the first, a line for each name."""
    if isinstance(columns, str):
        return bars(rows, columns)
    lines = defaultdict(list)
    for row in rows:
        lines[_label(row)].append(tuple(row[column] for column in columns))
    return curves(lines, *columns)


def bars(rows: list[dict[str, Any]], column: str) -> str:
    """A bar chart of one column in the colours of the page, as SVG."""
    named = [(_label(row), _number(row.get(column))) for row in rows]
    named = [(label, number) for label, number in named if number is not None]
    most = max(number for _, number in named) or 1
    height = len(named) * (BAR + GAP) + GAP
    scale = (WIDTH - LABEL - 90) / most
    parts = []
    for place, (label, number) in enumerate(named):
        y = GAP + place * (BAR + GAP)
        middle, length = y + BAR / 2 + 5, max(1, number * scale)
        parts.append(
            f'<text x="{LABEL - 10}" y="{middle:.0f}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3"/>'
            f'<text x="{LABEL + length + 8:.0f}" y="{middle:.0f}">{shown(number)}</text>'
        )
    return (
        f'<div class="wide"><svg class="bars" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {WIDTH} {height}" aria-label="{escape(column)}">{"".join(parts)}</svg></div>'
    )


def origin(found: dict[str, Any]) -> str:
    """Where the figures come from: command, seed, machine, date and commit."""
    machine, versions = found["machine"], found["versions"]
    seed = "no seed" if found["seed"] is None else f"seed {found['seed']}"
    lines = [
        f"`{found['command']}`",
        f"{found['date']}, commit {found['commit']}, {seed}. {machine['cpu']}, "
        f"{machine['cores']} cores (load before: {machine['load']}). "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + ".",
    ]
    return ":::{div} origin\n" + "\\\n".join(lines) + "\n:::"


def _label(row: dict[str, Any]) -> str:
    """The first text of a row."""
    return next((str(value) for value in row.values() if isinstance(value, str)), "")


def _number(value: Any) -> float | None:
    return value.get("median", value.get("mean")) if isinstance(value, dict) else value


if __name__ == "__main__":
    print(page(), end="")
