"""Exports a model for model hubs: safetensors, a config, a vocabulary and a model card."""

import importlib
from pathlib import Path
from typing import Any

from patentlm.checkpoint import CONFIG, KEY, VOCABULARY, WEIGHTS
from patentlm.errors import ConfigError
from patentlm.export.files import replacing, write_json, write_text
from patentlm.export.model_card import model_card
from patentlm.export.run import ExportedRun
from patentlm.integrity import seal
from patentlm.trained_model import TrainedModel


def write(run: ExportedRun, *, path: str | None) -> str:
    """Writes `model.safetensors`, `config.json`, `vocabulary.json` and `README.md`.

    Args:
        run: the trained model and its run's folder.
        path: folder to write; None for `safetensors` in the run's folder.

    Returns:
        A line about what was written.

    Raises:
        ConfigError: if safetensors is not installed or the folder can't be written.
    """
    target = run.target(path, "safetensors")
    _write_weights(run.model, target / WEIGHTS)
    write_json(target / CONFIG, _config(run.model))
    write_json(target / VOCABULARY, list(run.model.vocabulary.tokens))
    write_text(target / "README.md", model_card(run))
    size = (target / WEIGHTS).stat().st_size
    return f"{target}: {size / 1e6:,.1f} MB of weights; patentlm.load reads this folder"


def _write_weights(model: TrainedModel, target: Path) -> None:
    """Stores each tensor once; the file's metadata names those that share memory with another."""
    try:
        safetensors = importlib.import_module("safetensors.torch")
    except ModuleNotFoundError as error:
        raise ConfigError("format=safetensors needs pip install -e '.[export]'") from error
    with replacing(target) as part:
        safetensors.save_model(model.network, str(part), {"format": "pt"})


def _config(model: TrainedModel) -> dict[str, Any]:
    """Returns the checkpoint's metadata without the vocabulary, with the keys that hubs expect."""
    weights = {f"network.{name}": w for name, w in model.network.state_dict().items()}
    entry = seal(model.metadata.as_entry()[KEY], weights)
    entry.pop("vocabulary")
    return {"model_type": "patentlm", "architectures": ["Network"], **entry}
