"""The fused loss: the same numbers as the plain one, in whatever chunks and however extreme."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from patentlm.model.linear_cross_entropy import ALIGNED, ROWS, linear_cross_entropy


def problem(rows: int, *, size: int = 6, words: int = 11, scale: float = 1.0) -> list[Tensor]:
    """Hidden vectors, weight and bias in float64, drawn by the number of rows."""
    draw = torch.Generator().manual_seed(rows)
    shapes = [(rows, size), (words, size), (words,)]
    hidden, weight, bias = (torch.randn(s, generator=draw, dtype=torch.float64) for s in shapes)
    return [hidden * scale, weight, bias, torch.randint(words, (rows,), generator=draw)]


def loss_and_gradients(loss, inputs: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    *parts, targets = inputs
    leaves = [part.detach().to(dtype).requires_grad_() for part in parts]
    value = loss(*leaves, targets)
    value.backward()
    return [value.detach(), *(leaf.grad for leaf in leaves)]


def plain(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(hidden, weight, bias), targets)


def assert_agrees(
    inputs: list[Tensor], dtype: torch.dtype, tolerance: float, least: float = 0.0
) -> None:
    """Within a tolerance of the largest number of each result, or of `least` if that is more."""
    expected = loss_and_gradients(plain, inputs, torch.float64)
    for mine, right in zip(
        loss_and_gradients(linear_cross_entropy, inputs, dtype), expected, strict=True
    ):
        assert mine.dtype == dtype
        torch.testing.assert_close(
            mine.double(),
            right,
            rtol=tolerance,
            atol=tolerance * max(least, float(right.abs().max())),
        )


@pytest.mark.parametrize("rows", [1, 7, ROWS, 2 * ROWS + 3])
def test_agrees_with_float64_in_any_number_of_chunks(rows: int) -> None:
    assert_agrees(problem(rows), torch.float64, 1e-12)
    assert_agrees(problem(rows), torch.float32, 1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-6, 30.0, 1e3])
def test_agrees_with_float64_on_extreme_logits(scale: float) -> None:
    """Logits in the thousands, where the probability of most targets is no float any more."""
    assert_agrees(problem(50, scale=scale), torch.float64, 1e-12)
    assert_agrees(problem(50, scale=scale), torch.float32, 1e-5)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=8), st.data())
def test_one_row_of_any_logits(logits: list[float], data: st.DataObject) -> None:
    """The bias alone makes the logits. A probability close to 1 is rounded like 1, in torch's own
    loss too, so a loss close to 0 is not exact in its last digits."""
    target = torch.tensor([data.draw(st.integers(0, len(logits) - 1))])
    words = len(logits)
    bias = torch.tensor(logits, dtype=torch.float64)
    inputs = [torch.zeros(1, 1), torch.zeros(words, 1), bias, target]
    assert_agrees(inputs, torch.float32, 1e-6, least=1.0)


class Products(TorchDispatchMode):
    """Notes the shapes of matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[tuple[torch.Size, ...]] = set()

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        if op.overloadpacket is torch.ops.aten.mm:
            self.shapes.add(tuple(arg.shape for arg in args))
        return op(*args, **(kwargs or {}))


def test_any_number_of_targets_makes_products_of_few_shapes() -> None:
    """A processor's library keeps megabytes for each shape it has met, without end."""
    with Products() as products:
        for rows in range(1, 2 * ROWS, 5):
            linear_cross_entropy(*problem(rows))
    assert 0 < len(products.shapes) <= 3 * ROWS * torch.float64.itemsize / ALIGNED


def test_no_targets_have_no_loss_and_no_gradient() -> None:
    hidden, weight, bias, targets = problem(0)
    loss, *gradients = loss_and_gradients(
        linear_cross_entropy, [hidden, weight, bias, targets], torch.float32
    )
    assert loss == 0
    assert not any(gradient.any() for gradient in gradients)


def test_by_hand() -> None:
    """Two words, equally likely: ln 2, and half of the one-hot difference as gradient."""
    hidden = torch.tensor([[1.0]], requires_grad=True)
    weight = torch.zeros(2, 1, requires_grad=True)
    bias = torch.zeros(2, requires_grad=True)
    loss = linear_cross_entropy(hidden, weight, bias, torch.tensor([1]))
    (3 * loss).backward()
    assert loss.item() == pytest.approx(0.6931472)
    assert weight.grad is not None
    assert bias.grad is not None
    assert weight.grad.tolist() == [[1.5], [-1.5]]
    assert bias.grad.tolist() == [1.5, -1.5]


def test_in_bfloat16_the_softmax_stays_in_float32() -> None:
    """Close to float64 although products run in bfloat16, and gradients in the weights' type."""
    inputs = problem(40)
    expected = loss_and_gradients(plain, inputs, torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        got = loss_and_gradients(linear_cross_entropy, inputs, torch.float32)
    for mine, right in zip(got, expected, strict=True):
        assert mine.dtype == torch.float32
        assert (mine - right).norm() < 0.02 * right.norm()


def test_a_bfloat16_network_gets_bfloat16_gradients() -> None:
    *parts, targets = problem(5)
    leaves = [part.bfloat16().requires_grad_() for part in parts]
    linear_cross_entropy(*leaves, targets).backward()
    assert {leaf.grad.dtype for leaf in leaves if leaf.grad is not None} == {torch.bfloat16}


@pytest.mark.parametrize("rows", [1, 7, ROWS + 3])
def test_a_mixture_agrees_with_its_equation(rows: int) -> None:
    *parts, targets = problem(rows)
    draw = torch.Generator().manual_seed(1)
    mixture = -torch.rand(2, rows, generator=draw, dtype=torch.float64)
    mixture[1, ::2] = -torch.inf  # what the other part never predicts
    found = []
    for loss in (linear_cross_entropy, plain_mixture):
        leaves = [part.clone().requires_grad_() for part in (*parts, *mixture)]
        value = 3 * loss(*leaves[:3], targets, tuple(leaves[3:]))
        value.backward()
        found.append([value.detach(), *(leaf.grad for leaf in leaves)])
    torch.testing.assert_close(*found)


def plain_mixture(hidden, weight, bias, targets, mixture):
    logs = functional.linear(hidden, weight, bias).log_softmax(1)[range(len(targets)), targets]
    return -torch.log((mixture[0] + logs).exp() + mixture[1].exp()).mean()
