"""Dynamic evaluation and tuning: the paper's steps, what is restored, what is read."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from patentlm.data.windows import evaluation_windows
from patentlm.errors import ConfigError
from patentlm.evaluation.dynamic import (
    Settings,
    adapt,
    read_adapting,
    score_adapting,
    second_moments,
)
from patentlm.evaluation.scoring import read_windows, score_network
from patentlm.model.cache import with_cache
from patentlm.model.network import Network
from patentlm.reports.calibration import fit, hill_climb, some_abstracts
from tests import networks

IDS = np.array([0, 2, 3, 2, 4, 2, 0, 5, 0, 3, 3, 4, 1, 0], dtype=np.uint8)
"""Three texts of 5, 1 and 4 words."""
SETTINGS = Settings(segment=2, learning_rate=0.05, decay=0.3, epsilon=0.1, batches=10, batch_size=1)
CONTEXTS = [None, 3, "running text"]


def make_network(dropout=0.0) -> Network:
    torch.manual_seed(0)
    network = networks.make_network(dropout=dropout)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return network.double().eval()


def squares_of(network, context=None):
    return second_moments(network, IDS, SETTINGS, context=context)


def reference(network, texts, squares, settings) -> float:
    """Nats of texts, each word and the end, by the paper's equations, one number at a time."""
    trained = [parameter.detach().clone() for parameter in network.parameters()]
    roots = [[math.sqrt(x) for x in square.flatten().tolist()] for square in squares]
    everything = [x for root in roots for x in root]
    mean = sum(everything) / len(everything)
    nll_sum = 0.0
    for text in texts:
        network.load_state_dict(dict(zip(network.state_dict(), trained, strict=True)))
        state, n = None, settings.segment
        for at in range(0, len(text) - 1, n):
            words, targets = text[at : at + n], text[at + 1 : at + n + 1]
            inputs = torch.tensor([words[: len(targets)]])
            hidden, state = network(inputs, state)
            state = tuple(part.detach() for part in state)
            loss = F.cross_entropy(network.head.linear(hidden[0]), torch.tensor(targets))
            nll_sum += loss.item() * len(targets)
            gradients = torch.autograd.grad(loss, list(network.parameters()))
            for parameter, gradient, w0, root in zip(
                network.parameters(), gradients, trained, roots, strict=True
            ):
                new = []
                for w, g, prior, rms in zip(
                    parameter.flatten().tolist(),
                    gradient.flatten().tolist(),
                    w0.flatten().tolist(),
                    root,
                    strict=True,
                ):
                    pull = min(1.0, settings.decay * rms / mean)
                    step = settings.learning_rate * g / (rms + settings.epsilon)
                    new.append(w - step + pull * (prior - w))
                parameter.data = torch.tensor(new, dtype=torch.float64).view_as(parameter)
    return nll_sum


def test_steps_are_those_of_krause():
    squares = squares_of(make_network())
    found = score_adapting(make_network(), IDS, squares, SETTINGS, context=None)
    texts = [[0, 2, 3, 2, 4, 2, 0], [0, 5, 0], [0, 3, 3, 4, 1, 0]]
    assert found.targets == 13
    assert found.nll_sum == pytest.approx(reference(make_network(), texts, squares, SETTINGS))


def test_a_running_text_is_learned_from_throughout():
    squares = squares_of(make_network())
    found = score_adapting(make_network(), IDS, squares, SETTINGS, context="running text")
    expected = reference(make_network(), [IDS.tolist()], squares, SETTINGS)
    assert found.nll_sum == pytest.approx(expected)


def test_mean_squares_are_those_of_the_batches():
    network = make_network(dropout=0.5)
    expected = 0
    for text in ([0, 2, 3, 2, 4, 2, 0], [0, 5, 0], [0, 3, 3, 4, 1, 0]):
        hidden = network(torch.tensor([text[:-1]]))[0][0]
        loss = F.cross_entropy(network.head.linear(hidden), torch.tensor(text[1:]))
        expected += torch.autograd.grad(loss, network.head.linear.weight)[0] ** 2 / 3
    found = dict(zip(dict(network.named_parameters()), squares_of(network), strict=True))
    torch.testing.assert_close(found["_head.linear.weight"], expected)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cache", [False, True])
