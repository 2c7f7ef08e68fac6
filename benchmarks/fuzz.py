"""Wrong inputs by the thousand: each is read, or refused with the product's own error in one line.

    python -m benchmarks.fuzz                    # 120,000 inputs, about half an hour on one core
    python -m benchmarks.fuzz --inputs 2000 --seed 7 --only readers,checkpoints

Kinds: files of patents (delimited, JSON, Parquet and Excel, packed, misnamed and damaged), texts
(Unicode of all planes, through cleaning, words and back), checkpoints (bytes and entries damaged),
configs (settings of every script), prompts and arguments. Each input may take five seconds and half
a gibibyte. Exits with 1 if one ended otherwise, and says which seed makes it again.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # torch imports it late, which takes longer than an input may
from tqdm import tqdm

from benchmarks import results
from benchmarks.fuzz_files import damage, random_file, random_options
from benchmarks.fuzz_limits import OverLimitError, limits
from patentlm.checkpoint import CheckpointMetadata, build_data, build_network
from patentlm.data.text import detokenize, tokenize
from patentlm.data.words import Vocabulary
from patentlm.errors import PatentLMError
from patentlm.integrity import seal
from patentlm.settings.arguments import prepare
from patentlm.settings.checking import mistakes, names_of
from patentlm.settings.schema import SCRIPTS
from patentlm.terminal import printable
from patentlm.trained_model import load

WORDS = ["<end>", "<unk>", "a", "neural", "network", "."]
NETWORK: dict[str, Any] = {
    "_target_": "patentlm.model.network.Network",
    **dict.fromkeys(("dropout", "input_dropout", "output_dropout", "embedding_dropout"), 0.0),
    "embedding_size": 3,
    "hidden_size": 4,
    "layers": 1,
    "locked_dropout": False,
    "frozen_embedding": False,
    "cell": {"_target_": "patentlm.model.cells.LSTM", "_partial_": True},
    "head": {"_target_": "patentlm.model.head.SoftmaxHead", "_partial_": True},
}
CLEANING = {
    "_target_": "patentlm.data.cleaning.Cleaning",
    **dict.fromkeys(("quotes", "entities", "tags", "codes", "figure_references"), True),
    "markers": ["##[A-Z]+[0-9]*##"],
}
SPLIT = {
    "_target_": "patentlm.data.splits.ClusterSplit",
    "valid": 0.1,
    "test": 0.1,
    "shingle": 5,
    "overlap": 0.5,
    "exact_up_to": 100,
}
FILE = {
    "_target_": "patentlm.data.sources.FileSource",
    "query": None,
    "cleaning": CLEANING,
    "split": SPLIT,
    **dict.fromkeys(("column", "language", "delimiter", "quoting", "skip_lines")),
    "encoding": "utf-8",
    "encoding_errors": "strict",
}
ODD = [
    *(None, True, -1, 0, 1, 10**6, 10**30, 0.5, -0.0, float("nan"), float("inf"), "", "x", "${x}"),
    *("${oc.env:HOME}", "os.system", "torch.hub.load", [], {}, [1], {"_target_": "os.system"}),
    *("\x1b[2J", "\ud800", "a" * 5000, "patentlm.model.head.TiedHead", {"a": {"b": [None]}}),
]
KINDS = ("readers", "texts", "checkpoints", "configs", "prompts")
OUTCOMES = ("read", "refused", "failed")
NOTE = "Refused is an error of the product in one line; failed is everything else but read."
PIECES = [
    *("&amp;", "&#60;", "##EQU1##", "(10, 12a)", ".sub.2", '"', '""', "'", "-", "<unk>", "<end>"),
    *("\u202e", "\x00", "\x1b[2J", "e\u0301", "漢字", "ﬁ", "\U0001f600", "\ud800", "\ufeff", "İ"),
    *("a neural network", "FIG. 1", "\r\n", "\u2028", "{", "}", "[", ",", "=", "${x}", "\\"),
]


def text_of(chance: random.Random, most: int = 12) -> str:
    """Words, signs and odd characters in any order."""
    pieces = [
        chance.choice(PIECES) if chance.random() < 0.6 else chr(chance.randrange(0x11_0000))
        for _ in range(chance.randrange(most))
    ]
    return chance.choice(("", " ")).join(pieces)


class Inputs:
    """Whole inputs, in a folder of their own, and what is tried with them when damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cleaning = build_data(FILE | {"path": "x"}).cleaning
        self.vocabulary = Vocabulary(WORDS)
        network = build_network(NETWORK, vocabulary=len(WORDS))
        self.weights = {f"network.{name}": w for name, w in network.state_dict().items()}
        self.entry = self._entry()
        self.checkpoint = self._checkpoint(self.entry).read_bytes()

    def readers(self, chance: random.Random) -> None:
        """A file of patents as `data=file` reads it: found, hashed, and read to its end."""
        ending, content = random_file(chance)
        path = self.folder / f"patents{ending}"
        path.write_bytes(content)
        try:
            source = build_data(FILE | {"path": str(path)} | random_options(chance))
            source.identity()
            for patent in source.records():
                "".join((patent.abstract, patent.id, patent.date, patent.title)).encode()
        finally:
            path.unlink()

    def texts(self, chance: random.Random) -> None:
        """A text through cleaning and words, and back."""
        cleaned = self.cleaning(text_of(chance))
        assert self.cleaning(cleaned) == cleaned, "cleaning twice is cleaning once"
        words = tokenize(cleaned)
        assert tokenize(detokenize(words)) == words, "words come back"

    def checkpoints(self, chance: random.Random) -> None:
        """A checkpoint of which bytes or an entry are damaged."""
        path = self.folder / "x.ckpt"
        if chance.random() < 0.5:
            path.write_bytes(damage(self.checkpoint, chance))
        else:
            self._checkpoint(_changed(self.entry, chance))
        load(path, device="cpu")

    def configs(self, chance: random.Random) -> None:
        """A setting of a script with an odd value."""
        script = chance.choice(sorted(SCRIPTS))
        settings: Any = chance.choice(ODD)
        for part in reversed(chance.choice(names_of(script)).split(".")):
            settings = {part: settings}
        for _, mistake in mistakes(settings, SCRIPTS[script], ""):
            _require_line(mistake)

    def prompts(self, chance: random.Random) -> None:
        """A prompt as an argument, and read by a vocabulary."""
        text = text_of(chance)
        name = chance.choice(("prompt", "data.query", "checkpoint", "hydra.run.dir", "seed", "-"))
        prepare([f"{name}={text}"], names_of("generate"))
        assert "\x1b" not in printable(text)
        self.vocabulary.encode(self.vocabulary.read(text))

    def _entry(self) -> dict[str, Any]:
        return CheckpointMetadata(
            network=NETWORK,
            vocabulary=WORDS,
            context=None,
            data=FILE | {"path": "x.csv"},
            tokenizer={
                "_target_": "patentlm.data.words.WordTokenizer",
                "min_count": 1,
                "max_words": None,
            },
            label="fuzz",
            fingerprint="0",
            sampling={"temperature": 1.0},
            max_words=20,
            seed=1,
            versions={},
        ).as_entry()["patentlm"]

    def _checkpoint(self, entry: dict[str, Any]) -> Path:
        path = self.folder / "x.ckpt"
        try:
            entry = seal(entry, self.weights)
        except (TypeError, ValueError):  # values that JSON has not
            entry = {**entry, "digest": "0"}
        torch.save({"patentlm": entry, "state_dict": self.weights}, path)
        return path


