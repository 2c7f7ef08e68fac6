"""Leak-free train, valid and test: whole families on one side, chosen by hash."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from patentlm.data.families import families, fold
from patentlm.data.patents import Patent

SPLITS = ("train", "valid", "test")

Texts = dict[str, list[str]]
"""The texts of each split, by the split's name."""


@dataclass(frozen=True, kw_only=True)
class FamilySplit:
    """Removes exact copies and keeps near-copies together.

    A family's side hangs on the text of its earliest member alone, so that patents added to a
    corpus move nobody outside their own family.

    Args:
        valid: share of the families that goes to valid.
        test: share that goes to test.
        shingle: words in a shingle.
        overlap: share of common shingles from which two patents are near-copies.
    """

    valid: float
    test: float
    shingle: int
    overlap: float

    def __call__(self, patents: Sequence[Patent]) -> tuple[Texts, dict[str, int]]:
        """Texts by split, in the order given, and counts of what was found."""
        first = sorted(patents, key=lambda p: (p.date, len(p.id), p.id, p.abstract))
        earliest: dict[str, str] = {}
        for patent in first:
            earliest.setdefault(fold(patent.abstract), patent.abstract)
        labels = families(list(earliest), shingle=self.shingle, overlap=self.overlap).tolist()
        folded = list(earliest)
        side = {text: self.side(folded[label]) for text, label in zip(folded, labels, strict=True)}
        texts: Texts = {name: [] for name in SPLITS}
        for patent in patents:
            original = earliest.pop(fold(patent.abstract), None)
            if original is not None:
                texts[side[fold(original)]].append(original)
        return texts, _counts(len(patents), labels)

    def side(self, folded: str) -> str:
        """The split of a family whose earliest member has this folded text."""
        digest = hashlib.sha256(folded.encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        if place < self.test:
            return "test"
        return "valid" if place < self.test + self.valid else "train"


def _counts(patents: int, labels: Sequence[int]) -> dict[str, int]:
    sizes = [size for size in Counter(labels).values() if size > 1]
    return {
        "copies": patents - len(labels),
        "families": len(sizes),
        "near_copies": sum(sizes),
    }
