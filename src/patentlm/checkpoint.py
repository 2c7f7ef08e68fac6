"""Checkpoints as plain data, and the networks and tokenizers that are built from them."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from patentlm.data.windows import Context
from patentlm.errors import CheckpointError, ConfigError
from patentlm.integrity import DIGEST, check_stored, check_whole
from patentlm.model.network import Network
from patentlm.paths import expanded
from patentlm.registry import build, refuse_interpolation
from patentlm.settings.checking import check, shown
from patentlm.settings.parts import DATA, ENTRY, MODEL, TOKENIZER

FORMAT = 3
KEY = "patentlm"
"""Key of our entry in Lightning's checkpoints."""
WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "vocabulary.json"
"""The files of an exported model, as `export.py format=safetensors` writes them."""


@dataclass(frozen=True, kw_only=True)
class CheckpointMetadata:
    """What a checkpoint holds beside the weights, so that it needs no other file.

    All values are plain.

    Args:
        network: config of the network.
        vocabulary: words by id.
        context: how many words the network looks back, see `patentlm.data.windows`.
        data: config of the training data.
        tokenizer: config of the tokenizer.
        label: name of the data, for people.
        fingerprint: hash of the corpus.
        sampling: default config for generating.
        max_words: default length of generated texts.
        seed: random seed of the run.
        versions: versions of Python and the libraries that wrote the checkpoint.
    """

    network: dict[str, Any]
    vocabulary: list[str]
    context: Context
    data: dict[str, Any]
    tokenizer: dict[str, Any]
    label: str
    fingerprint: str
    sampling: dict[str, Any]
    max_words: int
    seed: int
    versions: dict[str, str]

    def as_entry(self) -> dict[str, Any]:
        """Returns the entry to store in a checkpoint."""
        return {KEY: {"format": FORMAT, **vars(self)}}


def find(path: str | Path) -> Path:
    """Finds the checkpoint file for a path.

    Args:
        path: a checkpoint file, a run's folder (its best checkpoint) or the folder of an exported
            model.

    Returns:
        The file with the weights.

    Raises:
        CheckpointError: if there is none.
    """
    path = expanded(path)
    candidates = [path] if path.is_file() else [
        path / name for name in ("checkpoints/best.ckpt", "checkpoints/last.ckpt", WEIGHTS)
    ]  # fmt: skip
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise CheckpointError(f"{path}: no checkpoint there; give a .ckpt file or a run's folder")