def test_without_steps_the_score_is_the_plain_one(context, cache):
    network = make_network()
    squares = squares_of(network, context)
    if cache:
        network = with_cache(network, size=None, theta=0.5, weight=0.3)
    still = replace(SETTINGS, learning_rate=0.0, decay=0.0)
    found = score_adapting(network, IDS, squares, still, context=context)
    windows = evaluation_windows(IDS, context=context, batch_size=2)
    plain = score_network(network, windows)
    assert found.nll_sum == pytest.approx(plain.nll_sum)
    assert (found.correct, found.targets) == (plain.correct, plain.targets)


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_network_has_its_trained_weights_in_the_end(context):
    network = make_network()
    before = [parameter.clone() for parameter in network.parameters()]
    squares = squares_of(network, context)
    adapted = score_adapting(network, IDS, squares, SETTINGS, context=context)
    plain = score_network(network, evaluation_windows(IDS, context=context, batch_size=2))
    assert adapted.nll_sum != pytest.approx(plain.nll_sum)
    for parameter, kept in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, kept)


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_network_adapts_to_a_prompt_as_to_a_text_that_begins_so(context):
    scoring, writing = make_network(), make_network()
    squares = squares_of(scoring, context)
    reads = read_adapting(scoring, IDS, squares, SETTINGS, context=context)
    for _ in range(3):
        next(reads)
    adapt(writing, IDS[:5], squares, SETTINGS, context=context)  # two segments of two words
    assert not torch.equal(writing.head.linear.weight, make_network().head.linear.weight)
    for ours, theirs in zip(writing.parameters(), scoring.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_half_a_segment_takes_half_a_step():
    def moved(segment):
        network = make_network()
        before = network.embedding.weight.detach().clone()
        settings = replace(SETTINGS, segment=segment)
        adapt(network, IDS[:3], squares_of(network), settings, context=None)
        return network.embedding.weight.detach() - before

    torch.testing.assert_close(moved(segment=4), moved(segment=2) / 2)


@pytest.mark.parametrize("words", [1, 2, 3, 5])
def test_a_prompt_is_likelier_once_learned(words):
    network, squares = make_network(), squares_of(make_network())
    prompt = IDS[: words + 1]

    def nats():
        hidden = network(torch.tensor(prompt[None, :-1].astype(np.int64)))[0][0]
        return F.cross_entropy(network.head.linear(hidden), torch.tensor(prompt[1:]).long()).item()

    before = nats()
    adapt(network, prompt, squares, SETTINGS, context=None)
    assert nats() < before


def test_weights_that_are_not_trained_stay():
    network = make_network()
    network.embedding.weight.requires_grad_(False)
    assert len(squares_of(network)) == len(list(network.parameters())) - 1
    score_adapting(network, IDS, squares_of(network), SETTINGS, context=None)


@pytest.mark.parametrize(
    ("name", "value"), [("segment", 0), ("learning_rate", -1.0), ("epsilon", 0.0), ("batches", 0)]
)
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        replace(SETTINGS, **{name: value})


def test_some_abstracts_are_whole_and_evenly_spaced():
    assert some_abstracts(IDS, 2).tolist() == [0, 2, 3, 2, 4, 2, 0, 3, 3, 4, 1, 0]
    assert some_abstracts(IDS, 5).tolist() == IDS.tolist()


def test_the_cache_found_has_the_perplexity_it_says_and_none_near_is_better():
    network, windows = make_network(), evaluation_windows(IDS, context=None, batch_size=2)
    cached = with_cache(network, size=None, theta=1.0, weight=0.5)
    found = fit(cached, read_windows(cached, windows))

    def with_(theta, weight):
        tried = with_cache(network, size=None, theta=theta, weight=weight)
        return score_network(tried, windows).perplexity

    assert with_(found.theta, found.weight) == pytest.approx(found.perplexity, rel=1e-6)
    assert with_(found.theta, 0.02) >= found.perplexity - 1e-9
    assert with_(2.0, found.weight) >= found.perplexity - 1e-9


def test_a_climb_ends_where_no_neighbour_is_better():
    network = make_network()
    squares = squares_of(network)
    start = replace(SETTINGS, learning_rate=1e-4)
    best, found = hill_climb(network, IDS, squares, start, context=None)

    def with_(**changed):
        tried = replace(best, **changed)
        return score_adapting(network, IDS, squares, tried, context=None).perplexity

    assert with_() == pytest.approx(found.perplexity)
    start_perplexity = score_adapting(network, IDS, squares, start, context=None).perplexity
    assert found.perplexity < start_perplexity
    for factor in (0.5, 2):
        assert with_(learning_rate=best.learning_rate * factor) >= found.perplexity
        assert with_(decay=best.decay * factor) >= found.perplexity


def test_a_climb_with_a_cache_looks_at_both_together():
    network = make_network()
    squares = squares_of(network)
    cached = with_cache(network, size=None, theta=1.0, weight=0.5)
    best, found = hill_climb(cached, IDS, squares, SETTINGS, context=None)

    def with_(settings, theta, weight):
        tried = with_cache(network, size=None, theta=theta, weight=weight)
        return score_adapting(tried, IDS, squares, settings, context=None).perplexity

    assert with_(best, found.theta, found.weight) == pytest.approx(found.perplexity, rel=1e-6)
    for factor in (0.5, 2):
        near = replace(best, learning_rate=best.learning_rate * factor)
        for weight in (0.02, found.weight, 0.5):
            assert with_(near, found.theta, weight) >= found.perplexity - 1e-9
