"""Generation: what is read, what is never written, and what the seed decides."""

import pytest
import torch
from torch import nn

from patentlm.data.words import END, UNK
from patentlm.errors import ConfigError
from patentlm.generation.generator import MOST_TEXTS, generate
from patentlm.generation.reader import Reader
from patentlm.model.network import Network
from tests.networks import make_network

VOCABULARY = 9


def make(cell=nn.LSTM, layers=1) -> Network:
    torch.manual_seed(4)
    sizes = {"vocabulary": VOCABULARY, "embedding_size": 6, "hidden_size": 8}
    made = make_network(**sizes, layers=layers, cell=cell)
    nn.init.normal_(made.embedding.weight)
    return made


@pytest.fixture
def network() -> Network:
    return make()


class LstmWithNestedState(nn.LSTM):
    """Its state is a tuple of a tuple, a tensor and nothing."""

    def forward(self, inputs, state=None):
        state = state and (state[0][0], state[1])
        hidden, (last, memory) = super().forward(inputs, state)
        return hidden, ((last,), memory, None)


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


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, LstmWithNestedState])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("window", [1, 2, 7])
@torch.inference_mode()
def test_hidden_vectors_are_those_of_reading_the_window_again(cell, layers, window):
    network = make(cell, layers).eval()
    reader, prompt = Reader(network, window), [5, 3, 8]
    hidden = reader.begin(prompt, count=4)
    history = torch.tensor([[END] * window + prompt] * 4)
    for step in range(2 * window + 3):
        again, _ = network(history[:, -window:])
        torch.testing.assert_close(hidden, again[:, -1])
        words = torch.randint(VOCABULARY, (len(history),))
        history = torch.cat([history, words[:, None]], dim=1)
        if step == window:
            going = torch.tensor([0, 3])
            history, words = history[going], words[going]
            reader.keep(going)
        hidden = reader.read(words)


def test_texts_of_several_parts_come_in_order(network):
    many = write(network, count=2 * MOST_TEXTS + 1)
    assert many[:3] == write(network, count=3)
    assert len(set(many)) > MOST_TEXTS
    assert many[-1] == write(network, count=2 * MOST_TEXTS + 5)[-5]


def test_torch_is_left_as_it_was_set(network):
    before = torch.get_num_threads(), torch.backends.mkldnn.enabled
    write(network)
    assert (torch.get_num_threads(), torch.backends.mkldnn.enabled) == before
    with pytest.raises(IndexError):
        write(network, prompt=(VOCABULARY,))
    assert (torch.get_num_threads(), torch.backends.mkldnn.enabled) == before


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


def test_no_texts_are_no_texts(network):
    assert write(network, count=0) == []
