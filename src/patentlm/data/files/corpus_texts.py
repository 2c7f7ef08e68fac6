"""Reads texts that are tokenized and split already: one a line, words separated by blanks."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from patentlm.data.files.encodings import Encoding, read_lines, read_text
from patentlm.data.files.notes import Notes
from patentlm.data.files.reader import explained
from patentlm.data.records import Patent, Records

# End marks, which are added to every text anyway.
_MARKS = frozenset({"<end>", "<start>", "<eos>", "<bos>", "<sos>", "<s>", "</s>"})


def read_corpus(files: Mapping[str, Path], encoding: Encoding) -> Records:
    """Reads the texts of a corpus.

    Args:
        files: files by split.
        encoding: encoding of all files.

    Returns:
        The texts, to be iterated over once.

    Raises:
        DataError: if a file can't be read; raised while iterating.
    """
    notes = Notes()
    return Records(_texts(files, encoding, notes), notes.counts, notes.warnings)


def _texts(files: Mapping[str, Path], encoding: Encoding, notes: Notes) -> Iterator[Patent]:
    for split, path in files.items():
        with explained(path), path.open("rb") as file, notes.reading(path.name):
            lines = read_lines(read_text(file, encoding, notes))
            for number, line in enumerate(lines, start=1):
                for text in _without_marks(line, number, notes) if "<" in line else [line]:
                    if not text.isspace():
                        yield Patent(text.rstrip("\r\n"), id="", date="", title="", split=split)


def _without_marks(line: str, number: int, notes: Notes) -> Iterator[str]:
    """Returns the texts of a line, which are separated by `<end>` or `<eos>` marks."""
    words = line.split()
    if found := sum(word in _MARKS for word in words):
        notes.remark("marks such as <end> taken off", f"first in line {number}", found)
    for is_mark, text in groupby(words, _MARKS.__contains__):
        if not is_mark:
            yield " ".join(text)
