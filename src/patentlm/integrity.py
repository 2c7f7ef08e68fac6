"""Checks that a checkpoint is what was written: digest, finite weights, honest size."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from patentlm.errors import CheckpointError

DIGEST = "digest"
"""Key of an entry's digest."""
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
"""Of weights."""


def seal(entry: Mapping[str, Any], weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """Returns the entry with a digest of itself and of the weights."""
    return {**entry, DIGEST: _digest(entry, weights)}


def check_stored(file: Path) -> None:
    """Checks that a checkpoint file stores its parts uncompressed, as torch writes them.

    So no part can unpack to more than the size of the file.
    """
    with zipfile.ZipFile(file) as archive:
        parts, damaged = archive.infolist(), archive.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} is damaged")
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise ValueError("compressed")
    if len({part.filename for part in parts}) < len(parts):
        raise ValueError("several parts of one name")
    if sum(part.file_size for part in parts) > file.stat().st_size:
        raise ValueError("parts overlap")


def check_whole(entry: Mapping[str, Any], weights: Mapping[str, Tensor], file: Path) -> None:
    """Checks that entry and weights are those that were written, and that all weights are finite.

    Raises:
        CheckpointError: if they are not.
    """
    if not all(_is_plain(weight) for weight in weights.values()):
        raise CheckpointError(f"{file}: its weights are not plain tensors of real numbers")
    try:
        is_whole = entry.get(DIGEST) == _digest(entry, weights)
    except (TypeError, ValueError, RecursionError):  # values that no checkpoint holds
        is_whole = False
    if not is_whole:
        raise CheckpointError(f"{file}: damaged: its weights are not those that were written")
    if not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise CheckpointError(f"{file}: its weights are not finite numbers; the training diverged")


def _is_plain(weight: Any) -> bool:
    """True for a tensor of a known kind, no larger than the memory behind it."""
    return (
        isinstance(weight, Tensor)
        and weight.dtype in DTYPES
        and weight.layout is torch.strided
        and weight.device.type != "meta"
        and not (weight.is_nested or weight.is_neg())
        and weight.nbytes <= weight.untyped_storage().nbytes()
    )


def _digest(entry: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Returns the SHA-256 of an entry and of all weights with their names, types and shapes."""
    plain = {name: value for name, value in entry.items() if name != DIGEST}
    found = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name, weight in sorted(weights.items()):
        found.update(f"\n{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        flat = weight.detach().cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().data)
    return found.hexdigest()
