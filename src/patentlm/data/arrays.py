"""Array types that several rooms share, and indices into ragged arrays.

A ragged array holds rows of unlike lengths, one behind the other: words of texts, ids of words.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.unsignedinteger[Any]]
"""Ids of a vocabulary."""

Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def row_starts(lengths: Int64Array) -> Int64Array:
    """Where each row begins, `(rows,)`.

    Args:
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> row_starts(np.array([2, 0, 3])).tolist()
        [0, 2, 2]
    """
    starts: Int64Array = np.cumsum(lengths) - lengths
    return starts


def row_of_each(lengths: Int64Array) -> Int64Array:
    """The row that each element stands in, `(elements,)`.

    Args:
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> row_of_each(np.array([2, 0, 3])).tolist()
        [0, 0, 2, 2, 2]
    """
    return np.repeat(np.arange(len(lengths)), lengths)


def place_in_row(lengths: Int64Array) -> Int64Array:
    """How many elements of its row stand before each element, `(elements,)`.

    Args:
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> place_in_row(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    places: Int64Array = np.arange(lengths.sum()) - np.repeat(row_starts(lengths), lengths)
    return places


def row_sums(values: Int64Array, lengths: Int64Array) -> Int64Array:
    """The sum of each row, `(rows,)`; of an empty row, 0.

    Args:
        values: of all elements, `(elements,)`.
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> row_sums(np.array([1, 2, 3, 4, 5]), np.array([2, 0, 3])).tolist()
        [3, 0, 12]
    """
    before = np.concatenate([[0], np.cumsum(values)])
    sums: Int64Array = np.diff(before[np.concatenate([[0], np.cumsum(lengths)])])
    return sums
