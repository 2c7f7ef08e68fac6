"""Progress on stderr: all bars look alike, and none appears within the first two seconds."""

from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(
    doing: str, items: Iterable[Item], *, unit: str, total: int | None = None
) -> Iterable[Item]:
    """The items, with a bar that shows how far the loop over them is.

    Args:
        doing: what is done, shown before the bar.
        items: what to iterate over.
        unit: what the items are.
        total: how many there are, where `items` does not tell.

    Example:
        >>> list(progress("Squaring", [1, 2, 3], unit="numbers"))
        [1, 2, 3]
    """
    return tqdm(items, total=total, **_look(doing, unit))


def progress_bar(doing: str, *, unit: str, total: int | None, done: int = 0) -> "tqdm[Any]":
    """A bar that is moved on by its `update` and closed as a context manager.

    Args:
        doing: what is done, shown before the bar.
        unit: what is counted; `B` for bytes, which are shown in kB, MB and so on.
        total: how many there are, None where that is not known.
        done: how many were done before.
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
