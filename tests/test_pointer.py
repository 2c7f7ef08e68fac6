"""The pointer sentinel mixture, by its paper's equations."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from patentlm.model.head import MixtureOfSoftmaxes, SoftmaxHead, TiedHead
from patentlm.model.memory import CopyingHead
from tests.copying import (
    SIZES,
    VOCABULARY,
    dot,
    make_network,
    pointing,
    remembered,
    some_words,
)
from tests.networks import pointer

NO_TERMS = {"match": 0, "word_bias": False}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("terms", [NO_TERMS, {"match": 1}, {}])
def test_the_pointer_is_that_of_merity_with_terms(size, terms):
    """q = tanh(W h + b), a = softmax([q·h_i + terms …; q·s]), p = g p_vocab + Σ a_i 1{w = x_{i+1}}.

    The terms are `v · h + b` for each run of words that are the same, and a bias by word.
    """
    network = make_network(pointer(size, **terms))
    words = torch.tensor([[3, 1, 2, 1, 2, 0, 1, 2, 4]])
    head, hidden = network.head, network.read(words, None)[0][0]
    vocabulary = head.softmax.logits(hidden).softmax(-1)
    rows = network(words)[0][0]
    found = head.logits(rows).exp()
    losses = []
    for at in range(9):
        query = linear(head.query[0], hidden[at]).tanh()
        pairs = remembered(words[0], at, size)
        sentinel = math.exp(dot(query, head.sentinel))
        weights = [
            math.exp(dot(query, hidden[i]) + terms_of(head, hidden[at], words[0].tolist(), i, at))
            for i, _ in pairs
        ]
        total = sum(weights) + sentinel
        expected = [sentinel / total * p for p in vocabulary[at].tolist()]
        for weight_, (_, word) in zip(weights, pairs, strict=True):
            expected[word] += weight_ / total
        assert found[at].tolist() == pytest.approx(expected, rel=1e-9)
        losses.append(-math.log(expected[at % VOCABULARY]))
    loss = head.loss(rows, torch.arange(9) % VOCABULARY)
    assert loss.item() == pytest.approx(sum(losses) / 9, rel=1e-9)


def linear(layer, vector):
    products = [dot(row, vector) for row in layer.weight]
    return torch.tensor(products, dtype=torch.float64) + layer.bias.detach()


def terms_of(head, vector, words, place, at):
    """What is added to the score of the word after a place."""
    total = 0.0 if head.word_bias is None else head.word_bias[words[place + 1]].item()
    by_run = linear(head.run_weights, vector).tolist() if head.match else []
    for back in range(min(head.match, place + 1)):
        if words[place - back] == 0 or words[place - back] != words[at - back]:
            break
        total += by_run[back]
    return total


def test_gradients_of_the_pointer():
    network = pointing(size=4).train()
    words = some_words(2, 6)
    words[0, 3:] = 0
    asked = torch.ones(2, 6, dtype=torch.bool)
    asked[0, 3:] = False
    targets = some_words(2, 7)[:, 1:][asked]
    parameters = dict(network.named_parameters())

    def loss(*values):
        named = dict(zip(parameters, values, strict=True))
        rows, _ = torch.func.functional_call(network, named, (words,))
        with nn.utils.stateless._reparametrize_module(network, named):
            return network.head.loss(rows[asked], targets)

    assert torch.autograd.gradcheck(loss, tuple(parameters.values()))


def readable_loss(head, rows, targets):
    """The mixture's equation: -log (g p_vocab(w) + Σ a_i 1{w = x_i})."""
    weight, copied = head.log_weights(rows.hidden, rows.scores)
    known = weight.exp() * head.softmax.logits(rows.hidden).softmax(-1)
    probs = known.scatter_add(-1, rows.words, copied.exp())
    return -probs.gather(1, targets[:, None]).log().mean()


@pytest.mark.parametrize(
    "softmax", [SoftmaxHead, TiedHead, partial(MixtureOfSoftmaxes, mixtures=2)]
)
@pytest.mark.parametrize("size", SIZES)
def test_the_fused_loss_of_the_pointer_agrees_with_the_readable_one(softmax, size):
    head = pointer(size, softmax)
    found = []
    for loss in (CopyingHead.loss, readable_loss):
        network, words = make_network(head).train(), some_words()
        words[0, 4:] = 0
        rows = network(words)[0].transpose(0, 1).flatten(0, 1)
        value = loss(network.head, rows, words.roll(-1, 1).t().flatten())
        value.backward()
        found.append([value.detach(), *(weight.grad for weight in network.parameters())])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_copied_masses_of_the_pointer_are_those_of_any_copying_head(size):
    network = pointing(size=size)
    rows = network(some_words())[0].flatten(0, 1)
    targets = some_words().roll(-1, 1).flatten()
    found = network.head.log_masses(rows, targets)
    torch.testing.assert_close(found, CopyingHead.log_masses(network.head, rows, targets))
