"""Valid perplexity against processor time of training: the presets beside networks of others.

    python -m benchmarks.frontier ../shared/data/neural_network_split \
        --contenders quick minute keras word_language_model transformer --keras-python PYTHON

A contender is a preset (`experiment=` of `train.py`) or one of keras, word_language_model and
transformer, see `reference_networks`. Each trains by itself, one after another; its epochs are kept
in `outputs/frontier`, and a contender found there is not trained again, so that they can be added
one by one. Time is that of all cores since training began, valid included, whatever else the
machine does; `OMP_NUM_THREADS=1` keeps threads from waiting for each other. Prints a table and
writes `benchmarks/results/frontier.json`, from which the documentation makes the plot.
"""

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from omegaconf import DictConfig

from benchmarks import results
from benchmarks.ours import ROOT, configured, trainer_settings
from benchmarks.reference_networks import best_transformer, fit_word_language_model
from benchmarks.time_to_perplexity import Epochs, keras_epochs, our_epochs, rows
from patentlm.training import run as training

FOLDER = ROOT / "outputs" / "frontier"
REFERENCES = ("keras", "word_language_model", "transformer")
SEED = 1


def epochs_of(contender: str, common: Sequence[str], python: str, epochs: int) -> Epochs:
    """Trains one contender.

    Args:
        contender: its name.
        common: settings of all, as for `train.py`.
        python: an interpreter that has Keras.
        epochs: of the two PyTorch references; the others know when to stop.
    """
    with TemporaryDirectory(prefix="patentlm-frontier-") as name:
        folder = Path(name)
        if contender == "keras":
            return keras_epochs(python, common, folder)
        if contender not in REFERENCES:
            return our_epochs([*common, f"experiment={contender}", f"seed={SEED}"], folder)
        config = configured([*common, "experiment=quick"], folder)
        bf16 = config.trainer.precision == "bf16-mixed"
        # Weights cast once for the whole training would never change.
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16, cache_enabled=False):
            return reference_epochs(contender, config, epochs)


def reference_epochs(contender: str, config: DictConfig, epochs: int) -> Epochs:
    """Those of one of the two PyTorch references, on the data and batches of some settings."""
    training.prepare_process(SEED)
    data = training.make_data(config)
    words, valid = len(data.corpus.vocabulary), list(data.val_dataloader())
    if contender == "transformer":
        return best_transformer(words, list(data.train_dataloader()), valid, epochs)
    return list(fit_word_language_model(words, data.corpus.ids("train"), valid, epochs))


def kept(folder: Path) -> dict[str, Epochs]:
    """All contenders trained so far."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data_folder", type=Path, help="with train.txt, valid.txt and test.txt, as for data=corpus")
    add("--contenders", nargs="+", metavar="NAME", required=True, help="presets and references")
    add("--keras-python", metavar="PATH", default="python", help="a Python that has Keras")
    add("--epochs", type=int, default=20, help="of the PyTorch references (default: 20)")
    add("--settings", nargs="*", default=[], help="further ones of all, as for train.py")
    return parser.parse_args()


def main() -> None:
    """Trains the contenders that are missing, prints and writes."""
    arguments = asked()
    common = trainer_settings("cpu")
    common += ["data=corpus", f"data.path={arguments.data_folder.resolve()}", *arguments.settings]
    FOLDER.mkdir(parents=True, exist_ok=True)
    for contender in arguments.contenders:
        path = FOLDER / f"{contender}.json"
        if not path.exists():
            found = epochs_of(contender, common, arguments.keras_python, arguments.epochs)
            path.write_text(json.dumps(found))
    lines = list(rows(kept(FOLDER), "processor seconds"))
    title = "Valid perplexity against processor time of training"
    plot = ["processor seconds", "valid perplexity"]
    results.write("frontier", title, lines, seed=SEED, note=NOTE, plot=plot)


NOTE = (
    "One run each; processor seconds since training began, valid and the training of a preset's "
    "teacher included. Trained contenders are kept, so they can be from different days and "
    "machines. `transformer` is a GPT of about the size of `quick`, its rate the best of three in "
    "trials of a fifth of its epochs; the seconds of the trials are not counted."
)

if __name__ == "__main__":
    main()
