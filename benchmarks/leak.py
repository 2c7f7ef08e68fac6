"""How much of test has been seen in training, by the way patents are divided.

    python -m benchmarks.leak data=file data.path=patents.csv

prints the share of the different 12-word runs of test that stand in train too, and writes it to
`benchmarks/results/leak.json`.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks import results
from patentlm.data.interim import InterimCorpus
from patentlm.data.preparation import read
from patentlm.data.shares import TEST, TRAIN
from patentlm.data.sources import PatentSource
from patentlm.data.splits import REMOVED

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


def leak_of_divided(texts: Sequence[Text], sides: Sequence[int]) -> float:
    """The leak where each text has the side that it was given."""
    return leak(chosen(texts, sides, TRAIN), chosen(texts, sides, TEST))


def windows(texts: Sequence[Text], *, before: int = 20) -> list[Text]:
    """Each word with the ones before it."""
    return [text[max(0, at - before) : at + 1] for text in texts for at in range(len(text))]


def leaks(source: PatentSource) -> dict[str, float]:
    """The leak of each way to divide the patents of a source."""
    texts, sides = divided(source)
    # so few texts that none is left: all near-duplicates are found by MinHash
    _, likely_sides = divided(replace(source, split=replace(source.split, exact_up_to=0)))
    different = [text for text, side in zip(texts, sides, strict=True) if side != REMOVED]
    return {
        "all windows shuffled, then divided": leak_of_shuffled(windows(texts)),
        "patents shuffled, then divided": leak_of_shuffled(texts),
        "the same, exact duplicates removed": leak_of_shuffled(different),
        "by near-duplicate cluster (patentlm)": leak_of_divided(texts, sides),
        "by cluster, found by MinHash": leak_of_divided(texts, likely_sides),
    }


def divided(source: PatentSource) -> tuple[list[Text], list[int]]:
    """The words and the side of each text of a source."""
    with TemporaryDirectory() as folder:
        texts = read(source, Path(folder) / "interim")
        sides, _ = source.split.divide(texts, source.split.distinct(texts))
        return words_of(texts.interim), sides.tolist()


def words_of(interim: InterimCorpus) -> list[Text]:
    """The words of each text of an interim corpus."""
    texts: list[Text] = []
    for _, ids, lengths in interim.shards("Reading texts"):
        words = map(interim.words.__getitem__, ids.tolist())
        texts += [list(islice(words, length)) for length in lengths.tolist()]
    return texts


def chosen(texts: Sequence[Text], sides: Sequence[int], wanted: int) -> list[Text]:
    """The texts of one side."""
    return [text for text, side in zip(texts, sides, strict=True) if side == wanted]


def main() -> None:
    """Prints the table for the source that the arguments configure."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        source = instantiate(compose("train", sys.argv[1:]).data)
    rows = [
        {"split": way, "runs of test seen in train (%)": 100 * s}
        for way, s in leaks(source).items()
    ]
    title = "Share of the 12-word runs of test that also occur in train"
    results.write("leak", title, rows, seed=1, plot="runs of test seen in train (%)")


if __name__ == "__main__":
    main()
