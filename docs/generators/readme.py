"""The README's table of models, from the leaderboard's result file.

    python -m docs.generators.readme

writes it anew between its two marks; a test fails where it is out of date.
"""

import json
import re
from typing import Any

from docs.generators.results import RESULTS, shown
from docs.generators.settings import CONF, description

README = CONF.parent / "README.md"
MARKED = re.compile(r"(?<=<!-- models -->\n).*(?=<!-- end of models -->)", re.DOTALL)


def main() -> None:
    """Writes the README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(MARKED.sub(lambda _: models(), text), encoding="utf-8")


def models() -> str:
    """The table, and in one line how it was measured."""
    found = json.loads((RESULTS / "leaderboard.json").read_text(encoding="utf-8"))
    rows = [
        (f"`{name}`", about(name), _millions(row), shown(row["test perplexity"]), _minutes(row))
        for row in found["rows"]
        if (name := row["preset"].removeprefix("experiment="))
    ]
    head = "| `experiment=` | what it is | parameters | test perplexity | training |"
    lines = [head, "| --- | --- | ---: | ---: | ---: |", *map(_line, rows)]
    machine = found["machine"]
    precisions = " or ".join(dict.fromkeys(row["precision"] for row in found["rows"]))
    origin = f"(Measured until {found['date']}, {machine['cores']} cores of an {machine['cpu']}, "
    origin += f"precision {precisions}.)"
    return "\n".join(["", *lines, "", origin, ""])


def about(preset: str) -> str:
    """The first sentence of the comment that a preset begins with."""
    text = (CONF / "experiment" / f"{preset}.yaml").read_text(encoding="utf-8")
    return re.split(r"\.\s", description(text))[0].rstrip(".")


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _millions(row: dict[str, Any]) -> str:
    return f"{row['parameters'] / 1e6:.1f} M"


def _minutes(row: dict[str, Any]) -> str:
    return f"{row['training (s)'] / 60:.1f} min"


if __name__ == "__main__":
    main()
