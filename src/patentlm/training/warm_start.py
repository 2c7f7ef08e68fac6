"""Initial weights from another model or from word vectors."""

import logging
from pathlib import Path

import torch
from torch import Tensor

from patentlm.checkpoint import CheckpointMetadata, build_data, metadata_of, read, weights_of
from patentlm.data.word_vectors import read_word_vectors
from patentlm.data.words import WordTokenizer
from patentlm.errors import CheckpointError, ConfigError
from patentlm.model.adaptive import AdaptiveHead
from patentlm.model.network import Network

log = logging.getLogger(__name__)

NEW = -1
"""Id for a word that is not in the other model's vocabulary."""


def warm_start(
    network: Network,
    metadata: CheckpointMetadata,
    *,
    init_from: str | None,
    word_vectors: str | None,
) -> None:
    """Initialises a network as its run asks for.

    Args:
        network: network to initialise.
        metadata: metadata of its checkpoints, which have its vocabulary.
        init_from: checkpoint whose weights are taken; None for none.
        word_vectors: file of vectors for the embedding; None for none.

    Raises:
        PatentLMError: if a file can't be read or does not fit, or both are given.
    """
    if init_from and word_vectors:
        raise ConfigError("init_from and word_vectors both start the embedding; give one of them")
    if init_from:
        start_from_checkpoint(network, metadata, init_from)
    if word_vectors:
        start_from_vectors(network, metadata, word_vectors)


@torch.no_grad()
def start_from_vectors(network: Network, metadata: CheckpointMetadata, path: str | Path) -> None:
    """Takes the embedding of words from a file of word vectors; the other words keep theirs.

    Raises:
        ConfigError: if the vocabulary does not hold whole words.
        DataError: if the file can't be read, or its vectors have another size.
    """
    if not isinstance(build_data(metadata.tokenizer), WordTokenizer):
        raise ConfigError("word_vectors are those of whole words; set tokenizer=words")
    weight = network.embedding.weight  # (V, E)
    ids = {word: at for at, word in enumerate(metadata.vocabulary)}
    found = read_word_vectors(path, ids, size=weight.shape[1])
    for at, vector in found.items():
        weight[at] = torch.from_numpy(vector)
    log.info("%s: vectors of %s of %s words", path, f"{len(found):,}", f"{len(ids):,}")


def start_from_checkpoint(network: Network, metadata: CheckpointMetadata, path: str | Path) -> None:
    """Takes the weights of another model; those of a word by word.

    A word that the other model lacks starts with the mean of the words it knows (Hewitt 2021).

    Raises:
        CheckpointError: if it can't be read, or has another network or tokenizer.
    """
    checkpoint = read(path)
    earlier = metadata_of(checkpoint, path)
    if earlier.tokenizer["_target_"] != metadata.tokenizer["_target_"]:
        raise CheckpointError(f"{path}: trained with another tokenizer; fine-tune with that one")
    adaptive = any(isinstance(part, AdaptiveHead) for part in network.modules())
    if adaptive and earlier.vocabulary != metadata.vocabulary:
        # Its clusters depend on the words' frequencies, which differ between corpora.
        raise CheckpointError(
            f"{path}: model/head=adaptive can't be fine-tuned with another vocabulary; pre-train "
            "with model/head=tied"
        )
    ids = {word: at for at, word in enumerate(earlier.vocabulary)}
    rows = torch.tensor([ids.get(word, NEW) for word in metadata.vocabulary])
    weights = {
        name: _by_word(weight, rows)
        if name.startswith(("embedding.", "_head.")) and len(weight) == len(ids)
        else weight
        for name, weight in weights_of(checkpoint).items()
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: has another network; fine-tune with the model it was trained with"
        ) from error
    known = int((rows != NEW).sum())
    log.info("%s: weights of %s of %s words", path, f"{known:,}", f"{len(rows):,}")


def _by_word(weight: Tensor, rows: Tensor) -> Tensor:
    """Returns the rows of a weight `(V, …)` for words, given by their ids or `NEW`."""
    chosen = weight[rows]
    chosen[rows == NEW] = weight.mean(dim=0)
    return chosen
