"""Loggers for resumed runs: points after the checkpoint are dropped and logged again."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger


class TensorBoard(TensorBoardLogger):
    """Lightning's TensorBoard logger, without its graph of epoch numbers.

    Args:
        purge_step: drop points of this step and later ones; None for none.
        settings: of Lightning's logger.
    """

    def __init__(self, *, purge_step: int | None = None, **settings: Any) -> None:
        super().__init__(purge_step=purge_step, **settings)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        told = {name: value for name, value in metrics.items() if name != "epoch"}
        super().log_metrics(told, step)


class CSV(CSVLogger):
    """Lightning's CSV logger, which keeps the rows of an earlier start.

    Args:
        purge_step: drop rows of this step and later ones; None for none.
        settings: of Lightning's logger.
    """

    def __init__(self, *, purge_step: int | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        rows = _rows(Path(self.log_dir) / "metrics.csv", purge_step)
        if rows:
            self.experiment.metrics = rows  # making the experiment deletes the file
            self.save()


def _rows(path: Path, end: int | None) -> list[dict[str, Any]]:
    """Reads the rows of a file before a step, without empty cells."""
    if end is None or not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("step")]
    kept = [row for row in rows if int(row["step"]) < end]
    return [{name: value for name, value in row.items() if value} for row in kept]
