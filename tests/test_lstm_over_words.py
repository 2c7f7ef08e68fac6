"""An LSTM over words against torch's own, in float64."""

import pytest
import torch
from torch import nn

from patentlm.model.lstm_over_words import ROWS, lstm_over_words, suits
from tests.networks import make_network

VOCABULARY = 11


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def _threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def made(rows, steps, dtype=torch.float64):
    torch.manual_seed(rows + steps)
    embedding = nn.Embedding(VOCABULARY, 3, dtype=dtype)
    lstm = nn.LSTM(3, 5, batch_first=True, dtype=dtype)
    return embedding, lstm, torch.randint(VOCABULARY, (rows, steps))


def outcome(run, embedding, lstm):
    """What comes out, and gradients in which hidden, last hidden and memory all have a part."""
    parameters = [*embedding.parameters(), *lstm.parameters()]
    hidden, (last, memory) = run()
    weights = torch.linspace(-1, 2, hidden.numel(), dtype=hidden.dtype).view(hidden.shape)
    loss = (hidden * weights).sum() + (last**2).sum() + memory.sin().sum()
    return [hidden, last, memory, *torch.autograd.grad(loss, parameters)]


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (3, 7), (2 * ROWS + 1, 4)])
def test_hidden_vectors_state_and_gradients_are_those_of_torch(rows, steps):
    embedding, lstm, inputs = made(rows, steps)
    expected = outcome(lambda: lstm(embedding(inputs)), embedding, lstm)
    found = outcome(lambda: lstm_over_words(lstm, embedding.weight, inputs), embedding, lstm)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("_threads")
def test_float32_is_as_close_to_float64_as_torch_is():
    embedding, lstm, inputs = made(2 * ROWS, 50)
    exact = lstm(embedding(inputs))[0]
    embedding, lstm = embedding.float(), lstm.float()
    theirs = (lstm(embedding(inputs))[0] - exact).abs().max()
    ours = (lstm_over_words(lstm, embedding.weight, inputs)[0] - exact).abs().max()
    assert ours < 4 * theirs


@pytest.mark.usefixtures("_threads")
def test_it_is_reproducible_to_the_last_digit():
    embedding, lstm, inputs = made(2 * ROWS, 20, torch.float32)
    runs = [
        outcome(lambda: lstm_over_words(lstm, embedding.weight, inputs), embedding, lstm)
        for _ in range(3)
    ]
    assert all(torch.equal(a, b) for run in runs[1:] for a, b in zip(runs[0], run, strict=True))


def test_going_back_twice_is_refused():
    embedding, lstm, inputs = made(2, 3)
    loss = lstm_over_words(lstm, embedding.weight, inputs)[0].sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


class Other(nn.LSTM):
    """A cell of its own, which may compute anything."""


@pytest.mark.parametrize(
    ("recurrent", "rows", "expected"),
    [
        (nn.LSTM(3, 5, batch_first=True), 2 * ROWS, True),
        (nn.LSTM(3, 5, batch_first=True), 2 * ROWS - 1, False),
        (nn.LSTM(3, 5, 2, batch_first=True), 2 * ROWS, False),
        (nn.LSTM(3, 5, bidirectional=True), 2 * ROWS, False),
        (nn.LSTM(3, 5, proj_size=2), 2 * ROWS, False),
        (nn.LSTM(3, 5, bias=False), 2 * ROWS, False),
        (nn.GRU(3, 5, batch_first=True), 2 * ROWS, False),
        (Other(3, 5, batch_first=True), 2 * ROWS, False),
    ],
)
def test_what_it_suits(recurrent, rows, expected):
    inputs = torch.zeros(rows, 4, dtype=torch.int64)
    assert suits(recurrent, inputs) is expected
    with torch.autocast("cpu", torch.bfloat16):
        assert not suits(recurrent, inputs)


def test_a_network_reads_many_rows_as_it_reads_few_and_drops_as_it_is_asked_to():
    torch.manual_seed(0)
    sizes = {"vocabulary": VOCABULARY, "embedding_size": 3, "hidden_size": 5}
    network = make_network(**sizes, dropout=0.5).eval()
    inputs = torch.randint(VOCABULARY, (2 * ROWS, 6))
    hidden, state = network(inputs)
    few, _ = network(inputs[:3])
    torch.testing.assert_close(hidden[:3], few)
    further, _ = network(inputs, state)
    both, _ = network(inputs.repeat(1, 2))
    torch.testing.assert_close(further, both[:, 6:])
    dropped, _ = network.train()(inputs)
    assert 0.4 < (dropped == 0).float().mean() < 0.6


def test_threads_read_in_inference_mode_too():
    torch.manual_seed(0)
    network = make_network(vocabulary=VOCABULARY).eval()
    inputs = torch.randint(VOCABULARY, (2 * ROWS, 6))
    expected, _ = network(inputs)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch.inference_mode():
            found, _ = network(inputs)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found, expected)
