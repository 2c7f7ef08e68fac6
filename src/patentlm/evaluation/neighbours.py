"""Words whose vectors in the embedding point the same way."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from patentlm.data.words import SPECIAL, UNK, Vocabulary
from patentlm.errors import ConfigError
from patentlm.model.network import Network


class Neighbour(NamedTuple):
    """A word and the cosine of the angle between its vector and that of the word asked for."""

    word: str
    similarity: float


@torch.no_grad()
def neighbours(
    network: Network, word: str, vocabulary: Vocabulary, *, count: int
) -> list[Neighbour]:
    """The words nearest to a word in the embedding, by cosine.

    Args:
        network: whose embedding it is.
        word: a word of the vocabulary; where that is one of byte pairs, the mean of its pieces.
        vocabulary: of the network.
        count: how many.

    Returns:
        Nearest first; neither the word itself nor the special ones.

    Raises:
        ConfigError: if the vocabulary lacks the word.
    """
    ids = vocabulary.encode([word.lower()]).tolist()
    if not ids or UNK in ids:
        raise ConfigError(f"{word!r} is not in the vocabulary; ask for one of its words")
    vectors = network.embedding.weight
    similarities = F.cosine_similarity(vectors[ids].mean(0, keepdim=True), vectors)  # (V,)
    similarities[[*range(len(SPECIAL)), *ids]] = -torch.inf
    best = similarities.topk(min(count, len(vectors) - len(SPECIAL) - len(set(ids))))
    words = (vocabulary.shown(at) for at in best.indices.tolist())
    return [Neighbour(*pair) for pair in zip(words, best.values.tolist(), strict=True)]
