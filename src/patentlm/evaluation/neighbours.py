"""Words with similar embedding vectors."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from patentlm.data.words import SPECIAL, UNK, Vocabulary
from patentlm.errors import ConfigError
from patentlm.model.network import Network


class Neighbour(NamedTuple):
    """A word and the cosine similarity of its vector."""

    word: str
    similarity: float


@torch.no_grad()
def neighbours(
    network: Network, word: str, vocabulary: Vocabulary, *, count: int
) -> list[Neighbour]:
    """Returns the words with the highest cosine similarity in the embedding.

    Args:
        network: network with the embedding.
        word: a word of the vocabulary; for byte pairs, the mean of its pieces is compared.
        vocabulary: vocabulary of the network.
        count: number of neighbours.

    Returns:
        The most similar first, without the word itself and special words.

    Raises:
        ConfigError: if the word is not in the vocabulary.
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
