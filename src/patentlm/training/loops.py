"""Lightning's counters in a checkpoint, set so that a run goes on from the very step.

Lightning counts what is fetched, begun, learned and done with, and by the differences tells where a
run stopped. Two of the moments at which we save are none that it knows.
"""

from collections.abc import Callable
from typing import Any

Moment = Callable[[dict[str, Any]], None]
"""Sets the counters of a `fit_loop`, and the place of its loader, as they are at a moment."""


def as_it_is(loop: dict[str, Any]) -> None:
    """A moment that Lightning knows: after a step, a validation or an epoch."""
    learned = loop["epoch_loop.batch_progress"]["current"]["processed"]
    for place in loop["state_dict"].get("combined_loader", []):
        place["batch"] = learned


def between_steps(loop: dict[str, Any]) -> None:
    """A batch has been fetched that is not learned: it is to be fetched again."""
    progress = loop["epoch_loop.batch_progress"]
    for part in ("total", "current"):
        progress[part]["ready"] = progress[part]["completed"]
    progress["is_last_batch"] = False
    as_it_is(loop)


def before_validation(loop: dict[str, Any]) -> None:
    """The step before a validation is done, and the validation is to begin anew."""
    none = {"ready": 0, "started": 0, "processed": 0, "completed": 0}
    loop["epoch_loop.val_loop.batch_progress"] = {
        "total": {**none, "ready": 1, "started": 1},  # so it says that one was interrupted
        "current": none,
        "is_last_batch": False,
    }
    as_it_is(loop)
