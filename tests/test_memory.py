"""Copying heads: the neural cache by its paper's equations, and what both heads share."""

import math

import pytest
import torch
from torch import nn

from patentlm.batch import IGNORE
from patentlm.errors import ConfigError
from patentlm.evaluation.metrics import Score, batch_metric_sums, metric_sums
from patentlm.generation.generator import generate
from patentlm.generation.reader import Reader
from patentlm.model.cache import with_cache
from patentlm.model.memory import Rows
from patentlm.model.network import detach
from tests.copying import (
    SIZES,
    cached,
    dot,
    make_network,
    pointing,
    remembered,
    some_words,
)


@pytest.mark.parametrize("size", SIZES)
def test_the_cache_is_that_of_grave(size):
    """p(w) = (1 - λ) p_vocab(w) + λ Σ 1{w = x_{i+1}} exp(θ h_t·h_i) / Σ exp(θ h_t·h_i)."""
    theta, weight, words = 0.7, 0.3, some_words(1)
    hidden = make_network()(words)[0][0]
    vocabulary = make_network().head.logits(hidden).softmax(-1)
    network = cached(size=size, theta=theta, weight=weight)
    found = network.head.logits(network(words)[0])[0].exp()
    torch.testing.assert_close(found[0], vocabulary[0])  # an empty cache has no weight
    for at in range(1, 9):
        pairs = remembered(words[0], at, size)
        weights = [math.exp(theta * dot(hidden[at], hidden[i])) for i, _ in pairs]
        expected = [(1 - weight) * p for p in vocabulary[at].tolist()]
        for likeness, (_, word) in zip(weights, pairs, strict=True):
            expected[word] += weight * likeness / sum(weights)
        assert found[at].tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("make", [cached, pointing])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cuts", [range(1, 9), [1, 6], [4]])
def test_pieces_with_the_state_carried_equal_one_pass(make, size, cell, cuts):
    network, words = make(size=size, cell=cell), some_words()
    words[0, 4] = 0
    whole = network.head.logits(network(words)[0])
    state, pieces = None, []
    for piece in torch.tensor_split(words, list(cuts), dim=1):
        rows, state = network(piece, detach(state))
        pieces.append(network.head.logits(rows))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)


def test_no_more_is_carried_than_is_remembered():
    _, (_, (vectors, words)) = cached(size=2)(some_words())
    assert (vectors.shape, words.shape) == ((2, 3, 3), (2, 3, 1))


@pytest.mark.parametrize("make", [cached, pointing])
def test_a_row_of_zeros_in_the_state_is_an_empty_memory(make):
    network, words = make(size=None), some_words(2)
    _, (recurrent, memory) = network(words)
    for part in (*recurrent, *memory):
        part[:, 0] = 0
    after = network.head.logits(network(words[:, :3], (recurrent, memory))[0])
    torch.testing.assert_close(after[0], network.head.logits(network(words[:1, :3])[0])[0])
    assert not torch.allclose(after[1], network.head.logits(network(words[1:, :3])[0])[0])


@pytest.mark.parametrize("make", [cached, pointing])
def test_the_end_is_not_copied(make):
    """So what a short window is filled with on the left leaves no trace in the memory."""
    network = make(size=None)
    filled = torch.tensor([[0, 0, 0, 0]])
    rows, _ = network(filled)
    plain = network.head.softmax.logits(rows.hidden)
    torch.testing.assert_close(network.head.logits(rows), plain.log_softmax(-1))


@pytest.mark.parametrize("make", [cached, pointing])
def test_words_behind_a_row_change_nothing_before_them(make):
    network, words = make(size=None), some_words(1)
    longer = torch.cat([words, words.flip(1)], dim=1)
    before, after = (network.head.logits(network(x)[0]) for x in (words, longer))
    torch.testing.assert_close(after[:, :9], before)


@pytest.mark.parametrize("make", [cached, pointing])
def test_a_distribution_adds_up_to_one(make):
    network = make(size=None)
    total = network.head.logits(network(some_words())[0]).exp().sum(-1)
    torch.testing.assert_close(total, torch.ones(3, 9, dtype=torch.float64))


