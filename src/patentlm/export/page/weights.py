"""Stores weights in a page: exactly, or smaller with some loss."""

import base64
import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from patentlm.errors import ConfigError
from patentlm.model.network import Network

Encoded = tuple[bytes, Tensor]
"""A tensor as stored, and as read back."""


def encode(tensors: Mapping[str, Tensor], weights: str) -> tuple[list[dict[str, Any]], bytes]:
    """Returns all tensors as little-endian bytes, and a description of each.

    Args:
        tensors: tensors by name, `(rows, columns)` or `(size,)`.
        weights: format of matrices; vectors are always stored exactly.
    """
    described, stored = [], []
    for name, tensor in tensors.items():
        type_ = weights if tensor.ndim == 2 else "float32"
        described.append({"name": name, "shape": list(tensor.shape), "type": type_})
        stored.append(_ENCODINGS[type_](tensor)[0])
    return described, b"".join(stored)


def as_text(stored: bytes) -> str:
    """Encodes bytes as base64."""
    return base64.b64encode(stored).decode("ascii")


@torch.no_grad()
def rounded(network: Network, weights: str) -> Network:
    """Returns a copy of the network with the matrices as the page reads them."""
    copied = copy.deepcopy(network)
    for parameter in copied.parameters():
        if parameter.ndim == 2:
            parameter.copy_(_ENCODINGS[weights](parameter)[1])
    return copied


def check(weights: str) -> None:
    """Checks a format of weights before anything is measured.

    Raises:
        ConfigError: if there is no such format.
    """
    if weights not in _ENCODINGS:
        raise ConfigError(
            f"weights={weights}: not a way to store them; give {', '.join(_ENCODINGS)}"
        )


def _float32(tensor: Tensor) -> Encoded:
    return _little_endian(tensor.numpy(force=True), "<f4"), tensor


def _float16(tensor: Tensor) -> Encoded:
    halves = tensor.clamp(-65504, 65504).half()  # the largest float16
    return _little_endian(halves.numpy(force=True), "<f2"), halves.to(tensor.dtype)


def _int8(tensor: Tensor) -> Encoded:
    """Quantises each row to whole multiples of a 127th of its largest number."""
    scales = (tensor.abs().amax(dim=1, keepdim=True) / 127).clamp_min(1e-30)  # (rows, 1)
    numbers = (tensor / scales).round().clamp(-127, 127)
    stored = _little_endian(scales.numpy(force=True), "<f4")
    return stored + numbers.to(torch.int8).numpy(force=True).tobytes(), numbers * scales


def _little_endian(values: Any, type_: str) -> bytes:
    return np.ascontiguousarray(values, dtype=type_).tobytes()


_ENCODINGS: dict[str, Callable[[Tensor], Encoded]] = {
    "float32": _float32,
    "float16": _float16,
    "int8": _int8,
}
