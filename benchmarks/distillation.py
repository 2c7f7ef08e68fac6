"""What a teacher is worth: valid perplexity of presets alone, and taught by trained models.

    python -m benchmarks.distillation ../shared/data/neural_network_split --presets quick \\
        --teachers RUN RUN

Each preset is trained alone, taught by the first of the runs, and taught by all of them, as
`train.py` trains it with `distillation=teacher`, and is judged on valid alone. What a training came
to is kept in `outputs/trainings`, and is not trained again with the same settings. Prints a table
and writes `benchmarks/results/distillation.json`.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.everything import settings_of
from benchmarks.trainings import SEED, on_the_split, rows


def lessons(preset: str, runs: Sequence[str]) -> dict[str, list[str]]:
    """Returns the settings of a preset with no, one and all teachers, by the name of the row."""
    named = {f"{preset}, alone": [f"experiment={preset}"]}
    for count in sorted({1, len(runs)}):
        name = f"{preset}, taught by {count} model{'s' if count > 1 else ''}"
        teacher = "+".join(str(Path(run).resolve()) for run in runs[:count])
        named[name] = [
            f"experiment={preset}",
            "distillation=teacher",
            f"distillation.teacher='{teacher}'",
        ]
    return named


def main() -> None:
    """Trains what is missing, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data_folder", type=Path, help="with train.txt, valid.txt and test.txt, as for data=corpus")
    add("--presets", nargs="+", default=["quick"], help="experiments")
    add("--teachers", nargs="+", required=True, metavar="RUN", help="folders of runs")
    add("--settings", nargs="*", default=[], help="further ones of all, as for train.py")
    asked = parser.parse_args()
    named = {
        name: settings
        for preset in asked.presets
        for name, settings in lessons(preset, asked.teachers).items()
    }
    common = [*on_the_split(asked.data_folder), *asked.settings]
    found = list(rows(named, common, "preset"))
    teachers = ", ".join(f"`{settings_of(run)}`" for run in asked.teachers)
    note = f"The teachers, in this order: {teachers}. Their own training is not counted."
    results.write(
        "distillation", "What a teacher is worth", found, seed=SEED, note=note,
        plot="valid perplexity",
    )  # fmt: skip


if __name__ == "__main__":
    main()
