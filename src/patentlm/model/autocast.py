"""Autocast by the device of a tensor, also on devices that have none, such as torch's "meta"."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def without_autocast(tensor: Tensor) -> AbstractContextManager[object]:
    """Turns autocast off where a tensor is: operations keep the types that they are given."""
    device = tensor.device.type
    available = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if available else nullcontext()


def product_dtype(tensor: Tensor) -> torch.dtype:
    """The type in which matrix products of a tensor run: autocast's, or else its own."""
    device = tensor.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return tensor.dtype
