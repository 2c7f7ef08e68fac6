"""Dropout as language models use it: of units, of words and of weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Drops the same units of a text at each of its words (Gal & Ghahramani 2016, "A theoretically
    grounded application of dropout in recurrent neural networks").

    Args:
        p: share that is dropped while training; the others grow by 1 / (1 - p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        """`(B, T, H)` to `(B, T, H)`."""
        if not self.training or self.p == 0:
            return inputs
        return inputs * F.dropout(torch.ones_like(inputs[:, :1]), self.p)  # (B, 1, H)


def drop_words(embedding: Tensor, p: float) -> Tensor:
    """An embedding `(V, E)` in which the vectors of a share `p` of all words are zero and the
    others grow by 1 / (1 - p) (Gal & Ghahramani 2016)."""
    return embedding * F.dropout(torch.ones_like(embedding[:, :1]), p)  # (V, 1)
