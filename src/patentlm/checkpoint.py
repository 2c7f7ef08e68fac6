"""Checkpoints: plain data that stand on their own, and the networks built from them again."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.errors import HydraException
from hydra.utils import get_class, instantiate
from torch import Tensor

from patentlm.data.windows import Context
from patentlm.errors import CheckpointError
from patentlm.model.network import Network

FORMAT = 2
KEY = "patentlm"
"""Where a checkpoint of Lightning's holds our part of it."""
WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "vocabulary.json"
"""The files of an exported model, as `export.py format=safetensors` writes them."""


@dataclass(frozen=True, kw_only=True)
class CheckpointMetadata:
    """What makes a checkpoint self-contained, beside the weights; plain values only.

    Args:
        network: config the network is built from.
        vocabulary: words by id.
        context: how far back the network was made to look.
        data: config of the data it was trained on.
        tokenizer: config of how its vocabulary was chosen.
        label: what people call that data.
        fingerprint: of the corpus.
        sampling: config it writes with unless told otherwise.
        max_words: likewise.
        seed: of the run.
        versions: of what it was made with.
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
        """The entry that makes a checkpoint self-contained."""
        return {KEY: {"format": FORMAT, **asdict(self)}}


def find(path: str | Path) -> Path:
    """The checkpoint file that a path means: itself, or the best one of a run's folder, or the
    weights of an exported model's folder.

    Raises:
        CheckpointError: if there is none.
    """
    path = Path(path).expanduser()
    candidates = [path] if path.is_file() else [
        path / name for name in ("checkpoints/best.ckpt", "checkpoints/last.ckpt", WEIGHTS)
    ]  # fmt: skip
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise CheckpointError(f"{path}: no checkpoint there; give a .ckpt file or a run's folder")


def read(path: str | Path) -> dict[str, Any]:
    """A checkpoint as plain data; nothing in the file is executed.

    Raises:
        CheckpointError: no such file, damaged, or not a checkpoint.
    """
    file = find(path)
    if file.name == WEIGHTS:
        return _read_exported(file)
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch reports damage in a dozen ways
        raise CheckpointError(
            f"{file}: can't be read as a checkpoint; it is cut short or something else"
        ) from error
    entries = checkpoint if isinstance(checkpoint, dict) else {}
    if not isinstance(entries.get(KEY), dict) or not isinstance(entries.get("state_dict"), dict):
        raise CheckpointError(f"{file}: a checkpoint, but not one that patentlm's train.py wrote")
    return entries


def _read_exported(file: Path) -> dict[str, Any]:
    """The same contents from a folder of `export.py format=safetensors`."""
    try:
        from safetensors import safe_open
    except ModuleNotFoundError as error:
        raise CheckpointError(f"{file}: reading it needs pip install -e '.[export]'") from error
    try:
        entry = json.loads((file.parent / CONFIG).read_text("utf-8"))
        entry["vocabulary"] = json.loads((file.parent / VOCABULARY).read_text("utf-8"))
        with safe_open(file, "pt") as stored:
            weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            shared = stored.metadata() or {}
    except Exception as error:  # safetensors reports damage in an error class of its own
        raise CheckpointError(f"{file.parent}: not a complete exported model ({error})") from error
    weights |= {name: weights[other] for name, other in shared.items() if other in weights}
    entry.pop("architectures", None)
    entry.pop("model_type", None)
    return {KEY: entry, "state_dict": {f"network.{name}": w for name, w in weights.items()}}


def metadata_of(checkpoint: Mapping[str, Any], path: str | Path) -> CheckpointMetadata:
    """Our part of a checkpoint.

    Raises:
        CheckpointError: if another version wrote it.
    """
    ours = dict(checkpoint[KEY])
    written = ours.pop("format", None)
    if written != FORMAT:
        raise CheckpointError(f"{path}: has format {written}, this patentlm reads {FORMAT}")
    try:
        return CheckpointMetadata(**ours)
    except TypeError as error:
        raise CheckpointError(f"{path}: incomplete ({error})") from error


def weights_of(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a checkpoint's network, by name."""
    prefix = "network."
    return {
        name.removeprefix(prefix): weight
        for name, weight in checkpoint["state_dict"].items()
        if name.startswith(prefix)
    }


