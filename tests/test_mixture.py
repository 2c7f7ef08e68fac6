"""Mixtures: every component against its definition, weights against a grid, all word by word."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.windows import contexts, evaluation_windows
from patentlm.evaluation.components import Scores, TrainingStates
from patentlm.evaluation.dynamic import Settings, score_adapting, second_moments
from patentlm.evaluation.mixture import mix
from patentlm.evaluation.mixture_fit import choose, expectation_maximisation, fit_mixture
from patentlm.evaluation.ngram import KneserNey
from patentlm.evaluation.scoring import read_windows, score_network
from patentlm.generation.reader import Reader
from patentlm.model.cells import LSTM
from patentlm.model.ensemble import Ensemble
from tests import networks
from tests.networks import make_network

V = 6
TRAIN = np.array([0, 2, 3, 5, 0, 4, 4, 2, 0, 3, 5, 4, 0], np.uint16)
TEXT = [2, 3, 5, 2, 3, 4]
WEIGHTS, TEMPERATURES = [0.4, 0.3, 0.2, 0.1], [1.2, 1.0, 0.7, 0.5]


def member(seed=1, **changed):
    torch.manual_seed(seed)
    network = make_network(cell=LSTM, **changed)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    return network.eval()


def plain():
    return member()


def pointer():
    return member(hidden_size=5, head=networks.pointer(size=3))


def ensemble():
    return Ensemble([plain(), member(2, hidden_size=7, layers=2, head=networks.pointer(size=3))])


KINDS = [plain, pointer, ensemble]


def mixture(network, context=None, **changed):
    settings = {"ngram_order": 3, "cache_size": 4, "neighbours": 5, **changed}
    made = mix(network, TRAIN, vocabulary=V, context=context, **settings)
    more = len(made.components) - len(WEIGHTS)  # the members of an ensemble but for the first
    made.weights = [WEIGHTS[0] / (1 + more)] * (1 + more) + WEIGHTS[1:]
    made.temperatures = [TEMPERATURES[0]] * more + TEMPERATURES
    return made


@torch.no_grad()
def probabilities(network, words):
    """After each of some words `(1, T, V)`."""
    hidden, _ = network(torch.tensor([words]))
    parts = hidden.flatten(0, 1) if hasattr(hidden, "parts") else hidden[0]
    return network.head.logits(parts).softmax(-1).double()


def softmax(scores):
    return torch.tensor(scores).double().softmax(0).tolist()


@torch.no_grad()
def naive(network, words):
    """Each component's distribution after all of some words, by its definition, in loops."""
    read = [0, *words]
    hidden = network(torch.tensor([read]))[0][0]
    model = (network.head.logits(hidden[-1:])[0] / TEMPERATURES[0]).softmax(-1).double()
    counted = KneserNey(TRAIN, vocabulary=V, order=3)
    before = contexts(np.array([*read, 0]), np.array([len(read)]), 2)
    ngram = torch.from_numpy(counted.probabilities(before)[0])
    pairs = [(hidden[i] @ hidden[-1], read[i + 1]) for i in range(len(read) - 1)][-4:]
    cache = spread(pairs, TEMPERATURES[2]) if pairs else model
    known = []
    for text in ([2, 3, 5], [4, 4, 2], [3, 5, 4]):
        states = network(torch.tensor([[0, *text]]))[0][0].half().float()
        known += zip(states, [*text, 0], strict=True)
    nearest = sorted((-((k - hidden[-1]) ** 2).sum(), w) for k, w in known)[-5:]
    return torch.stack([model, ngram, cache, spread(nearest, TEMPERATURES[3])])


def spread(pairs, temperature):
    scores, words = zip(*pairs, strict=True)
    found = torch.zeros(V).double()
    for prob, word in zip(softmax([float(s) / temperature for s in scores]), words, strict=True):
        found[word] += prob
    return found


