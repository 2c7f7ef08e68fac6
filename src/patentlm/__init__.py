"""Trains LSTM language models on patent abstracts, one word at a time.

>>> import patentlm
>>> model = patentlm.load("outputs/quick")  # doctest: +SKIP
>>> model.generate("a neural network", count=2)  # doctest: +SKIP
>>> model.perplexity(["A neural network learns."])  # doctest: +SKIP
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patentlm.errors import PatentLMError

if TYPE_CHECKING:
    from patentlm.evaluation.metrics import Score
    from patentlm.trained_model import TrainedModel

__version__ = "0.1.0"
__all__ = ["PatentLMError", "Score", "TrainedModel", "load"]


def load(path: str | Path, *, device: str | None = None) -> "TrainedModel":
    """Loads a trained model from a checkpoint file or a run's folder.

    Args:
        path: the file, the run's folder (its best checkpoint), or a folder that
            `export.py format=safetensors` wrote; `A+B` averages the probabilities of several.
        device: device to compute on; None takes a CUDA GPU if there is one.

    Returns:
        The model; an ensemble has the metadata of its first member.

    Raises:
        CheckpointError: if there is no checkpoint, it is damaged or not one of patentlm's, or the
            members of an ensemble do not fit together.
        ConfigError: if this machine has no such device.
    """
    from patentlm import trained_model  # torch takes seconds to import: only when needed

    return trained_model.load(path, device=device)


def __getattr__(name: str) -> Any:
    """Imports a public class on first use, since its module imports torch."""
    modules = {"Score": "patentlm.evaluation.metrics", "TrainedModel": "patentlm.trained_model"}
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(modules[name]), name)
