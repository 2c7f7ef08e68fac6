"""A network at work: what a trace holds fits the cell's equations, for every cell."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from patentlm.errors import ConfigError
from patentlm.model.cells import LSTM, MogrifierLSTM, WeightDropLSTM
from patentlm.model.head import SoftmaxHead
from tests.models import trained_model
from tests.networks import make_network, pointer

CELLS = {
    "torch": nn.LSTM,
    "lstm": LSTM,
    "weight_drop": partial(WeightDropLSTM, weight_drop=0.5),
    "mogrifier": partial(MogrifierLSTM, rounds=3, rank=2),
    "mogrifier_whole": partial(MogrifierLSTM, rounds=2, rank=None),
}


def make_model(cell, context=None, **changed):
    torch.manual_seed(5)
    network = make_network(vocabulary=7, layers=2, cell=cell, **changed)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return trained_model(network.eval(), vocabulary=7, context=context)


def before(values):
    """What each layer held one word earlier, zeros at first."""
    return np.concatenate([np.zeros_like(values[:, :1]), values[:, :-1]], axis=1)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_cells_and_hidden_vectors_follow_from_the_gates(cell):
    found = make_model(cell).trace("w2 w3 w6 w3")
    assert found.axes == ("layer", "word", "unit")
    assert found.words == ("<end>", "w2", "w3", "w6", "w3")
    assert found.hidden.shape == found.cell.shape == (2, 5, 4)
    assert list(found.gates) == ["i", "f", "g", "o"]
    i, f, g, o = found.gates.values()
    np.testing.assert_allclose(found.cell, f * before(found.cell) + i * g, atol=1e-5)
    np.testing.assert_allclose(found.hidden, o * np.tanh(found.cell), atol=1e-5)


def test_a_gru_has_gates_of_its_own_and_no_cell():
    found = make_model(nn.GRU).trace("w2 w3 w6 w3")
    assert found.cell is None
    z, n = found.gates["z"], found.gates["n"]
    expected = (1 - z) * n + z * before(found.hidden)
    np.testing.assert_allclose(found.hidden, expected, atol=1e-5)


@pytest.mark.parametrize("head", [SoftmaxHead, pointer(3)])
@torch.inference_mode()
def test_the_last_layer_is_what_the_head_reads(head):
    model = make_model(LSTM, head=head)
    hidden, _ = model.network(torch.tensor([[0, 2, 3, 6]]))
    read = getattr(hidden, "hidden", hidden)  # of rows, what a copying head has beside its memory
    np.testing.assert_allclose(model.trace("w2 w3 w6").hidden[-1], read[0], atol=1e-6)


def test_a_window_is_read_as_it_was_trained():
    model = make_model(LSTM, context=3)
    assert model.trace("w2").words == ("<end>", "<end>", "w2")
    assert model.trace("w2 w3 w6 w3").words == ("w3", "w6", "w3")


class Odd(nn.Module):
    """A layer of a kind whose gates nobody knows; its state is a sum."""

    def __init__(self, **_):
        super().__init__()

    def forward(self, inputs, state=None):
        total = inputs.sum(1)[None] + (0 if state is None else state)
        return total.transpose(0, 1), total


def test_a_cell_of_an_unknown_kind_has_no_gates():
    found = make_model(Odd, hidden_size=3).trace("w2")
    assert found.gates == {}
    assert found.hidden.shape == (1, 2, 3)


def test_neighbours_are_those_that_point_the_same_way():
    model = make_model(LSTM, embedding_size=2)
    vectors = [[9, 9], [9, 9], [1, 0], [5, 1], [1, 1], [0, 2], [-1, 0]]
    model.network.embedding.weight.data = torch.tensor(vectors, dtype=torch.float32)
    found = model.neighbours("W2", count=3)
    assert [neighbour.word for neighbour in found] == ["w3", "w4", "w5"]
    assert [round(neighbour.similarity, 3) for neighbour in found] == [0.981, 0.707, 0.0]
    assert len(model.neighbours("w2", count=99)) == 4
    with pytest.raises(ConfigError, match=r"^'zebra' is not in the vocabulary"):
        model.neighbours("zebra")