def read(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint as plain data; nothing in the file is executed.

    Args:
        path: as for `find`.

    Returns:
        The contents: at least the metadata under `KEY`, and `state_dict`.

    Raises:
        CheckpointError: if there is no such file, it is damaged or not a checkpoint.
    """
    file = find(path)
    if file.name == WEIGHTS:
        return _read_exported(file)
    try:
        check_stored(file)
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise CheckpointError(f"{file}: may not be read ({error.strerror})") from error
    except Exception as error:  # torch raises a dozen kinds of errors for damage
        raise CheckpointError(
            f"{file}: can't be read as a checkpoint; it is cut short or something else"
        ) from error
    entries = checkpoint if isinstance(checkpoint, dict) else {}
    if not isinstance(entries.get(KEY), dict) or not isinstance(entries.get("state_dict"), dict):
        raise CheckpointError(f"{file}: a checkpoint, but not one that patentlm's train.py wrote")
    _check_format(entries[KEY].get("format"), file)
    check_whole(entries[KEY], entries["state_dict"], file)
    return entries


def _read_exported(file: Path) -> dict[str, Any]:
    """Reads the same contents from a folder that `export.py format=safetensors` wrote."""
    try:
        from safetensors import safe_open
    except ModuleNotFoundError as error:
        raise CheckpointError(f"{file}: reading it needs pip install -e '.[export]'") from error
    for name in (CONFIG, VOCABULARY):
        if not (file.parent / name).is_file():
            raise CheckpointError(f"{file.parent}: not a complete exported model (no file {name})")
    try:
        entry = json.loads((file.parent / CONFIG).read_text("utf-8"))
        entry["vocabulary"] = json.loads((file.parent / VOCABULARY).read_text("utf-8"))
        with safe_open(file, "pt") as stored:
            weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            shared = stored.metadata() or {}
    except Exception as error:  # safetensors has its own error class for damage
        raise CheckpointError(f"{file.parent}: not a complete exported model ({error})") from error
    weights |= {name: weights[other] for name, other in shared.items() if other in weights}
    entry.pop("architectures", None)
    entry.pop("model_type", None)
    state = {f"network.{name}": weight for name, weight in weights.items()}
    _check_format(entry.get("format"), file.parent)
    check_whole(entry, state, file)
    return {KEY: entry, "state_dict": state}


def is_whole(path: Path) -> bool:
    """True if a file is a checkpoint that can be read."""
    try:
        return path.is_file() and bool(read(path))
    except CheckpointError:
        return False


def write(checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """Writes a checkpoint completely or not at all.

    Raises:
        CheckpointError: if it can't be written; an earlier file at the path is kept.
    """
    with _replacing(Path(path)) as part, part.open("wb") as file:
        torch.save(dict(checkpoint), file)
        file.flush()
        os.fsync(file.fileno())


def copy(source: Path, target: Path) -> None:
    """Copies a checkpoint completely or not at all.

    Raises:
        CheckpointError: if it can't be written; an earlier file at the target is kept.
    """
    with _replacing(target) as part, part.open("wb") as file, source.open("rb") as whole:
        shutil.copyfileobj(whole, file)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary file that replaces the path once it is complete and on disk."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # a link or a pipe would lead elsewhere
        yield part
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError where a disk is full
        with suppress(OSError):
            part.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or "no space left, or no permission"
        raise CheckpointError(
            f"{path}: can't be written ({reason}); once that is mended, the same command goes on"
        ) from error


def metadata_of(checkpoint: Mapping[str, Any], path: str | Path) -> CheckpointMetadata:
    """Returns the metadata of a checkpoint, after checking their types and ranges.

    Args:
        checkpoint: what `read` returned.
        path: shown in error messages.

    Raises:
        CheckpointError: if another version wrote it, or a value is not allowed.
    """
    ours = {name: value for name, value in checkpoint[KEY].items() if name != DIGEST}
    _check_format(ours.pop("format", None), path)
    missing = {field.name for field in fields(CheckpointMetadata)} ^ set(ours)
    if missing:
        raise CheckpointError(f"{path}: incomplete ({', '.join(sorted(map(str, missing)))})")
    try:
        for name in ("network", "data", "tokenizer", "sampling"):
            refuse_interpolation(ours[name], name)
        for name, schema in ENTRY.items():
            if name == "data" and ours[name] == {}:
                continue  # a model need not say what it was trained on
            if ours[name] is None and name != "context":
                raise ConfigError(f"{name} is missing")
            check(ours[name], schema, name)
    except (ConfigError, RecursionError) as error:
        raise CheckpointError(f"{path}: the config does not fit: {error}") from error
    return CheckpointMetadata(**ours)


def _check_format(written: Any, path: str | Path) -> None:
    if written != FORMAT:
        raise CheckpointError(f"{path}: has format {shown(written)}, this patentlm reads {FORMAT}")


def weights_of(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Returns the weights of a checkpoint's network by name."""
    prefix = "network."
    return {
        name.removeprefix(prefix): weight
        for name, weight in checkpoint["state_dict"].items()
        if name.startswith(prefix)
    }


def build_network(config: Mapping[str, Any], *, vocabulary: int) -> Network:
    """Builds the network that a plain config describes.

    Raises:
        ConfigError: if a class is not one of the registry, or the config does not fit it.
    """
    network: Network = build(config, MODEL, "model", vocabulary=vocabulary)
    return network


def build_data(config: Mapping[str, Any]) -> Any:
    """Builds the source or the tokenizer that a plain config describes.

    Raises:
        ConfigError: if a class is not one of the registry, or the config does not fit it.
    """
    is_tokenizer = str(config.get("_target_")) in TOKENIZER.targets
    part, name = (TOKENIZER, "tokenizer") if is_tokenizer else (DATA, "data")
    return build(config, part, name)


def check_sizes(network: Mapping[str, Any], weights: Mapping[str, Tensor], *, words: int) -> None:
    """Checks that weights fit a network, before memory is allocated for it.

    Args:
        network: config of the network, already checked against the registry.
        weights: weights by name.
        words: size of the vocabulary.

    Raises:
        ConfigError: if they do not fit.
    """
    misfit = ConfigError("the weights do not fit the network it names")
    rounds = (network.get("cell") or {}).get("rounds", 0)
    if max(network.get("layers", 0), rounds) > len(weights):
        raise misfit
    with torch.device("meta"):
        made = build_network(network, vocabulary=words).state_dict()
    if {name: weight.shape for name, weight in made.items()} != {
        name: weight.shape for name, weight in weights.items()
    }:
        raise misfit
