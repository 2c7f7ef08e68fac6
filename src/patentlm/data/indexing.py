"""Writes the ids of each split, and what its texts are."""

from pathlib import Path
from typing import IO, Any

import numpy as np

from patentlm.data.arrays import BoolArray, row_starts
from patentlm.data.corpus import close_texts
from patentlm.data.ingest import Texts
from patentlm.data.interim import InterimCorpus
from patentlm.data.shares import TRAIN
from patentlm.data.splits import SPLITS, Sides
from patentlm.data.words import END, UNK, EncodedWords


def index_splits(texts: Texts, sides: Sides, encoded: EncodedWords, folder: Path) -> dict[str, int]:
    """Writes the ids of each split, and the source row and day of each text.

    Args:
        texts: all texts.
        sides: split of each text, `(texts,)`.
        encoded: ids of each word of the interim corpus.
        folder: folder for the arrays.

    Returns:
        Counts by split.
    """
    counts: dict[str, int] = {}
    records = np.stack([texts.notes["row"].to_numpy(), texts.days()], axis=1)
    for side, name in enumerate(SPLITS):
        np.save(folder / f"{name}_records.npy", records[sides == side])
        found = _index(texts.interim, sides == side, encoded, folder / f"{name}.npy", name)
        counts |= {f"{name}_{counted}": number for counted, number in found.items()}
    return counts


def most_common_opening(interim: InterimCorpus, sides: Sides) -> tuple[str, int]:
    """Returns the word that most texts of train begin with, and the number of these texts."""
    counts = np.zeros(len(interim.words), np.int64)
    for start, ids, lengths in interim.shards("Reading first words"):
        chosen = (sides[start : start + len(lengths)] == TRAIN) & (lengths > 0)
        np.add.at(counts, ids[row_starts(lengths)[chosen]], 1)
    most = int(counts.argmax())
    return interim.words[most], int(counts[most])


def _index(
    interim: InterimCorpus, chosen: BoolArray, encoded: EncodedWords, path: Path, name: str
) -> dict[str, int]:
    """Writes the final ids of the chosen texts; returns counts."""
    dtype, characters = encoded.ids.dtype, np.array([len(word) + 1 for word in interim.words])
    counts = {"abstracts": int(chosen.sum()), "words": int(interim.lengths[chosen].sum())}
    counts |= {"targets": 0, "characters": 0, "unknown": 0}
    with path.open("wb") as file:
        _write_header(file, dtype, 0)
        np.array([END], dtype).tofile(file)
        for start, ids, lengths in interim.shards(f"Indexing {name}"):
            kept = chosen[start : start + len(lengths)]
            words = ids[np.repeat(kept, lengths)]
            closed = close_texts(*encoded.write(words, lengths[kept]))
            closed.tofile(file)
            counts["targets"] += len(closed)
            counts["characters"] += int(characters[words].sum())
            counts["unknown"] += int((closed == UNK).sum())
        file.seek(0)  # NumPy's header has room for the final length
        _write_header(file, dtype, counts["targets"] + 1)
    return counts


def _write_header(file: IO[bytes], dtype: np.dtype[Any], length: int) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)
