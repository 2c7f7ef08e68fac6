"""What TensorBoard is told of the metrics."""

from collections.abc import Mapping

from pytorch_lightning.loggers import TensorBoardLogger


class TensorBoard(TensorBoardLogger):
    """Lightning's logger, without the graph of the epoch's number that it puts above all others."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        told = {name: value for name, value in metrics.items() if name != "epoch"}
        super().log_metrics(told, step)