def _changed(entry: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The entry with one value, somewhere in it, an odd one."""
    changed = dict(entry)
    name = chance.choice(sorted(changed))
    below = changed[name]
    if isinstance(below, dict) and below and chance.random() < 0.7:
        changed[name] = _changed(below, chance)
    elif chance.random() < 0.1:
        del changed[name]
    else:
        changed[name] = chance.choice(ODD)
    return changed


def _require_line(message: str) -> None:
    assert message
    assert "\n" not in message, "an error is one line"


def run(
    inputs: int,
    *,
    seed: int,
    only: tuple[str, ...] = (),
    seconds: float = float("inf"),
    bar: bool = False,
) -> dict[str, Counter[str]]:
    """Tries inputs of all kinds in turn.

    Args:
        inputs: how many.
        seed: of the first; each further one has the next.
        only: kinds, by name; none for all.
        seconds: after which no further input is tried.
        bar: shows a progress bar.

    Returns:
        How many were read, refused and failed, by kind; what failed is printed.
    """
    kinds = only or KINDS
    found: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = Inputs(Path(folder))
        for at in tqdm(range(seed, seed + inputs), disable=not bar):
            if time.monotonic() - began > seconds:
                break
            kind = kinds[at % len(kinds)]
            found[kind][_outcome(getattr(whole, kind), at)] += 1
    return found


def _outcome(attempt: Callable[[random.Random], None], seed: int) -> str:
    try:
        with limits():
            attempt(random.Random(seed))
    except PatentLMError as error:
        if len(str(error).splitlines()) == 1:
            return "refused"
        print(f"seed {seed}: not one line: {error}", file=sys.stderr)
        return "failed"
    except (Exception, OverLimitError):
        print(f"seed {seed}: {traceback.format_exc()[-900:]!a}", file=sys.stderr)
        return "failed"
    return "read"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int, default=120_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds with commas between them")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="to stop after")
    asked = parser.parse_args()
    only = tuple(filter(None, asked.only.split(",")))
    found = run(asked.inputs, seed=asked.seed, only=only, seconds=asked.seconds, bar=True)
    rows = [
        {"inputs": kind, "tried": counts.total(), **{name: counts[name] for name in OUTCOMES}}
        for kind, counts in found.items()
    ]
    for row in rows:
        print(" ".join(f"{name}: {value:<12}" for name, value in row.items()))
    title = f"{sum(counts.total() for counts in found.values()):,} wrong inputs, by how they end"
    results.write("fuzz", title, rows, seed=asked.seed, note=NOTE)
    raise SystemExit(any(counts["failed"] for counts in found.values()))


if __name__ == "__main__":
    main()
