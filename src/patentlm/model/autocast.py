"""Autocast by the device of a tensor, also for devices without it, such as torch's "meta"."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def without_autocast(tensor: Tensor) -> AbstractContextManager[object]:
    """Context without autocast on a tensor's device."""
    device = tensor.device.type
    available = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if available else nullcontext()


def product_dtype(tensor: Tensor) -> torch.dtype:
    """Returns the type in which matrix products with a tensor run: autocast's, or its own."""
    device = tensor.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return tensor.dtype
