"""How many small mistakes in the code the tests notice.

    python -m benchmarks.mutation                            # about half an hour on two cores
    python -m benchmarks.mutation --rooms model --count 20
    mutmut show patentlm.model.head.x_name__mutmut_1         # a mutant that was not noticed

mutmut makes the mutants, each with one operator, number, text or argument changed, in the folder
`mutants`, and runs those tests that call the changed function; pyproject.toml says which files of
tests. From every room, as many mutants as told are drawn at random. A mutant is caught if a test
fails or does not end.
"""

import argparse
import json
import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import results

ROOMS = ("model", "data", "generation")
CAUGHT = {"killed", "timeout", "segfault"}
NOTE = "Caught: a test fails or does not end. Whole trainings are left out of these tests."


def main() -> None:
    arguments = parse()
    made = {room: list(verdicts(room)) for room in make_mutants(arguments.rooms)}
    drawn = {room: draw(made[room], arguments.count, arguments.seed) for room in made}
    run = ["mutmut", "run", *(name for names in drawn.values() for name in names)]
    subprocess.run(run, env=os.environ | {"CI": "1"}, check=True)  # the same examples each time
    rows = [report(room, len(made[room]), drawn[room]) for room in drawn]
    results.write("mutation", "Mutants caught by tests", rows, seed=arguments.seed, note=NOTE)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=ROOMS)
    parser.add_argument("--count", type=int, default=100, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def make_mutants(rooms: Sequence[str]) -> Sequence[str]:
    """Writes the mutants of all files that have changed since the last time."""
    from mutmut.__main__ import copy_src_dir, create_mutants

    copy_src_dir()
    create_mutants(os.cpu_count() or 1)
    return rooms


def draw(names: Sequence[str], count: int, seed: int) -> list[str]:
    """So many of the names, the same for the same seed."""
    return random.Random(seed).sample(sorted(names), min(count, len(names)))


def verdicts(room: str) -> Mapping[str, str]:
    """What became of each mutant of a room."""
    from mutmut.stats import status_by_exit_code

    found: dict[str, str] = {}
    for path in sorted(Path("mutants/src/patentlm", room).rglob("*.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        found |= {name: status_by_exit_code[code] for name, code in codes.items()}
    return found


def report(room: str, made: int, drawn: Sequence[str]) -> dict[str, Any]:
    """The row of a room; prints the mutants that were not caught."""
    found = verdicts(room)
    missed = [name for name in drawn if found[name] not in CAUGHT]
    for name in missed:
        print(f"{found[name]}: {name}")
    caught = len(drawn) - len(missed)
    return {
        "room": room,
        "mutants": made,
        "drawn": len(drawn),
        "caught": caught,
        "caught (%)": round(100 * caught / len(drawn), 1),
    }


if __name__ == "__main__":
    main()
