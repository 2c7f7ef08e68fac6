"""Progress bars on stderr: all look alike, and none appears in the first two seconds."""

from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(
    doing: str, items: Iterable[Item], *, unit: str, total: int | None = None
) -> Iterable[Item]:
    """Yields the items and shows a progress bar.

    Args:
        doing: text before the bar, such as "Hashing".
        items: what to iterate over.
        unit: what the items are, such as "files".
        total: number of items, if `items` has no length.

    Example:
        >>> list(progress("Squaring", [1, 2, 3], unit="numbers"))
        [1, 2, 3]
    """
    return tqdm(items, total=total, **_look(doing, unit))


def progress_bar(doing: str, *, unit: str, total: int | None, done: int = 0) -> "tqdm[Any]":
    """Makes a progress bar, to be used as a context manager and advanced with `update`.

    Args:
        doing: text before the bar.
        unit: what is counted; `B` for bytes, which are shown in kB, MB and so on.
        total: number of units; None if unknown.
        done: units that were done before.

    Returns:
        The bar.
    """
    return tqdm(total=total, initial=done, **_look(doing, unit))


def _look(doing: str, unit: str) -> dict[str, Any]:
    is_bytes = unit == "B"
    return {
        "desc": doing,
        "unit": unit if is_bytes else f" {unit}",
        "unit_scale": is_bytes,
        "delay": 2,
        "disable": None,  # where stderr is not a terminal
        "leave": False,
    }
