"""Sets Lightning's counters in a checkpoint so that a run resumes at the exact step.

Lightning counts batches that are fetched, started, trained on and completed, and compares these to
find where a run stopped. It does not know two of the moments at which checkpoints are saved here.
"""

from collections.abc import Callable
from typing import Any

Moment = Callable[[dict[str, Any]], None]
"""Sets the counters of a `fit_loop` and the position of its loader for a moment of training."""


def as_it_is(loop: dict[str, Any]) -> None:
    """Keeps the counters: Lightning knows moments after a step, a validation or an epoch."""
    learned = loop["epoch_loop.batch_progress"]["current"]["processed"]
    for place in loop["state_dict"].get("combined_loader", []):
        place["batch"] = learned


def between_steps(loop: dict[str, Any]) -> None:
    """Uncounts a batch that was fetched but not trained on."""
    progress = loop["epoch_loop.batch_progress"]
    for part in ("total", "current"):
        progress[part]["ready"] = progress[part]["completed"]
    progress["is_last_batch"] = False
    as_it_is(loop)


def before_validation(loop: dict[str, Any]) -> None:
    """Counts the step before a validation as complete, so that the validation begins anew."""
    none = {"ready": 0, "started": 0, "processed": 0, "completed": 0}
    loop["epoch_loop.val_loop.batch_progress"] = {
        "total": {**none, "ready": 1, "started": 1},  # so it says that one was interrupted
        "current": none,
        "is_last_batch": False,
    }
    as_it_is(loop)