def test_the_components_are_those_of_their_papers():
    network = plain()
    mixed = probabilities(mixture(network), [0, *TEXT])
    for count in range(len(TEXT) + 1):
        expected = torch.tensor(WEIGHTS).double() @ naive(network, TEXT[:count])
        torch.testing.assert_close(mixed[count], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", KINDS)
def test_probabilities_add_up_to_one(make):
    found = probabilities(mixture(make()), [0, *TEXT, 0, 2])
    hidden, _ = mixture(make())(torch.tensor([[0, *TEXT, 0, 2]]))
    logits = mixture(make()).logits(hidden.flatten(0, 1))
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(9))
    assert (found > 0).all()


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("context", [None, 3, "running text"])
def test_word_by_word_it_says_what_it_says_of_a_whole_text(make, context):
    network, ids = mixture(make(), context=context), np.array([0, *TEXT, 0], np.uint16)
    windows = evaluation_windows(ids, context=context, batch_size=1)
    parts = [network.logits(hidden) for hidden, _ in read_windows(network, windows)]
    reader, found = Reader(network, context), []
    with torch.no_grad():
        found.append(network.logits(reader.begin([], 1)))
        found += [network.logits(reader.read(torch.tensor([word]))) for word in TEXT]
    torch.testing.assert_close(torch.cat(found), torch.cat(parts))


def test_it_looks_at_no_word_to_come():
    network = mixture(plain())
    one, other = (probabilities(network, [0, 2, 3, *rest]) for rest in ([5, 2], [4, 4]))
    torch.testing.assert_close(one[:3], other[:3])
    assert not torch.allclose(one[3:], other[3:])


def test_unfitted_it_is_the_network():
    network = plain()
    made = mix(network, TRAIN, vocabulary=V, context=None, ngram_order=2, cache_size=2,
               neighbours=2)  # fmt: skip
    windows = evaluation_windows(TRAIN, context=None, batch_size=2)
    assert score_network(made, windows).loss == pytest.approx(score_network(network, windows).loss)
    assert made.size == network.size


@pytest.mark.parametrize(("count", "states"), [(1, 12), (5, 12), (20, 12)])
def test_the_nearest_states_are_those_of_a_loop(monkeypatch, count, states):
    monkeypatch.setattr("patentlm.evaluation.components.KEYS", 5)
    monkeypatch.setattr("patentlm.evaluation.components.QUERIES", 2)
    windows = evaluation_windows(TRAIN, context=None, batch_size=2)
    kept = TrainingStates(plain(), windows, TRAIN)
    assert kept.vectors.shape == (states, 4)
    assert sorted(kept.words.tolist()) == sorted(TRAIN[1:].tolist())
    asked = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    scores, words = kept.nearest(asked, count)
    for vector, found, followers in zip(asked, scores, words, strict=True):
        away = [float(((vector - k.float()) ** 2).sum()) for k in kept.vectors]
        expected = sorted(zip(away, kept.words.tolist(), strict=True))[:count]
        distances = (vector @ vector - found).tolist()
        nearest = sorted(zip(map(shortened, distances), followers.tolist(), strict=True))
        assert nearest == [(shortened(distance), word) for distance, word in expected]


def shortened(distance):
    return round(distance, 3)


def test_scores_of_places_add_up_by_word():
    scores = Scores(torch.tensor([[0.0, math.log(2), 0.0]]), torch.tensor([[3, 1, 3]]))
    assert scores.log_probs(1.0, 4).exp()[0].tolist() == pytest.approx([0, 0.5, 0, 0.5])
    for word, expected in enumerate([0, 0.5, 0, 0.5]):
        assert scores.target_probs(1.0, torch.tensor([word])).item() == pytest.approx(expected)
    assert scores.target_probs(0.5, torch.tensor([1])).item() == pytest.approx(4 / 6)


def test_where_nothing_is_remembered_nothing_is_said():
    scores = Scores(torch.full((1, 2), -torch.inf), torch.tensor([[0, 0]]))
    assert scores.target_probs(1.0, torch.tensor([2])).isnan().all()
    assert scores.log_probs(1.0, 3).isnan().all()


probs = st.floats(0.05, 1.0)


