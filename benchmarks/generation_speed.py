"""How fast texts are written: one at a time, many at once, and a Keras loop beside them.

    python -m benchmarks.generation_speed --keras-python PYTHON

`PYTHON` is an interpreter that has Keras. The network is the mission's with fresh weights, read in
both ways that models are made to look back: the abstract so far, and the last 50 words; or that of
a checkpoint, read its own way. `<end>` is made improbable, so that all texts run to 250 words.
Words are drawn as a run does that is not told otherwise. In each of seven rounds all contenders
take a turn, so that they meet alike what else the machine does; each has written some words before
it is timed. Without Keras and a GPU, seconds are those of the processor. Prints a table and writes
`benchmarks/results/generation_speed.json`.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

import patentlm
from benchmarks import results
from benchmarks.machine import add_device
from benchmarks.stock_reference import Clock
from patentlm.checkpoint import build_network
from patentlm.data.windows import Context, describe_context
from patentlm.data.words import END
from patentlm.generation.generator import generate
from patentlm.model.network import Network
from patentlm.runtime import keep_freed_memory

ROOT = Path(__file__).parent.parent
VOCABULARY = 5963
WINDOW = 50
MANY = 64
MAX_WORDS = 250
ROUNDS = 7
KERAS_WORDS = 60

Contender = Callable[[int], float]
"""Words a second in a round."""


def networks(checkpoint: str | None, device: str) -> dict[Context, Network]:
    """What is measured, by how far back it looks."""
    if checkpoint:
        trained = patentlm.load(checkpoint, device=device)
        made = {trained.metadata.context: trained.network}
    else:
        torch.manual_seed(1)
        model = OmegaConf.to_container(configured("train").model, resolve=True)
        made = dict.fromkeys((None, WINDOW), build_network(model, vocabulary=VOCABULARY).to(device))
    for network in made.values():
        network.head.linear.bias.detach()[END] = -100.0
    return made


def configured(name: str) -> DictConfig:
    """The project's own settings for a script."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(name)


def speed(network: Network, context: Context, count: int, clock: Clock, seed: int) -> float:
    """Words a second of so many texts at once, the second time that they are written."""
    sampling = OmegaConf.to_container(configured("train").sampling)
    settings = {"max_words": MAX_WORDS, "sampling": sampling, "context": context}
    write = partial(generate, network, prompt=(), count=count, seed=seed, **settings)
    write()
    start = clock()
    texts = write()
    return sum(len(text.ids) for text in texts) / (clock() - start)


def keras_speed(python: str, seed: int) -> float:
    """Words a second of a loop that calls `model.predict` for each word, in a fresh process."""
    words = np.random.default_rng(seed).integers(VOCABULARY, size=(8, WINDOW), dtype=np.int32)
    targets = np.full(len(words), VOCABULARY - 1, dtype=np.int32)
    with TemporaryDirectory() as folder:
        windows = Path(folder, "windows.npz")
        np.savez(
            windows,
            train_inputs=words,
            train_targets=targets,
            valid_inputs=words,
            valid_targets=targets,
        )
        script = str(ROOT / "benchmarks" / "keras_reference.py")
        command = [python, script, str(windows), "--generate", str(KERAS_WORDS)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["words_per_second"])


def compared(rates: Mapping[str, results.Spread]) -> list[dict[str, Any]]:
    """Words a second, each beside Keras and beside one text at a time by its median."""
    rows = []
    for name, rate in rates.items():
        alone = rates.get(name.replace(f"{MANY} at once", "one at a time"), rate)
        rows.append(
            {
                "texts": name,
                "words/s": rate,
                "÷ Keras": rate["median"] / rates["keras"]["median"] if "keras" in rates else None,
                "÷ one at a time": rate["median"] / alone["median"],
            }
        )
    return rows


def main() -> None:
    """Measures, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="a checkpoint file or a run's folder")
    parser.add_argument("--keras-python", metavar="PATH", help="a Python that has Keras")
    add_device(parser)
    arguments = parser.parse_args()
    keep_freed_memory()  # as generate.py does
    alone = arguments.device == "cpu" and not arguments.keras_python
    clock = process_time if alone else perf_counter
    contenders: dict[str, Contender] = {
        f"{describe_context(context)}, {label}": partial(speed, network, context, count, clock)
        for context, network in networks(arguments.checkpoint, arguments.device).items()
        for label, count in (("one at a time", 1), (f"{MANY} at once", MANY))
    }
    if arguments.keras_python:
        contenders["keras"] = partial(keras_speed, arguments.keras_python)
    rounds = [
        {name: measure(seed) for name, measure in contenders.items()} for seed in range(ROUNDS)
    ]
    rows = compared({n: results.spread([turn[n] for turn in rounds]) for n in contenders})
    results.write(
        "generation_speed",
        "Words written a second",
        rows,
        seed=1,
        note=f"Texts of {MAX_WORDS} words, {torch.get_num_threads()} threads, {ROUNDS} rounds."
        + " Seconds are those of the processor." * alone,
    )


if __name__ == "__main__":
    sys.exit(main())
