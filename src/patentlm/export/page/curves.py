"""Reads a run's curves from its TensorBoard events."""

import logging
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Points = list[list[float]]

MOST = 200
"""Maximum number of points of a curve; a screen can't show more."""
CURVES = {
    "Loss": ("nats (1.44 bits) a word", {"train": "train/loss", "valid": "valid/loss"}),
    "Perplexity": ("", {"valid": "valid/perplexity"}),
}


def read_curves(folder: Path) -> list[dict[str, Any]]:
    """Returns curves of loss and perplexity as `[step, value]` pairs; empty without any."""
    scalars = _scalars(folder)
    curves = []
    for name, (unit, tags) in CURVES.items():
        lines = [
            {"name": line, "points": _thinned(scalars[tag])}
            for line, tag in tags.items()
            if scalars.get(tag)
        ]
        if lines:
            curves.append({"name": name, "unit": unit, "lines": lines})
    return curves


def _scalars(folder: Path) -> dict[str, Points]:
    """Returns all scalars by tag, from all event files of an interrupted run."""
    found: dict[str, Points] = {}
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns of every restart
    for file in sorted(folder.glob("events.out.tfevents.*")):
        events = EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            points = [[float(point.step), float(point.value)] for point in events.Scalars(tag)]
            found.setdefault(tag, []).extend(points)
    return {tag: sorted(points) for tag, points in found.items()}


def _thinned(points: Points) -> Points:
    """Averages neighbouring points, so that at most `MOST` remain."""
    each = -(-len(points) // MOST)
    groups = [points[start : start + each] for start in range(0, len(points), each)]
    return [[group[-1][0], sum(value for _, value in group) / len(group)] for group in groups]
