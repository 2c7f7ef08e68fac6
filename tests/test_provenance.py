"""Where the probability of a word comes from: by definition, word by word, in whole texts."""

import math

import numpy as np
import pytest
import torch

from patentlm.data.windows import evaluation_windows
from patentlm.evaluation.mixture import mix
from patentlm.evaluation.mixture_fit import fit_mixture
from patentlm.evaluation.provenance import origins_of, shares_of
from patentlm.evaluation.scoring import read_windows
from patentlm.generation.reader import Reader
from patentlm.model.cache import with_cache
from patentlm.model.cells import LSTM
from patentlm.model.ensemble import Ensemble
from tests import networks
from tests.models import trained_model
from tests.networks import make_network

WORDS = ["<end>", "<unk>", "a", "net", "learns", "."]
TEXT = "a net learns a net learns . a net . a a learns"
TRAIN = np.array([0, 2, 3, 5, 0, 4, 4, 2, 0], np.uint16)
PIECES = {"_target_": "patentlm.data.byte_pairs.BytePairTokenizer", "vocabulary": 270}


def member(seed=1, **changed):
    torch.manual_seed(seed)
    network = make_network(cell=LSTM, **changed)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    return network.eval()


def pointing(size=None):
    return member(head=networks.pointer(size=size))


@torch.no_grad()
def read_by_word(model, ids):
    """Of each word and the end: its probability, and that of copying it by the words back."""
    reader, found = Reader(model.network, model.metadata.context), []
    rows = reader.begin([], 1)
    for target in [*ids, 0]:
        _, weights = model.network.head.log_weights(rows.hidden, rows.scores)
        pairs = zip(weights[0].exp().tolist(), rows.words[0].tolist(), strict=True)
        copies = [prob * (word == target) for prob, word in pairs][::-1]  # the latest first
        found.append((model.network.head.logits(rows).softmax(-1)[0, target].item(), copies))
        rows = reader.read(torch.tensor([target]))
    return found


@pytest.mark.parametrize("context", [None, 4, "running text"])
@pytest.mark.parametrize("size", [None, 3])
def test_words_of_a_text_are_copied_from_where_a_reader_finds_them(size, context):
    model = trained_model(pointing(size), vocabulary=WORDS, context=context)
    ids = model.vocabulary.encode(TEXT.split()).tolist()
    found = model.score_words(TEXT)
    for at, (entry, (prob, copies)) in enumerate(zip(found, read_by_word(model, ids), strict=True)):
        assert entry.shares["copied"] == pytest.approx(sum(copies) / prob, abs=1e-5)
        assert entry.shares["vocabulary"] == pytest.approx(1 - sum(copies) / prob, abs=1e-5)
        if sum(copies):
            assert entry.source == at - 1 - copies.index(max(copies))
        else:
            assert entry.source is None
    assert sum(entry.source is not None for entry in found) > 4


def test_a_neural_cache_copies_by_its_weight():
    network = with_cache(member(), size=None, theta=0.0, weight=0.25)
    model = trained_model(network, vocabulary=WORDS)
    *_, fourth, _ = model.score_words("a a a a")
    probs = math.exp(fourth.log_probability)
    assert fourth.shares["copied"] == pytest.approx(0.25 / probs)
    assert fourth.source in (0, 1, 2)


def test_a_network_that_never_copies_mixes_nothing():
    entry = trained_model(member(), vocabulary=WORDS).score_words("a net")[1]
    assert (entry.shares, entry.source) == ({}, None)


def test_the_shares_of_an_ensemble_are_those_of_its_mean():
    one, other = pointing(), member(2)
    network = Ensemble([one, other])
    ids = torch.tensor([[0, 2, 3, 2]])
    with torch.no_grad():
        hidden = network(ids)[0].flatten(0, 1)
        shares = shares_of(network, hidden, torch.tensor([2, 3, 2, 3]))[3]
        alone = shares_of(one, hidden.parts[0], torch.tensor([2, 3, 2, 3]))[3]
        p, q = (net.head.logits(net(ids)[0][0, -1:]).softmax(-1)[0, 3] for net in (one, other))
    assert origins_of(network) == ("vocabulary", "copied")
    assert shares.sum().item() == pytest.approx(1)
    assert shares[1].item() == pytest.approx((alone[1] * p / (p + q)).item(), abs=1e-6)
    assert trained_model(network, vocabulary=WORDS).score_words(TEXT)[3].source is None


@torch.no_grad()
def test_the_shares_of_a_mixture_are_by_component():
    network = mix(pointing(), TRAIN, vocabulary=6, context=None, ngram_order=2, cache_size=9,
                  neighbours=0)  # fmt: skip
    network.weights = [0.5, 0.3, 0.2]
    found = trained_model(network, vocabulary=WORDS).score_words("a net a net")
    assert list(found[0].shares) == ["model", "n-gram", "cache"]
    assert all(sum(entry.shares.values()) == pytest.approx(1) for entry in found)
    hidden, targets = network(torch.tensor([[0, 2, 3, 2]]))[0].flatten(0, 1), [2, 3, 2, 3]
    said = [
        scores.target_probs(1.0, torch.tensor(targets))[3].item()
        for scores in network.scores(hidden)
    ]
    joint = [weight * prob for weight, prob in zip(network.weights, said, strict=True)]
    assert list(found[3].shares.values()) == pytest.approx([part / sum(joint) for part in joint])


def test_the_mean_shares_on_what_a_mixture_is_fitted_to_are_its_weights():
    network = mix(pointing(), TRAIN, vocabulary=6, context=None, ngram_order=2, cache_size=9,
                  neighbours=3)  # fmt: skip
    windows = evaluation_windows(np.array([0, 2, 3, 2, 3, 5, 0], np.uint16), context=None,
                                 batch_size=1)  # fmt: skip
    fit_mixture(network, read_windows(network, windows))
    ((hidden, targets),) = read_windows(network, windows)
    mean = shares_of(network, hidden, targets).mean(0).tolist()
    assert mean == pytest.approx(network.weights, abs=1e-4)


def test_a_score_has_the_mean_share_that_was_copied():
    model = trained_model(pointing(), vocabulary=WORDS)
    ids = np.array([0, *model.vocabulary.encode(TEXT.split()), 0], np.uint16)
    copied = [entry.shares["copied"] for entry in model.score_words(TEXT)]
    assert model.score(ids, batch_size=1).copied == pytest.approx(sum(copied) / len(copied))
    assert trained_model(member(), vocabulary=WORDS).score(ids, batch_size=1).copied is None


def test_pieces_of_a_word_share_and_the_first_tells_the_source():
    tokens = ["<end>", "<unk>", "a", "n", "e", "t", " ", "ne", "net", "net ", "a "]
    torch.manual_seed(1)
    network = make_network(vocabulary=len(tokens), head=networks.pointer(None)).eval()
    model = trained_model(network, vocabulary=tokens, tokenizer=PIECES)
    found = model.score_words("tea a tea")
    pieces = read_by_word(model, [5, 4, 10, 10, 5, 4, 10])  # t e a_ a_ t e a_
    shares = [sum(copies) / prob for prob, copies in pieces[4:7]]
    assert [entry.word for entry in found] == ["tea", "a", "tea", "<end>"]
    assert found[2].shares["copied"] == pytest.approx(sum(shares) / 3, abs=1e-5)
    assert [entry.source for entry in found] == [None, 0, 0, None]
