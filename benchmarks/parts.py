"""What each part of a preset is worth: valid perplexity without it, or with one more.

    python -m benchmarks.parts ../shared/data/neural_network_split --preset quick

Each change is trained by itself, one after another, as `train.py` trains the preset, and is judged
on valid alone; `--settings trainer.max_epochs=2` makes it short. What a training came to is kept in
`outputs/trainings`, and is not trained again with the same settings. Prints a table and writes
`benchmarks/results/parts_PRESET.json`.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from benchmarks import results
from benchmarks.trainings import SEED, on_the_split, rows

POINTER = {
    "without copying": ["model/head=tied"],
    "without runs of words": ["model.head.match=0"],
    "without a bias for each word": ["model.head.word_bias=false"],
    "copying from the last 50 words alone": ["model.head.size=50"],
}
COPYING = {"with copying": ["model/head=pointer_sentinel"]}
SUBWORDS = {"without subwords": ["subwords=none"]}
REGULARISATION = {
    "without dropped weights": ["model.cell.weight_drop=0"],
    "without dropped words": ["model.embedding_dropout=0"],
    "without penalties of activations": ["penalty.activation=0", "penalty.temporal=0"],
    "without dropout of inputs and outputs": ["model.input_dropout=0", "model.output_dropout=0"],
    "without weight decay": ["optimizer.weight_decay=0"],
}
SOFTMAX = {
    "without tied weights": ["model/head@model.head.softmax=softmax"],
    "with a mixture of softmaxes": ["model/head@model.head.softmax=mixture_of_softmaxes"],
}
RECIPE = {
    "AdamW instead of Muon": ["optimizer=adamw", "optimizer.lr=4e-3"],
    "a constant rate": ["scheduler=constant"],
    "a rate along half a cosine": ["scheduler.anneal_strategy=cos"],
    "with averaged weights": ["callbacks=ema"],
    "an average at a constant rate of half the size": [
        "scheduler=constant",
        "optimizer.lr=1e-2",
        "callbacks=polynomial",
    ],
    "batches of four times the size": ["windows.batch_size=32"],
}
TEACHER = {"taught by a run of quick": ["distillation=quick"]}
ALONE = {"without a teacher": ["distillation=none"]}
PARTS = {
    "quick": POINTER | SUBWORDS | SOFTMAX | RECIPE | TEACHER,
    "copying": POINTER | SUBWORDS | ALONE,
    "best_cpu": SUBWORDS | REGULARISATION | COPYING | TEACHER,
}


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data_folder", type=Path, help="with train.txt, valid.txt and test.txt, as for data=corpus")
    add("--preset", choices=PARTS, required=True, help="an experiment")
    add("--only", nargs="+", metavar="CHANGE", help="these of its changes; all by default")
    add("--settings", nargs="*", default=[], help="further ones of all, as for train.py")
    add("--teacher", metavar="RUN", help="of all but those without, instead of one for each")
    arguments = parser.parse_args()
    for name in arguments.only or ():
        if name not in PARTS[arguments.preset]:
            parser.error(f"{name!r} is no change of {arguments.preset}")
    return arguments


def taught(changes: dict[str, list[str]], teacher: str | None) -> dict[str, list[str]]:
    """The changes, each with a given teacher but those that are without one."""
    given = ["distillation=teacher", f"distillation.teacher={teacher}"] if teacher else []
    return {name: [*(given if name not in ALONE else []), *one] for name, one in changes.items()}


def main() -> None:
    """Trains with the changes that are missing, prints and writes."""
    arguments = asked()
    preset = f"experiment={arguments.preset}"
    common = [*on_the_split(arguments.data_folder), preset, *arguments.settings]
    all_changes = PARTS[arguments.preset]
    chosen = {name: all_changes[name] for name in arguments.only or all_changes}
    changes = taught({"the preset itself": [], **chosen}, arguments.teacher)
    found = sorted(rows(changes, common, "change"), key=lambda row: row["valid perplexity"])
    title = f"What each part is worth: experiment={arguments.preset}"
    name = f"parts_{arguments.preset}"
    results.write(name, title, found, seed=SEED, note=NOTE, plot="valid perplexity")


NOTE = (
    "One run each; the rates are those of the preset, found with all of its parts. Speeds are "
    "those of training steps on one core, by processor time."
)

if __name__ == "__main__":
    main()
