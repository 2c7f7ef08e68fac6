"""Generation: what is read, what is never written, and what the seed decides."""

import pytest
import torch
from torch import nn

from patentlm.data.words import END, UNK
from patentlm.errors import ConfigError
from patentlm.generation.generator import generate
from patentlm.model.head import SoftmaxHead
from patentlm.model.network import Network

VOCABULARY = 9


@pytest.fixture
def network() -> Network:
    torch.manual_seed(4)
    made = Network(
        vocabulary=VOCABULARY,
        embedding_size=6,
        hidden_size=8,
        layers=1,
        dropout=0.0,
        cell=nn.LSTM,
        head=SoftmaxHead,
    )
    nn.init.normal_(made.embedding.weight)
    return made


def write(network, *, prompt=(2, 3), count=4, seed=1, max_words=12, context=None, **sampling):
    texts = generate(
        network,
        prompt=prompt,
        count=count,
        seed=seed,
        max_words=max_words,
        sampling=sampling,
        context=context,
    )
    return [(text.ids, text.finished) for text in texts]


def greedy_by_hand(network, prompt, words, window):
    """The likeliest words one after the other, each from a fresh pass over what it may read."""
    history = [END, *prompt]
    for _ in range(words):
        read = ([END] * window + history)[-window:] if window else history
        hidden, _ = network(torch.tensor([read]))
        logits = network.head.logits(hidden[0, -1])
        logits[UNK] = -torch.inf
        history.append(int(logits.argmax()))
        if history[-1] == END:
            break
    return history[1 + len(prompt) :]


@pytest.mark.parametrize("context", [None, 1, 3, 50])
@pytest.mark.parametrize("prompt", [(), (2,), (5, 3, 8, 4, 2)])
def test_greedy_text_is_that_of_fresh_passes(network, context, prompt):
    ((ids, finished),) = write(network, prompt=prompt, count=1, context=context, temperature=0)
    expected = greedy_by_hand(network, prompt, 12, context)
    assert [*ids, END] == expected if finished else list(ids) == expected


def test_a_seed_decides_and_texts_do_not_depend_on_their_number(network):
    four = write(network, count=4)
    assert write(network, count=4) == four
    assert write(network, count=2) == four[:2]
    assert write(network, count=4, seed=2) != four
    assert len(set(four)) > 1


def test_unknown_words_are_never_written_and_nothing_follows_the_end(network):
    with torch.no_grad():
        network.head.linear.bias[UNK] = 50.0
    texts = write(network, count=50)
    assert any(finished for _, finished in texts)
    for ids, finished in texts:
        assert UNK not in ids
        assert END not in ids
        assert finished or len(ids) == 12


def test_no_run_of_words_is_repeated(network):
    for ids, _ in write(network, count=5, max_words=40, temperature=0, no_repeat_ngram=2):
        pairs = list(zip((2, 3, *ids), (3, *ids), strict=False))
        assert len(pairs) == len(set(pairs))


def test_a_sampling_that_cannot_work_is_refused_before_anything_is_written(network):
    with pytest.raises(ConfigError, match="top_p must be"):
        write(network, top_p=7)
