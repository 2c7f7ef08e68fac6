"""Trained models made of tiny networks, without a run."""

from typing import Any

from patentlm.checkpoint import CheckpointMetadata
from patentlm.data.windows import Context
from patentlm.model.network import Network
from patentlm.trained_model import TrainedModel


def trained_model(
    network: Network, *, vocabulary: int | list[str], context: Context = None, **changed: Any
) -> TrainedModel:
    """A model around a network, with so many made-up words `w2`, `w3`, … or those given."""
    words = vocabulary
    if isinstance(words, int):
        words = ["<end>", "<unk>", *(f"w{at}" for at in range(2, words))]
    tokenizer = {
        "_target_": "patentlm.data.words.WordTokenizer", "min_count": 1, "max_words": None
    }  # fmt: skip
    settings: dict[str, Any] = {
        "network": {}, "vocabulary": words, "context": context, "data": {}, "tokenizer": tokenizer,
        "label": "made up", "fingerprint": "0", "sampling": {}, "max_words": 20, "seed": 1,
        "versions": {}, **changed,
    }  # fmt: skip
    return TrainedModel(network, CheckpointMetadata(**settings))
