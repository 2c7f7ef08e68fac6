"""Reads word vectors from the text files of GloVe and word2vec."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patentlm.data.files.limits import MAX_RECORD
from patentlm.errors import DataError
from patentlm.paths import expanded


def read_word_vectors(
    path: str | Path, ids: Mapping[str, int], *, size: int
) -> dict[int, NDArray[np.float32]]:
    """Reads the vectors of some words; the first vector counts if a word occurs twice.

    Args:
        path: a text file, also in .gz: a word and its numbers on each line, separated by blanks.
            The first line may hold the numbers of words and dimensions, as in word2vec.
        ids: ids of the words that are looked for.
        size: dimensions of a vector.

    Returns:
        Vectors `(size,)` by id, for the words that the file has.

    Raises:
        DataError: if the file can't be read, or a vector has another size or is not finite.
    """
    found: dict[int, NDArray[np.float32]] = {}
    for number, line in _lines(expanded(path)):
        if number == 1:
            _check_size(path, line, size)
        word = line.partition(" ")[0]
        if word not in ids or ids[word] in found or (number == 1 and _is_header(line)):
            continue
        first, *numbers = line.rsplit(" ", size)
        if " " in first:  # an entry of several words
            continue
        found[ids[word]] = _vector(numbers, size, f"{path}: line {number}")
    return found


def _vector(numbers: list[str], size: int, place: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # numbers that are too large become infinite
            vector = np.array(numbers, np.float32).reshape(size)
    except ValueError as error:
        raise DataError(
            f"{place} is not a word with {size} numbers; fetch the file again"
        ) from error
    if not np.isfinite(vector).all():
        raise DataError(f"{place} has a number that is not finite; fetch the file again")
    return vector


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines that are not empty, with their numbers."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, MAX_RECORD), b""), start=1):
                if len(line) == MAX_RECORD:
                    raise DataError(f"{path}: line {number} is too long; fetch the file again")
                if not line.isspace():
                    yield number, line.decode("utf-8", "replace").rstrip()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check word_vectors") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} can't be read ({error}); check word_vectors") from error


def _is_header(line: str) -> bool:
    """True if a first line holds the numbers of words and dimensions."""
    fields = line.split()
    return len(fields) == 2 and all(field.isdecimal() for field in fields)


def _check_size(path: str | Path, line: str, size: int) -> None:
    fields = line.split(" ")
    found = int(fields[1]) if _is_header(line) else len(fields) - 1
    if found != size:
        raise DataError(
            f"{path}: its vectors have {found} numbers, those of the network {size}; "
            f"set model.embedding_size={found}"
        )
