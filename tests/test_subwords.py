"""Words that share character n-grams learn together."""

from functools import partial

import pytest
import torch
from torch import nn

from patentlm.errors import ConfigError
from patentlm.training.subwords import Subwords, character_ngrams

WORDS = ["<end>", "<unk>", "cell", "cells", "cell-like", "of", "a"]
SETTINGS = {"shortest": 3, "longest": 5, "min_words": 2}
OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, lr=0.1, weight_decay=0.3),
    "momentum": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
}


def averages() -> torch.Tensor:
    """S, by its definition: of each word, the share of each n-gram of at least two words."""
    every = [set() if word.startswith("<") else character_ngrams(word, 3, 5) for word in WORDS]
    shared = sorted({n for some in every for n in some if sum(n in other for other in every) > 1})
    rows = [[float(ngram in some) for ngram in shared] for some in every]
    counts = torch.tensor(rows)
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def trained(make, loss, steps=4):
    """An embedding after some steps of an optimizer with subwords."""
    torch.manual_seed(0)
    embedding = nn.Parameter(torch.randn(len(WORDS), 3))
    subwords = Subwords(WORDS, embedding, **SETTINGS)
    optimizer = make([embedding, subwords.step])
    subwords.attach(optimizer)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(embedding).backward()
        subwords.take_gradient()
        optimizer.step()
    return embedding.detach()


def reference(make, loss, steps=4):
    """W = E + S G, with E and G as parameters of their own."""
    torch.manual_seed(0)
    words = nn.Parameter(torch.randn(len(WORDS), 3))
    means = averages()
    ngrams = nn.Parameter(torch.zeros(means.shape[1], 3))
    optimizer = make([words, ngrams])
    for _ in range(steps):
        optimizer.zero_grad()
        loss(words + means @ ngrams).backward()
        optimizer.step()
    return (words + means @ ngrams).detach()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_words_move_as_if_their_vectors_were_sums(name):
    def loss(vectors):
        return (vectors @ vectors.T - torch.eye(len(WORDS))).square().sum()

    make = OPTIMIZERS[name]
    torch.testing.assert_close(trained(make, loss), reference(make, loss))


def test_a_word_moves_those_that_share_its_ngrams_and_no_others():
    before = trained(OPTIMIZERS["momentum"], lambda vectors: 0 * vectors.sum())
    after = trained(OPTIMIZERS["momentum"], lambda vectors: vectors[2].sum())
    moved = [word for word, change in zip(WORDS, after - before, strict=True) if change.any()]
    assert moved == ["cell", "cells", "cell-like"]


def test_without_a_gradient_nothing_moves():
    embedding = nn.Parameter(torch.ones(len(WORDS), 3))
    subwords = Subwords(WORDS, embedding, **SETTINGS)
    subwords.attach(optimizer := torch.optim.SGD([embedding, subwords.step], lr=1.0))
    subwords.take_gradient()
    optimizer.step()
    assert (embedding == 1).all()


def test_words_without_shared_ngrams_learn_by_themselves(caplog):
    embedding = nn.Parameter(torch.ones(len(WORDS), 3))
    with caplog.at_level("INFO"):
        subwords = Subwords(WORDS, embedding, **{**SETTINGS, "min_words": 4})
    assert caplog.messages == ["No 4 words share a character n-gram: each learns by itself"]
    optimizer = torch.optim.AdamW([embedding, subwords.step], lr=1.0, weight_decay=0.0)
    subwords.attach(optimizer)
    embedding[2].sum().backward()
    subwords.take_gradient()
    optimizer.step()
    torch.testing.assert_close(embedding.sum(1), torch.tensor([3.0, 3, 0, 3, 3, 3, 3]))


def test_the_longest_is_not_shorter_than_the_shortest():
    embedding = nn.Parameter(torch.ones(len(WORDS), 3))
    with pytest.raises(ConfigError, match=r"subwords\.longest must be at least"):
        Subwords(WORDS, embedding, **{**SETTINGS, "longest": 2})
