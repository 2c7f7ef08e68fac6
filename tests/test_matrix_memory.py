"""LSTM layers with a matrix as memory, against their paper's equations."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call

from patentlm.generation.generator import generate
from patentlm.model.matrix_memory import MLSTM, read_memory
from tests.models import trained_model
from tests.networks import make_network

SIZES = {"input_size": 5, "hidden_size": 6, "num_layers": 2, "dropout": 0.0, "batch_first": True}


def layers_of(heads, **changed):
    """Layers with weights that make all gates differ."""
    torch.manual_seed(0)
    layers = MLSTM(heads=heads, **{**SIZES, **changed})
    for parameter in layers.parameters():
        nn.init.normal_(parameter, std=0.7)
    return layers.eval()


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_it_keeps_to_its_equations(heads):
    """Equations 19 to 27 of Beck et al. 2024, for one layer, word by word, without scales."""
    cell = layers_of(heads, num_layers=1).double()
    (layer,), size = cell.layers, 6 // heads
    inputs, expected = torch.randn(1, 7, 5, dtype=torch.float64), []
    memory = torch.zeros(heads, size, size, dtype=torch.float64)
    sums = torch.zeros(heads, size, dtype=torch.float64)
    for x in inputs[0]:
        made = {name: linear(x) for name, linear in layer.products.items()}
        q, k, v = (made[name].view(heads, size) for name in ("query", "key", "value"))
        i, f, k = made["input"].exp(), made["forget"].sigmoid(), k / math.sqrt(size)
        memory = f[:, None, None] * memory + i[:, None, None] * k[:, :, None] * v[:, None]
        sums = f[:, None] * sums + i[:, None] * k
        read = (memory * q[:, :, None]).sum(1) / (sums * q).sum(1).abs().clamp(min=1)[:, None]
        normed = (read - read.mean(1, keepdim=True)) / (
            read.var(1, unbiased=False, keepdim=True) + 1e-5
        ).sqrt()
        expected.append(made["output"].sigmoid() * layer.norm * normed.flatten())
    torch.testing.assert_close(cell(inputs)[0][0], torch.stack(expected))


@pytest.mark.parametrize("first", [1, 4, 6])
def test_pieces_with_the_state_carried_equal_one_pass(first):
    layers, inputs = layers_of(2).double(), torch.randn(3, 7, 5, dtype=torch.float64)
    whole, end = layers(inputs)
    one, state = layers(inputs[:, :first])
    other, state = layers(inputs[:, first:], state)
    torch.testing.assert_close(torch.cat([one, other], dim=1), whole)
    torch.testing.assert_close(state, end)


def test_a_text_does_not_depend_on_those_beside_it_or_on_later_words():
    layers, inputs = layers_of(2), torch.randn(3, 7, 5)
    whole = layers(inputs)[0]
    torch.testing.assert_close(layers(inputs[1:2, :4])[0], whole[1:2, :4])


def test_gradients_are_those_of_finite_differences():
    layers = layers_of(2, input_size=3, hidden_size=4).double()
    names, weights = zip(*layers.named_parameters(), strict=True)
    inputs = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)

    def outputs(inputs, *weights):
        named = dict(zip(names, weights, strict=True))
        return functional_call(layers, named, (inputs,))[0]

    assert torch.autograd.gradcheck(outputs, (inputs, *weights))


@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_gates_may_be_extreme(scale):
    """An input gate of `exp(1000)` overflows by itself; one of `exp(-1000)` writes nothing."""
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 1, 5, 4, requires_grad=True)
    gate, forget = torch.full((2, 1, 5, 1), scale), torch.full((2, 1, 5, 1), -scale)
    zeros = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4), torch.zeros(2, 1)
    for gates in ((gate, forget), (gate, -forget)):
        read, *state = read_memory(query, key, value, *gates, zeros)
        (by_query,) = torch.autograd.grad(read.sum(), query)
        assert all(part.isfinite().all() for part in (read, by_query, *state))


def test_layers_drop_the_same_units_between_them_at_all_words():
    torch.manual_seed(0)
    layers = MLSTM(heads=2, **{**SIZES, "dropout": 0.5})
    seen = []
    layers.layers[1].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    layers(torch.randn(2, 6, 5))
    dropped = seen[0] == 0  # (B, T, H)
    assert 0 < dropped[:, 0].sum() < dropped[:, 0].numel()
    assert torch.equal(dropped, dropped[:, :1].expand(-1, 6, -1))


def test_under_autocast_products_are_in_bfloat16_and_the_rest_in_float32():
    layers, inputs = layers_of(2), torch.randn(2, 6, 5)
    exact = layers(inputs)[0]
    with torch.autocast("cpu", torch.bfloat16):
        rounded, state = layers(inputs)
    assert all(part.dtype == torch.float32 for part in (rounded, *state))
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, atol=0.15, rtol=0)


def test_a_trace_has_hidden_vectors_and_neither_gates_nor_cells():
    network = make_network(vocabulary=7, layers=2, cell=partial(MLSTM, heads=2))
    found = trained_model(network.eval(), vocabulary=7).trace("w2 w3 w6")
    assert found.hidden.shape == (2, 4, 4)
    assert found.cell is None
    assert found.gates == {}


@pytest.mark.parametrize("context", [None, 3])
def test_texts_do_not_depend_on_their_number(context):
    torch.manual_seed(0)
    network = make_network(vocabulary=7, layers=2, cell=partial(MLSTM, heads=2))
    settings = {"prompt": [2, 5], "seed": 1, "max_words": 9, "sampling": {}, "context": context}
    several = generate(network, count=3, **settings)
    assert several[:1] == generate(network, count=1, **settings)
    assert len({text.ids for text in several}) > 1


def test_heads_that_cannot_share_the_units_are_refused():
    with pytest.raises(ValueError, match=r"cell\.heads=4 does not divide hidden_size=6"):
        MLSTM(heads=4, **SIZES)
