"""Tiny networks, told what sets them apart."""

from functools import partial
from typing import Any

from torch import nn

from patentlm.model.head import SoftmaxHead
from patentlm.model.network import Network
from patentlm.model.pointer import PointerSentinelHead

PLAIN: dict[str, Any] = {
    "vocabulary": 6,
    "embedding_size": 3,
    "hidden_size": 4,
    "layers": 1,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "output_dropout": 0.0,
    "locked_dropout": False,
    "embedding_dropout": 0.0,
    "frozen_embedding": False,
    "cell": nn.LSTM,
    "head": SoftmaxHead,
}

TERMS: dict[str, Any] = {"match": 2, "word_bias": True}
"""Of a pointer: all that can be added to its scores."""


def pointer(size: int | None, softmax: Any = SoftmaxHead, **terms: Any) -> Any:
    """Makes pointer heads; with all terms but those changed."""
    return partial(PointerSentinelHead, softmax=softmax, size=size, **{**TERMS, **terms})


def make_network(kind: type[Network] = Network, **changed: Any) -> Network:
    """A network with some settings changed; `dropout` means all three of them."""
    if "dropout" in changed:
        everywhere = changed["dropout"]
        changed = {"input_dropout": everywhere, "output_dropout": everywhere, **changed}
    return kind(**{**PLAIN, **changed})
