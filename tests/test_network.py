"""Networks: what they may see, what they carry, and how they are initialised."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from patentlm.model.head import SoftmaxHead
from patentlm.model.network import Network, detach
from tests import networks

VOCABULARY = 11


def make_network(cell: type[nn.Module] = nn.LSTM, layers: int = 2) -> Network:
    torch.manual_seed(0)
    sizes = {"vocabulary": VOCABULARY, "embedding_size": 5, "hidden_size": 7}
    return networks.make_network(**sizes, layers=layers, dropout=0.3, cell=cell).eval()


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@given(changed=st.integers(0, 8), word=st.integers(0, VOCABULARY - 1))
def test_a_word_changes_no_logits_before_it(cell, changed, word):
    network = make_network(cell)
    inputs = torch.arange(9)[None] % VOCABULARY
    other = inputs.clone()
    other[0, changed] = word
    before, after = (network.head.logits(network(x)[0]) for x in (inputs, other))
    assert torch.equal(before[:, :changed], after[:, :changed])
    same_word = bool(inputs[0, changed] == word)
    assert torch.equal(before[:, changed:], after[:, changed:]) == same_word


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@given(cuts=st.lists(st.integers(1, 11), max_size=4, unique=True).map(sorted))
def test_pieces_with_the_state_carried_equal_one_pass(cell, cuts):
    network = make_network(cell)
    inputs = torch.randint(VOCABULARY, (3, 12), generator=torch.Generator().manual_seed(1))
    whole, _ = network(inputs)
    state, pieces = None, []
    for piece in torch.tensor_split(inputs, cuts, dim=1):
        hidden, state = network(piece, state)
        pieces.append(hidden)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)


def test_rows_of_a_batch_do_not_see_each_other():
    network = make_network()
    inputs = torch.randint(VOCABULARY, (4, 6), generator=torch.Generator().manual_seed(2))
    together, _ = network(inputs)
    for row in range(4):
        torch.testing.assert_close(network(inputs[row : row + 1])[0], together[row : row + 1])


def test_shapes():
    hidden, _ = make_network()(torch.zeros(2, 3, dtype=torch.int64))
    assert hidden.shape == (2, 3, 7)
    assert make_network().head.logits(hidden).shape == (2, 3, VOCABULARY)


def test_dropout_is_for_training_alone():
    network = make_network()
    inputs = torch.zeros(1, 4, dtype=torch.int64)
    assert torch.equal(network(inputs)[0], network(inputs)[0])
    network.train()
    assert not torch.equal(network(inputs)[0], network(inputs)[0])


def test_the_loss_is_the_mean_cross_entropy_of_the_logits():
    head = SoftmaxHead(hidden_size=4, embedding=nn.Embedding(3, 2))
    hidden, targets = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])
    probabilities = head.logits(hidden).softmax(-1)[torch.arange(5), targets]
    torch.testing.assert_close(head.loss(hidden, targets), -probabilities.log().mean())


def test_an_lstm_begins_with_open_forget_gates_and_orthogonal_recurrence():
    lstm = make_network(layers=1).recurrent
    assert lstm.bias_ih_l0.tolist() == [0.0] * 7 + [1.0] * 7 + [0.0] * 14
    assert not lstm.bias_hh_l0.any()
    for gate in lstm.weight_hh_l0.detach().split(7):
        torch.testing.assert_close(gate @ gate.T, torch.eye(7))


def test_detach_keeps_values_and_cuts_the_graph():
    x = torch.ones(2, requires_grad=True) * 3
    state = detach((x, (x, x)))
    assert torch.equal(state[1][0], x)
    assert not state[0].requires_grad
    assert not state[1][1].requires_grad
    assert detach(None) is None


def test_products_of_a_target():
    """An LSTM layer's 4 x H x (E + H) at each position, and a head's H x V."""
    network = make_network(layers=1)
    assert network.macs_per_target(1) == 4 * 7 * (5 + 7) + 7 * 11
    assert network.macs_per_target(2.5) == 2.5 * 336 + 77
