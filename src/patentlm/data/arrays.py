"""Array types, and index arithmetic for ragged arrays.

A ragged array stores rows of different lengths one after the other, such as the words of texts.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.unsignedinteger[Any]]
"""Ids of a vocabulary."""

Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def row_starts(lengths: Int64Array) -> Int64Array:
    """Returns the index of each row's first element, `(rows,)`.

    Args:
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> row_starts(np.array([2, 0, 3])).tolist()
        [0, 2, 2]
    """
    starts: Int64Array = np.cumsum(lengths) - lengths
    return starts


def row_of_each(lengths: Int64Array) -> Int64Array:
    """Returns the row of each element, `(elements,)`.

    Args:
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> row_of_each(np.array([2, 0, 3])).tolist()
        [0, 0, 2, 2, 2]
    """
    return np.repeat(np.arange(len(lengths)), lengths)


def place_in_row(lengths: Int64Array) -> Int64Array:
    """Returns each element's index within its row, `(elements,)`.

    Args:
        lengths: elements of each row, `(rows,)`.

    Example:
        >>> place_in_row(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    places: Int64Array = np.arange(lengths.sum()) - np.repeat(row_starts(lengths), lengths)
    return places


def row_sums(values: Int64Array, lengths: Int64Array) -> Int64Array:
    """Returns the sum of each row, `(rows,)`; 0 for an empty row.

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
