"""Ensembles: probabilities are averaged, and each member goes its own way."""

import json
import re

import numpy as np
import pytest
import torch

import patentlm
from patentlm.errors import CheckpointError, ConfigError
from patentlm.evaluation.dynamic import Settings, adapt, second_moments
from patentlm.model.cells import LSTM
from patentlm.model.ensemble import Ensemble
from tests.models import trained_model
from tests.networks import make_network, pointer

POINTER = pointer(3)

IDS = np.array([0, 2, 3, 5, 0, 4, 4, 2, 0, 3, 0], np.uint16)
SETTINGS = Settings(segment=2, learning_rate=0.01, decay=0.0, epsilon=1e-3, batches=2, batch_size=2)


def make_member(seed, **changed):
    torch.manual_seed(seed)
    network = make_network(cell=LSTM, **changed)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    return network.eval()


def members():
    """Two of different sizes, one of which copies."""
    return [make_member(1), make_member(2, hidden_size=7, layers=2, head=POINTER)]


@torch.inference_mode()
def probabilities(network, texts):
    hidden, _ = network(texts)
    return network.head.logits(hidden).softmax(-1)


def test_probabilities_are_the_mean_of_the_members():
    texts = torch.randint(6, (3, 5))
    expected = sum(probabilities(member, texts) for member in members()) / 2
    found = probabilities(Ensemble(members()), texts)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 5))


@pytest.mark.parametrize("context", [None, 3, "running text"])
def test_one_model_twice_is_that_model(context):
    model = trained_model(make_member(3), vocabulary=6, context=context)
    twice = trained_model(Ensemble([make_member(3)] * 2), vocabulary=6, context=context)
    found, expected = (m.score(IDS, batch_size=2) for m in (twice, model))
    assert found.nll_sum == pytest.approx(expected.nll_sum, rel=1e-5)
    assert (found.correct, found.targets) == (expected.correct, expected.targets)
    for sampling in ({"temperature": 0}, {"top_p": 0.9}):
        asked = {"count": 3, "seed": 4, **sampling}
        assert twice.generate("w2 w3", **asked) == model.generate("w2 w3", **asked)


@pytest.mark.parametrize("context", [None, 3])
def test_a_text_is_written_word_by_word_as_it_scores(context):
    model = trained_model(Ensemble(members()), vocabulary=6, context=context)
    text = model.generate("w3 w2", temperature=0)[0]
    for entry in model.score_words(text)[2:-1]:
        likeliest = [word for word, _ in entry.alternatives if word != "<unk>"]
        assert entry.word == likeliest[0]


def test_each_member_adapts_as_if_it_were_alone():
    alone, together = members(), members()
    ensemble = Ensemble(together)
    for network in (*alone, ensemble):
        squares = second_moments(network, IDS, SETTINGS, context=None)
        adapt(network, IDS, squares, SETTINGS, context=None)
    for one, other in zip(alone, together, strict=True):
        for name, weight in one.named_parameters():
            torch.testing.assert_close(other.get_parameter(name), weight)


def test_a_cache_is_each_members_own():
    model = trained_model(Ensemble([make_member(1), make_member(2)]), vocabulary=6)
    cached = model.with_cache(size=None, theta=0.5, weight=0.3)
    single = [
        trained_model(make_member(seed), vocabulary=6).with_cache(size=None, theta=0.5, weight=0.3)
        for seed in (1, 2)
    ]
    texts = torch.tensor([[0, 2, 3, 2, 3]])
    expected = sum(probabilities(member.network, texts) for member in single) / 2
    torch.testing.assert_close(probabilities(cached.network, texts), expected)


def test_what_needs_a_single_network_says_so():
    model = trained_model(Ensemble(members()), vocabulary=6)
    for look in (model.trace, model.neighbours):
        with pytest.raises(ConfigError, match="an ensemble has no single network to look at"):
            look("w2")


def test_the_scripts_take_ensembles(small_run, tied_run, run_script, capsys):
    both = f"{small_run}+{tied_run}"
    run_script("evaluate", f"checkpoint={small_run},{tied_run},{both}", "split=valid")
    table = capsys.readouterr().out
    found = {
        path: float(re.search(rf"^{re.escape(path)}  .*?abstract +([\d.]+)", table, re.M)[1])
        for path in (str(small_run), str(tied_run), both)
    }
    assert found[both] < max(found[str(small_run)], found[str(tied_run)])
    run_script("generate", f"checkpoint={both}", "count=2", "max_words=4", "format=jsonl")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["words"] <= 4 for line in lines] == [True, True]
    with pytest.raises(SystemExit):
        run_script("export", f"checkpoint={both}", "format=safetensors")
    assert re.fullmatch(r"error: .*\+.*\n", capsys.readouterr().err)


def test_members_share_a_vocabulary_and_a_context(small_run, trained):
    other = trained("tokenizer.min_count=9")
    with pytest.raises(CheckpointError, match=f"^{other}: has another vocabulary than {small_run}"):
        patentlm.load(f"{small_run}+{other}")