@given(st.lists(st.tuples(probs, probs), min_size=1, max_size=8))
def test_no_weights_of_a_grid_are_better_than_those_found(pairs):
    table = torch.tensor(pairs, dtype=torch.float64)
    found = expectation_maximisation(table, 5000)
    assert found.sum() == pytest.approx(1)
    best = max(float((table @ torch.tensor([w / 50, 1 - w / 50]).double()).log().mean())
               for w in range(51))  # fmt: skip
    assert float((table @ found).log().mean()) >= best - 1e-4


def test_columns_and_weights_are_chosen_together():
    sure = torch.tensor([[0.9], [0.1], [0.9], [0.1]]).double()
    other = torch.tensor([[0.1, 0.1], [0.4, 0.9], [0.1, 0.1], [0.4, 0.9]]).double()
    choices, weights = choose([sure, other])
    assert choices == [0, 1]
    assert weights.tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


@pytest.mark.parametrize("make", KINDS)
def test_a_fit_makes_what_it_is_fitted_to_likelier(make):
    network = mixture(make())
    ids = np.array([0, 2, 3, 5, 2, 3, 5, 0, 4, 4, 2, 4, 4, 0], np.uint16)
    windows = evaluation_windows(ids, context=None, batch_size=2)
    alone = score_network(network.network, windows).perplexity
    found = fit_mixture(network, read_windows(network, windows))
    models = ["model 1", "model 2"] if make is ensemble else ["model"]
    names = [part.name for part in found.components]
    assert names == [*models, "n-gram", "cache", "neighbours"]
    assert found.perplexity < alone
    assert found.perplexity == pytest.approx(score_network(network, windows).perplexity, rel=1e-4)
    assert sum(part.weight for part in found.components) == pytest.approx(1)
    assert all(part.without >= found.perplexity * 0.999 for part in found.components)
    assert found.targets == 13


def test_each_member_of_an_ensemble_has_a_weight_of_its_own():
    network = mix(ensemble(), TRAIN, vocabulary=V, context=None, ngram_order=0, cache_size=0,
                  neighbours=0)  # fmt: skip
    ids = np.array([0, 2, 3, 5, 2, 3, 5, 0, 4, 4, 2, 4, 4, 0], np.uint16)
    windows = evaluation_windows(ids, context=None, batch_size=2)
    mean = score_network(network.network, windows).perplexity
    assert score_network(network, windows).perplexity == pytest.approx(mean)  # before a fit
    found = fit_mixture(network, read_windows(network, windows))
    alone = [score_network(member, windows).perplexity for member in network.network.members]
    assert found.perplexity < min(mean, *alone) * 1.0001
    assert found.perplexity == pytest.approx(score_network(network, windows).perplexity, rel=1e-4)


def test_shares_tell_which_component_gave_a_word():
    network = mixture(plain())
    with torch.no_grad():
        hidden, _ = network(torch.tensor([[0, 2, 3]]))
        shares = network.shares(hidden.flatten(0, 1), torch.tensor([2, 3, 5]))
    expected = (naive(plain(), [2, 3])[:, 5] * torch.tensor(WEIGHTS)).double()
    torch.testing.assert_close(shares[2], expected / expected.sum(), rtol=1e-4, atol=1e-5)


def test_a_mixture_adapts_as_its_network_does():
    settings = Settings(segment=2, learning_rate=0.0, decay=0.0, epsilon=1e-3, batches=2,
                        batch_size=2)  # fmt: skip
    network = mixture(ensemble())
    squares = second_moments(network.network, TRAIN, settings, context=None)
    still = score_adapting(network, TRAIN, squares, settings, context=None)
    windows = evaluation_windows(TRAIN, context=None, batch_size=2)
    assert still.nll_sum == pytest.approx(score_network(network, windows).nll_sum, rel=1e-5)


def test_components_are_left_out():
    made = mix(plain(), TRAIN, vocabulary=V, context=None, ngram_order=0, cache_size=0,
               neighbours=0)  # fmt: skip
    assert [component.name for component in made.components] == ["model"]
    found = fit_mixture(made, read_windows(made, evaluation_windows(TRAIN, context=None,
                                                                    batch_size=2)))  # fmt: skip
    assert (found.components[0].weight, found.components[0].without) == (1.0, math.inf)
