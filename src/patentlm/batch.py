"""The one contract between data and model: a batch is `(inputs, targets)`, both `(B, T)` int64."""

from torch import Tensor

Batch = tuple[Tensor, Tensor]

IGNORE = -100
"""Stands in `targets` wherever no prediction is asked; the default of torch's cross entropy."""
