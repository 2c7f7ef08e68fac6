"""What each switch of `data.cleaning` changes in the abstracts of a source.

    python -m benchmarks.cleaning_switches data=file data.path=patents.csv

Prints how many abstracts each switch alone changes, the others being on, and some of its changes
with the text around them. `--lines 20` as the first arguments shows twenty instead of ten. The
counts go to `benchmarks/results/cleaning_switches.json`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from tabulate import tabulate

from benchmarks import results
from patentlm.data.cleaning import Cleaning

CONF = Path(__file__).parent.parent / "conf"
AROUND = 14  # characters


def changed_by(switch: str, cleaning: Cleaning, texts: Sequence[str]) -> list[tuple[str, str]]:
    """The texts that a switch changes, without it and with it.

    Args:
        switch: name of a field of `Cleaning`.
        cleaning: all switches as they are set.
        texts: as the source has them.
    """
    without = replace(cleaning, **{switch: () if switch == "markers" else False})
    pairs = ((without(text), cleaning(text)) for text in texts)
    return [pair for pair in pairs if pair[0] != pair[1]]


def changes(before: str, after: str) -> Iterator[str]:
    """Each change between two texts as a line, with the text around it."""
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            old, new = (
                text[max(0, begin - AROUND) : end + AROUND].strip()
                for text, begin, end in ((before, a, b), (after, c, d))
            )
            yield f"{old} → {new}"


def examples(found: dict[str, list[tuple[str, str]]], lines: int) -> list[tuple[str, str]]:
    """The first change of some texts, the switches by turns, as `(switch, line)`."""
    by_switch = [
        [(switch, next(changes(*pair))) for pair in pairs[:lines]]
        for switch, pairs in found.items()
    ]
    return [one for turn in zip_longest(*by_switch) for one in turn if one is not None][:lines]


def main() -> None:
    """Prints the table and the lines for the source that the arguments configure."""
    lines, arguments = 10, sys.argv[1:]
    if arguments[:1] == ["--lines"]:
        lines, arguments = int(arguments[1]), arguments[2:]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        source = instantiate(compose("train", arguments).data)
    texts = [patent.abstract for patent in source.records()]
    switches = [field.name for field in fields(Cleaning)]
    found = {name: changed_by(name, source.cleaning, texts) for name in switches}
    rows = [
        {"switch": name, "abstracts changed": len(pairs), "%": 100 * len(pairs) / len(texts)}
        for name, pairs in found.items()
    ]
    title = f"What each switch of cleaning changes in {len(texts):,} patents"
    results.write("cleaning_switches", title, rows, seed=None)
    print(tabulate(examples(found, lines), ("switch", "without → with")))


if __name__ == "__main__":
    main()
