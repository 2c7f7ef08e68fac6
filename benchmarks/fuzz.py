"""Wrong inputs by the thousand: each is read, or refused with the product's own error in one line.

    python -m benchmarks.fuzz                    # 120,000 inputs, about half an hour on one core
    python -m benchmarks.fuzz --inputs 2000 --seed 7 --only readers,checkpoints

Kinds: files of patents (whole ones, damaged), texts (Unicode of all planes, through cleaning, words
and back), checkpoints (bytes and entries damaged), configs (settings of every script), prompts and
arguments. Exits with 1 if one ended otherwise, and says which seed makes it again.
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

import pyarrow
import pyarrow.parquet
import torch
from tqdm import tqdm

from patentlm.checkpoint import CheckpointMetadata, build_data, build_network
from patentlm.data.words import Vocabulary, detokenize, tokenize
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


def damage(content: bytes, chance: random.Random) -> bytes:
    """The bytes with some changed, taken out, put in or cut off."""
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[at : at + chance.randrange(64)]
        elif kind == 2:
            changed[at:at] = chance.randbytes(chance.randrange(16))
        elif kind == 3:
            changed[at:at] = chance.choice((b'"', b"\x00", b"\xff\xfe", b"\n", b"{", b"\t", b","))
        else:
            del changed[max(1, at) :]
    return bytes(changed)


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
        self.files = self._files()

    def readers(self, chance: random.Random) -> None:
        """A damaged file of patents, read to its end."""
        ending = chance.choice(sorted(self.files))
        path = self.folder / f"patents{ending}"
        path.write_bytes(damage(self.files[ending], chance))
        changed = {"path": str(path), "encoding_errors": chance.choice(("strict", "replace"))}
        list(build_data(FILE | changed).records())

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

    def _files(self) -> dict[str, bytes]:
        rows = [("1", "1999-01-02", "A neural network, (10)."), ("2", "2001-03-04", 'An "ear".')]
        names = ("patent_id", "patent_date", "patent_abstract")
        lines = [names, *rows]
        table = pyarrow.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
        pyarrow.parquet.write_table(table, self.folder / "whole.parquet")
        records = ['{"abstract": "A neural network.", "id": "1"}', '{"abstract": "An ear."}']
        return {
            ".csv": "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines).encode(),
            ".tsv": "\n".join("\t".join(line) for line in lines).encode(),
            ".jsonl": "\n".join(records).encode(),
            ".json": f"[{','.join(records)}]".encode(),
            ".parquet": (self.folder / "whole.parquet").read_bytes(),
        }


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


def run(inputs: int, *, seed: int, only: tuple[str, ...] = (), bar: bool = False) -> Counter[str]:
    """Tries inputs of all kinds in turn.

    Args:
        inputs: how many.
        seed: of the first; each further one has the next.
        only: kinds, by name; none for all.
        bar: shows a progress bar.

    Returns:
        How many were read and refused, by kind; what failed is printed and counted as failed.
    """
    kinds = only or ("readers", "texts", "checkpoints", "configs", "prompts")
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = Inputs(Path(folder))
        for at in tqdm(range(seed, seed + inputs), disable=not bar):
            kind = kinds[at % len(kinds)]
            found[f"{kind} {_outcome(getattr(whole, kind), at)}"] += 1
    return found


def _outcome(attempt: Callable[[random.Random], None], seed: int) -> str:
    try:
        attempt(random.Random(seed))
    except PatentLMError as error:
        if "\n" not in str(error):
            return "refused"
        print(f"seed {seed}: more than a line: {error}", file=sys.stderr)
        return "failed"
    except Exception:
        print(f"seed {seed}: {traceback.format_exc()[-600:]!a}", file=sys.stderr)
        return "failed"
    return "read"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int, default=120_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds with commas between them")
    asked = parser.parse_args()
    began = time.perf_counter()
    only = tuple(filter(None, asked.only.split(",")))
    found = run(asked.inputs, seed=asked.seed, only=only, bar=True)
    for outcome, count in sorted(found.items()):
        print(f"{outcome:<24} {count:>8,}")
    print(f"{asked.inputs:,} inputs in {time.perf_counter() - began:,.0f} s")
    raise SystemExit(any(outcome.endswith("failed") for outcome in found))


if __name__ == "__main__":
    main()