def check_resumable(path: str | Path, metadata: CheckpointMetadata, *, epochs: int | None) -> Path:
    """The file to resume from, if its vocabulary and network are those of this run, and it has
    fewer epochs behind it than the run is to have.

    Raises:
        CheckpointError: otherwise.
    """
    checkpoint = read(path)
    earlier = metadata_of(checkpoint, path)
    if earlier.vocabulary != metadata.vocabulary:
        raise CheckpointError(
            f"{path}: trained with another vocabulary ({len(earlier.vocabulary):,} words of "
            f"{earlier.label}, here {len(metadata.vocabulary):,}); give the data it was trained "
            "on, or fine-tune it with init_from"
        )
    if earlier.network != metadata.network:
        raise CheckpointError(f"{path}: has another network; resume with the model it began with")
    done = checkpoint.get("epoch", -1) + 1
    if epochs is not None and 0 <= epochs <= done:
        raise CheckpointError(f"{path}: has {done} epochs already; set trainer.max_epochs higher")
    return find(path)


def check_schedule(path: Path, *, steps: int) -> None:
    """Checks that a checkpoint's schedule is as long as that of the run that goes on from it.

    Raises:
        CheckpointError: otherwise.
    """
    (schedule,) = read(path)["lr_schedulers"]
    if schedule.get("total_steps") != steps:
        raise CheckpointError(
            f"{path}: a schedule that falls to nothing over all epochs can't be made longer or "
            "shorter; go on with the scheduler and trainer.max_epochs it began with"
        )


def build_network(config: Mapping[str, Any], *, vocabulary: int) -> Network:
    """The network a plain config describes.

    Raises:
        CheckpointError: if a `_target_` is no class of torch.nn or patentlm.model, or the config
            does not fit it.
    """
    network = _build(config, ("torch.nn.", "patentlm.model."), vocabulary=vocabulary)
    if not isinstance(network, Network):
        raise CheckpointError(f"the model is a {type(network).__name__}, not a Network")
    return network


def build_data(config: Mapping[str, Any]) -> Any:
    """The source or tokenizer a plain config describes.

    Raises:
        CheckpointError: if a `_target_` is no class of patentlm.data, or the config does not fit.
    """
    return _build(config, ("patentlm.data.",))


def _build(config: Mapping[str, Any], allowed_prefixes: tuple[str, ...], **arguments: Any) -> Any:
    for target in _targets(config):
        if not _is_class_of(target, allowed_prefixes):
            names = " or ".join(allowed_prefixes)
            raise CheckpointError(f"_target_ {target!r} is no class of {names}")
    try:
        return instantiate(dict(config), **arguments)
    except HydraException as error:
        raise CheckpointError(f"the config does not fit: {error.__cause__ or error}") from error


def _targets(config: Any) -> Iterator[str]:
    """Every `_target_` in a nested config."""
    if isinstance(config, Mapping):
        if "_target_" in config:
            yield str(config["_target_"])
        config = list(config.values())
    if isinstance(config, list | tuple):
        for value in config:
            yield from _targets(value)


def _is_class_of(target: str, allowed_prefixes: tuple[str, ...]) -> bool:
    """Whether a dotted name is a class that was defined in one of the allowed_prefixes.

    What a module imports can be reached through it by a dotted name too; hence the look at where
    the class comes from.
    """
    if not target.startswith(allowed_prefixes):
        return False
    try:
        return get_class(target).__module__.startswith(allowed_prefixes)
    except (HydraException, ImportError, ValueError):
        return False
