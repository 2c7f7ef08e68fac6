"""Train LSTM language models on patent abstracts, one word at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patentlm.trained_model import TrainedModel

__version__ = "0.1.0"
__all__ = ["load"]


def load(path: str | Path, *, device: str | None = None) -> "TrainedModel":
    """The model of a checkpoint file, or of a run's folder; see `patentlm.trained_model.load`."""
    from patentlm import trained_model  # torch takes seconds to import: only when needed

    return trained_model.load(path, device=device)
