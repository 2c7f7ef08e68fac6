"""What an accelerator does to choose words, on the CPU, beside what the CPU does."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.words import UNK
from patentlm.errors import PatentLMError
from patentlm.generation import generator, on_device, sampling
from tests.networks import make_network

ROWS, VOCABULARY = 6, 40
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "repetition_penalty": st.sampled_from([0.5, 1, 1.3]),
        "no_repeat_ngram": st.integers(0, 4),
        "temperature": st.sampled_from([0, 0.5, 1, 2]),
        "top_k": st.integers(1, 50),
        "top_p": st.floats(0.01, 1),
        "min_p": st.floats(0, 1),
    },
)


@given(SETTINGS, st.integers(0, 10**6), st.integers(0, 20), st.booleans())
def test_words_are_those_of_the_cpu(settings, seed, length, equals):
    made = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(ROWS, VOCABULARY, generator=made)
    logits = logits.round() if equals else logits
    logits[torch.rand(logits.shape, generator=made) < 0.2] = -math.inf
    logits[:, 7] = 0
    written = torch.randint(2, 6, (ROWS, length), generator=made)
    uniforms = torch.rand(ROWS, generator=made, dtype=torch.float64)
    expected = sampling.choose(logits.clone(), written, settings, uniforms)
    found = on_device.choose(logits.clone(), written, settings, uniforms.float())
    assert found.tolist() == expected.tolist()


def test_a_row_whose_words_are_all_forbidden_stays_as_it_is():
    logits = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    written = torch.tensor([[0, 1], [1, 1]])
    filtered = on_device.no_repeat_ngram(logits, written, 1)
    assert filtered.tolist() == [[1.0, 2.0], [1.0, -math.inf]]


def test_a_word_of_probability_0_is_not_drawn_where_sums_do_not_ascend(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "cumsum", lambda probs, dim: torch.tensor([[0.5, 0.7, 0.6]]))
    logits = torch.tensor([[0.0, -math.inf, 0.0]])
    assert on_device._quantile(logits.softmax(1), torch.tensor([0.55]))[0].tolist() == [2]
    assert on_device._quantile(logits.softmax(1), torch.tensor([0.999]))[0].tolist() == [2]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_numbers_draw_unk(bad):
    logits = torch.zeros(2, VOCABULARY)
    logits[1, 3] = bad
    words = on_device.choose(logits, torch.zeros(2, 0).long(), {"top_p": 0.9}, torch.rand(2))
    assert (words == UNK).tolist() == [False, True]


@pytest.mark.parametrize("context", [None, 3])
def test_texts_do_not_depend_on_how_often_ends_are_looked_for(context, monkeypatch):
    network = make_network(vocabulary=20, embedding_size=8, hidden_size=8).eval()
    uniforms = generator._uniforms(12, 45, seed=1)
    settings = {"temperature": 1.2, "top_p": 0.95, "no_repeat_ngram": 3}

    def write():
        return generator.write_part(network, [3], settings, context, lambda words: None, uniforms)

    expected = write()
    assert {text.finished for text in expected} == {True, False}
    monkeypatch.setattr(generator, "way_of", lambda device: (on_device.choose, 16))
    assert write() == expected


def test_one_line_where_no_word_can_be_drawn(monkeypatch):
    network = make_network(vocabulary=20, embedding_size=8, hidden_size=8).eval()
    network.head.linear.bias.detach()[5] = math.nan
    monkeypatch.setattr(generator, "way_of", lambda device: (on_device.choose, 16))
    with pytest.raises(PatentLMError, match="no word can be drawn"):
        generator.write_part(network, [], {}, None, lambda words: None, torch.rand(2, 5))


def test_on_the_cpu_ends_are_looked_for_after_each_word():
    assert generator.way_of(torch.device("cpu"))[1] == 1
