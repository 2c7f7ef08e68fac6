"""Layers whose gates do not read their last output, against their papers' equations."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from patentlm.model.linear_recurrence import QRNN, MinLSTM, linear_recurrence
from patentlm.training.muon import Muon
from tests.models import trained_model
from tests.networks import make_network

SIZES = {"input_size": 5, "hidden_size": 4, "num_layers": 2, "dropout": 0.0, "batch_first": True}
CELLS = {
    "qrnn": partial(QRNN, width=1),
    "qrnn of width 2": partial(QRNN, width=2),
    "minimal LSTM": MinLSTM,
}


def draw(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def naive(forget, update, state):
    """The recurrence step by step, for autograd to follow."""
    states = []
    for f, u in zip(forget, update, strict=True):
        state = f * state + u
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("steps", [1, 6])
def test_a_linear_recurrence_is_that_of_its_equation(steps):
    torch.manual_seed(0)
    inputs = draw(steps, 2, 3), draw(steps, 2, 3), draw(2, 3)
    found, expected = linear_recurrence(*inputs), naive(*inputs)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    gradients = (torch.autograd.grad((out * weights).sum(), inputs) for out in (found, expected))
    torch.testing.assert_close(*gradients)
    assert torch.autograd.gradcheck(linear_recurrence, inputs)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_pieces_with_the_state_carried_equal_one_pass(cell):
    torch.manual_seed(0)
    layers, inputs = cell(**SIZES).eval(), torch.randn(3, 7, 5)
    whole, end = layers(inputs, None)
    first, state = layers(inputs[:, :4], None)
    second, state = layers(inputs[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, end)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_gradients_are_those_of_finite_differences(cell):
    torch.manual_seed(0)
    layers = cell(**{**SIZES, "input_size": 3, "hidden_size": 2}).double()
    names, weights = zip(*layers.named_parameters(), strict=True)

    def outputs(inputs, *weights):
        named = dict(zip(names, weights, strict=True))
        return functional_call(layers, named, (inputs,))[0]

    assert torch.autograd.gradcheck(outputs, (draw(2, 3, 3), *weights))


def test_a_qrnn_keeps_to_its_equations():
    """Equations 2 and 5 of Bradbury et al. 2017, for one layer of width 2, in plain Python."""
    torch.manual_seed(0)
    cell = QRNN(width=2, **{**SIZES, "num_layers": 1}).double()
    gates = cell.layers[0].products
    inputs = torch.randn(1, 6, 5, dtype=torch.float64)
    c, before, expected = torch.zeros(4, dtype=torch.float64), torch.zeros(5).double(), []
    for x in inputs[0]:
        g, f, o = (gates[name](torch.cat([before, x])) for name in "gfo")
        c = torch.sigmoid(f) * c + (1 - torch.sigmoid(f)) * torch.tanh(g)
        expected.append(torch.sigmoid(o) * c)
        before = x
    torch.testing.assert_close(cell(inputs)[0][0], torch.stack(expected))


def test_a_minimal_lstm_keeps_to_its_equations():
    """Section 3.2 of Feng et al. 2024, for one layer, in plain Python."""
    torch.manual_seed(0)
    cell = MinLSTM(**{**SIZES, "num_layers": 1}).double()
    gates = cell.layers[0].products
    inputs = torch.randn(1, 6, 5, dtype=torch.float64)
    h, expected = torch.zeros(4, dtype=torch.float64), []
    for x in inputs[0]:
        f, i = torch.sigmoid(gates["f"](x)), torch.sigmoid(gates["i"](x))
        h = f / (f + i) * h + i / (f + i) * gates["g"](x)
        expected.append(h)
    torch.testing.assert_close(cell(inputs)[0][0], torch.stack(expected))


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_forget_gates_start_open_and_what_is_extreme_stays_finite(cell):
    layers = cell(**SIZES)
    assert all((layer.products["f"].bias == 1).all() for layer in layers.layers)
    assert layers(1e6 * torch.randn(2, 3, 5))[0].isfinite().all()


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_layers_drop_the_same_units_between_them_at_all_words(cell):
    torch.manual_seed(0)
    layers = cell(**{**SIZES, "dropout": 0.5})
    seen = []
    layers.layers[1].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    layers(torch.randn(2, 6, 5))
    dropped = seen[0] == 0  # (T, B, H)
    assert 0 < dropped[0].sum() < dropped[0].numel()
    assert torch.equal(dropped, dropped[:1].expand(6, -1, -1))


def test_under_autocast_products_are_in_bfloat16_and_the_rest_in_float32():
    torch.manual_seed(0)
    layers, inputs = QRNN(width=2, **SIZES), torch.randn(2, 6, 5)
    exact, (_, cells, _) = layers(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, (_, others, _) = layers(inputs)
    assert rounded.dtype == others.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, atol=0.02, rtol=0)
    torch.testing.assert_close(others, cells, atol=0.02, rtol=0)


def test_muon_updates_gate_by_gate():
    layers = QRNN(width=1, **SIZES)
    named = [(f"recurrent.{name}", weight) for name, weight in layers.named_parameters()]
    rest = {"momentum": 0.9, "iterations": 5, "precision": "32-true"}
    muon = Muon(named, lr=0.1, **rest)
    assert sorted(muon.gates.values()) == [1] * 6
    assert {tuple(weight.shape) for weight in muon.gates} == {(4, 5), (4, 4)}


def before(values):
    """What each layer held one word earlier, zeros at first."""
    return np.concatenate([np.zeros_like(values[:, :1]), values[:, :-1]], axis=1)


@pytest.mark.parametrize("name", CELLS)
def test_a_trace_fits_the_equations(name):
    torch.manual_seed(5)
    network = make_network(vocabulary=7, layers=2, cell=CELLS[name])
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    found = trained_model(network.eval(), vocabulary=7).trace("w2 w3 w6 w3")
    if name == "minimal LSTM":
        f, i, g = (found.gates[gate] for gate in "fig")
        assert found.cell is None
        wanted = f * before(found.hidden) + i * g
    else:
        g, f, o = (found.gates[gate] for gate in "gfo")
        np.testing.assert_allclose(found.cell, f * before(found.cell) + (1 - f) * g, atol=1e-5)
        wanted = o * found.cell
    np.testing.assert_allclose(found.hidden, wanted, atol=1e-5)
