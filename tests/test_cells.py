"""Recurrent layers of our own, against torch's and against their papers' equations."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call

from patentlm.model.cells import LSTM, MogrifierLSTM, WeightDropLSTM
from patentlm.model.dropout import LockedDropout, drop_words, dropout

SIZES = {"input_size": 5, "hidden_size": 4, "num_layers": 2, "dropout": 0.0, "batch_first": True}
CELLS = {
    "weight drop": partial(WeightDropLSTM, weight_drop=0.5),
    "mogrifier": partial(MogrifierLSTM, rounds=4, rank=None),
    "mogrifier of low rank": partial(MogrifierLSTM, rounds=3, rank=2),
}


def as_torch(stack) -> nn.LSTM:
    """torch's LSTM with the weights of a stack's layers."""
    lstm = nn.LSTM(**SIZES)
    weights = [weight for layer in stack.layers for weight in layer.lstm.parameters()]
    for ours, theirs in zip(lstm.parameters(), weights, strict=True):
        ours.data.copy_(theirs.data)
    return lstm


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_pieces_with_the_state_carried_equal_one_pass(cell):
    torch.manual_seed(0)
    stack, inputs = cell(**SIZES).eval(), torch.randn(3, 7, 5)
    whole, end = stack(inputs, None)
    first, state = stack(inputs[:, :4], None)
    second, state = stack(inputs[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, end)
    assert [tuple(part.shape) for part in end] == [(2, 3, 4)] * 2


@pytest.mark.parametrize(
    "cell", [CELLS["weight drop"], partial(MogrifierLSTM, rounds=0, rank=None)]
)
def test_without_what_sets_them_apart_they_are_torchs(cell):
    torch.manual_seed(0)
    stack, inputs = cell(**SIZES).eval(), torch.randn(3, 7, 5)
    torch.testing.assert_close(stack(inputs, None), as_torch(stack)(inputs))


def test_dropped_weights_reach_the_kernel_and_raw_ones_get_the_gradient():
    torch.manual_seed(0)
    layer = WeightDropLSTM(weight_drop=0.5, **{**SIZES, "num_layers": 1})
    raw, inputs = layer.layers[0].lstm.weight_hh_l0, torch.randn(2, 6, 5)
    torch.manual_seed(3)
    found, _ = layer(inputs, None)
    found.sum().backward()
    torch.manual_seed(3)
    dropped = dropout(raw.detach(), 0.5).requires_grad_()
    expected = nn.LSTM(5, 4, batch_first=True)
    for name, weight in layer.layers[0].lstm.named_parameters():
        expected.get_parameter(name).data.copy_(dropped if "weight_hh" in name else weight)
    wanted, _ = expected(inputs)
    wanted.sum().backward()
    torch.testing.assert_close(found, wanted)
    kept = dropped.detach() != 0
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(raw.grad, 2 * expected.weight_hh_l0.grad * kept)


def test_the_mogrifier_keeps_to_its_equations():
    """Equations 1 to 3 of Melis et al. 2020, for one layer of 2 rounds, in plain Python."""
    torch.manual_seed(0)
    cell = MogrifierLSTM(rounds=2, rank=None, **{**SIZES, "num_layers": 1}).double()
    layer = cell.layers[0]
    (q, q0), (r, r0) = (gate.parameters() for gate in layer.gates)
    by_input, by_hidden, bias, more = layer.lstm.parameters()
    inputs = torch.randn(1, 5, 5, dtype=torch.float64)
    h = c = torch.zeros(4, dtype=torch.float64)
    expected = []
    for x in inputs[0]:
        x = 2 * torch.sigmoid(q @ h + q0) * x
        h = 2 * torch.sigmoid(r @ x + r0) * h
        i, f, g, o = (by_input @ x + by_hidden @ h + bias + more).chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        expected.append(h)
    torch.testing.assert_close(cell(inputs, None)[0][0], torch.stack(expected))


@pytest.mark.parametrize("rank", [None, 2])
def test_the_mogrifiers_gradients_are_those_of_finite_differences(rank):
    torch.manual_seed(0)
    sizes = {**SIZES, "input_size": 3, "hidden_size": 2}
    cell = MogrifierLSTM(rounds=3, rank=rank, **sizes).double()
    names, weights = zip(*cell.named_parameters(), strict=True)
    inputs = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def outputs(inputs, hidden, cells, *weights):
        found, after = functional_call(
            cell, dict(zip(names, weights, strict=True)), (inputs, (hidden, cells))
        )
        return found, *after

    assert torch.autograd.gradcheck(outputs, (inputs, *state, *weights))


def test_locked_dropout_drops_the_same_units_at_each_word():
    torch.manual_seed(0)
    dropped = LockedDropout(0.5)(torch.ones(8, 5, 40))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropped, dropped[:, :1].expand(-1, 5, -1))
    assert not torch.equal(dropped[0], dropped[1])
    assert torch.equal(LockedDropout(0.5).eval()(dropped), dropped)


def test_layers_drop_between_them_while_training():
    torch.manual_seed(0)
    stack = WeightDropLSTM(weight_drop=0.0, **{**SIZES, "dropout": 0.5})
    inputs = torch.randn(2, 3, 5)
    assert not torch.equal(stack(inputs, None)[0], stack(inputs, None)[0])
    stack.eval()
    assert torch.equal(stack(inputs, None)[0], stack(inputs, None)[0])


def test_an_lstm_is_torchs_layer_by_layer_with_dropout_between():
    torch.manual_seed(0)
    lstm = LSTM(**{**SIZES, "dropout": 0.5})
    layers = [nn.LSTM(5, 4, batch_first=True), nn.LSTM(4, 4, batch_first=True)]
    for layer, weights in zip(layers, lstm.all_weights, strict=True):
        for theirs, ours in zip(layer.parameters(), weights, strict=True):
            theirs.data.copy_(ours.data)
    inputs, start = torch.randn(3, 7, 5), (torch.randn(2, 3, 4), torch.randn(2, 3, 4))
    first, (hidden, cell) = layers[0](inputs, tuple(part[:1] for part in start))
    torch.manual_seed(1)
    second, after = layers[1](dropout(first, 0.5), tuple(part[1:] for part in start))
    torch.manual_seed(1)
    found, state = lstm(inputs, start)
    torch.testing.assert_close(found, second)
    torch.testing.assert_close(state, (torch.cat([hidden, after[0]]), torch.cat([cell, after[1]])))
    torch.testing.assert_close(lstm.eval()(inputs), nn.LSTM.forward(lstm, inputs))


def test_a_word_is_dropped_whole():
    torch.manual_seed(0)
    rows = drop_words(torch.ones(50, 3), 0.2)
    assert set(rows[:, 0].tolist()) == {0.0, 1.25}
    assert torch.equal(rows, rows[:, :1].expand(-1, 3))
