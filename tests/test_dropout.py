from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patentlm.model.cells import WeightDropLSTM
from patentlm.model.dropout import Dropout, dropout
from tests.networks import make_network


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_as_large_a_share_as_asked_is_dropped_and_the_rest_grows(p, dtype):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(301, 333, dtype=dtype), p)
    assert dropped.dtype == dtype
    assert set(dropped.unique().tolist()) == {0.0, (torch.ones((), dtype=dtype) / (1 - p)).item()}
    spread = (p * (1 - p) / dropped.numel()) ** 0.5
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=5 * spread)


def test_neighbours_are_dropped_independently():
    """Four of them are decided by one random integer."""
    torch.manual_seed(0)
    kept = (dropout(torch.ones(40_000, 4), 0.5) > 0).double()
    pairs = (kept - 0.5).T @ (kept - 0.5) / len(kept)  # covariances
    torch.testing.assert_close(pairs, 0.25 * torch.eye(4).double(), atol=0.01, rtol=0)


@given(st.lists(st.integers(0, 5), max_size=3), st.integers(0, 2**31), st.floats(0.01, 1))
def test_any_shape_by_the_seed(shape, seed, p):
    inputs = torch.ones(shape)
    first, again = (torch.manual_seed(seed) and dropout(inputs, p) for _ in range(2))
    assert first.shape == inputs.shape
    assert torch.equal(first, again)


def test_all_are_dropped():
    assert dropout(torch.ones(7), 1.0).tolist() == [0.0] * 7


@pytest.mark.parametrize("p", [-0.5, 1.5])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        dropout(torch.ones(7), p)


@pytest.mark.parametrize(
    "changed",
    [
        {"dropout": 1.5},
        {"embedding_dropout": 2},
        {"cell": partial(WeightDropLSTM, weight_drop=-1)},
    ],
)
def test_a_network_is_not_made_with_what_is_no_probability(changed):
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        make_network(**changed)


def test_the_gradient_is_dropped_alike():
    torch.manual_seed(0)
    inputs = torch.randn(50, 3, requires_grad=True)
    dropped = dropout(inputs, 0.4)
    dropped.sum().backward()
    torch.testing.assert_close(inputs.grad * inputs, dropped)


def test_nothing_is_dropped_but_in_training():
    inputs = torch.randn(5, 4)
    assert Dropout(0.5).eval()(inputs) is inputs
    assert Dropout(0.0)(inputs) is inputs
    assert (Dropout(0.5)(torch.ones(50)) == 0).any()
