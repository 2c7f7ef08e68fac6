"""How much of test has been seen in training, by the way a file of patents is divided.

    python -m benchmarks.leak data=file data.path=patents.csv

prints the share of the different 12-word runs of test that stand in train too.
"""

import random
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from tabulate import tabulate

from patentlm.data.families import fold
from patentlm.data.patents import Patent
from patentlm.data.splits import FamilySplit
from patentlm.data.words import split

Text = Sequence[str]

RUN = 12
CONF = Path(__file__).parent.parent / "conf"


def leak(train: Sequence[Text], test: Sequence[Text]) -> float:
    """The share for texts that are lists of words."""
    train_runs, test_runs = (
        {tuple(text[at : at + RUN]) for text in texts for at in range(len(text) - RUN + 1)}
        for texts in (train, test)
    )
    return len(test_runs & train_runs) / len(test_runs)


def leak_of_shuffled(texts: Sequence[Text]) -> float:
    """The leak where a tenth of the shuffled texts becomes test."""
    shuffled = random.Random(1).sample(texts, len(texts))
    cut = len(texts) // 10
    return leak(shuffled[cut:], shuffled[:cut])


def leak_of_families(patents: Sequence[Patent], divide: FamilySplit) -> float:
    """The leak where whole families are on one side."""
    texts, _ = divide(patents)
    return leak(*([split(text) for text in texts[name]] for name in ("train", "test")))


def windows(texts: Sequence[Text], *, before: int = 20) -> list[Text]:
    """Each word with the ones before it."""
    return [text[max(0, at - before) : at + 1] for text in texts for at in range(len(text))]


def leaks(patents: Sequence[Patent], divide: FamilySplit) -> dict[str, float]:
    """The leak of each way to divide patents."""
    words = [split(patent.abstract) for patent in patents]
    different = {fold(patent.abstract): split(patent.abstract) for patent in patents}
    return {
        "all windows shuffled, then divided": leak_of_shuffled(windows(words)),
        "patents shuffled, then divided": leak_of_shuffled(words),
        "the same, exact copies removed": leak_of_shuffled(list(different.values())),
        "by family (patentlm)": leak_of_families(patents, divide),
    }


def main() -> None:
    """Prints the table for the source that the arguments configure."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        source = instantiate(compose("train", sys.argv[1:]).data)
    cleaned = [(patent, source.cleaning(patent.abstract)) for patent in source.patents()]
    patents = [Patent(text, patent.id, patent.date, "") for patent, text in cleaned if text]
    rows = [(way, f"{share:.2%}") for way, share in leaks(patents, source.split).items()]
    print(tabulate(rows, ("", "runs of test seen in train"), colalign=("left", "right")))


if __name__ == "__main__":
    main()