def test_a_cache_without_a_share_changes_nothing():
    words = some_words()
    network = cached(size=None, weight=0)
    plain = make_network().head.logits(make_network()(words)[0]).log_softmax(-1)
    torch.testing.assert_close(network.head.logits(network(words)[0]), plain)


def test_a_cache_with_theta_0_counts_words():
    network = cached(size=None, theta=0.0, weight=0.5)
    words = torch.tensor([[1, 2, 2, 3]])
    rows = network(words)[0][0, -1]
    known = network.head.softmax.logits(rows.hidden).softmax(-1)
    copied = network.head.logits(rows).exp() - 0.5 * known
    torch.testing.assert_close(copied[2:4], torch.tensor([1 / 3, 1 / 6]).double())


def test_a_cache_leaves_the_network_as_it_was():
    network, words = make_network(), some_words()
    before = network.head.logits(network(words)[0])
    cache = with_cache(network, size=None, theta=1.0, weight=0.5)
    assert torch.equal(network.head.logits(network(words)[0]), before)
    assert cache.size == network.size
    rows, targets = cache(words)[0][0], words[0]
    plain = network.head.loss(network(words)[0][0], targets)
    torch.testing.assert_close(cache.head.loss(rows, targets), plain)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": 0}, "cache.size must be null or 1 or more, not 0"),
        ({"weight": 1}, "cache.weight from 0 to below 1"),
        ({"theta": -1}, "cache.theta must be 0 or more"),
    ],
)
def test_impossible_caches_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        cached(**{"size": None, **settings})


def test_a_model_that_copies_gets_no_cache():
    with pytest.raises(ConfigError, match="learned to copy"):
        with_cache(pointing(size=None), size=None, theta=1.0, weight=0.1)


def test_the_loss_of_no_targets_is_0():
    head = pointing(size=None).head
    nothing, none = torch.zeros(0, 3).double(), torch.zeros(0, 5, dtype=torch.int64)
    rows = Rows(nothing, torch.zeros(0, 5).double(), none)
    loss = head.loss(rows, none[:, 0])
    assert loss == 0
    loss.backward()


@pytest.mark.parametrize("make", [cached, pointing])
def test_ids_survive_a_low_precision(make, monkeypatch):
    network, words = make(size=None).float(), some_words()
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)  # refuses it on some machines
    with torch.autocast("cpu", torch.bfloat16):
        rows, _ = network(words)
        low = network.head.logits(rows)
    assert rows.scores.dtype == torch.float32
    assert rows.words[0, -1].tolist() == words[0, 1:].tolist()
    torch.testing.assert_close(low, network.head.logits(network(words)[0]), rtol=0.1, atol=0.3)


@pytest.mark.parametrize("make", [cached, pointing])
@pytest.mark.parametrize("context", [None, 4])
def test_a_reader_sees_what_a_batch_sees(make, context):
    network, words = make(size=None), some_words(1, 6)[0].tolist()
    reader = Reader(network, context)
    found = network.head.logits(reader.begin(words[:2], 3))[0]
    read = [0, *words[:2]]
    for word in [None, *words[2:]]:
        if word is not None:
            read.append(word)
            found = network.head.logits(reader.read(torch.tensor([word] * 3)))[0]
        seen = ([0] * 4 + read)[-4:] if context else read
        expected = network.head.logits(network(torch.tensor([seen]))[0])[0, -1]
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("make", [cached, pointing])
def test_writing_goes_on_with_a_memory(make):
    settings = {"prompt": [2, 3], "seed": 1, "max_words": 12, "sampling": {}, "context": None}
    texts = generate(make(size=None), count=5, **settings)
    assert texts[:2] == generate(make(size=None), count=2, **settings)
    assert any(len(text.ids) > 3 for text in texts)


def test_the_score_is_that_of_the_mixture():
    network, words = cached(size=None), some_words(2)
    targets = torch.where(torch.arange(9) < 6, words.roll(-1, 1), IGNORE)
    sums, _ = batch_metric_sums(network, (words, targets), None)
    rows = network(words)[0][:, :6].flatten(0, 1)
    assert Score.of(sums) == Score.of(
        metric_sums(network.head.logits(rows), targets[:, :6].reshape(-1))
    )
