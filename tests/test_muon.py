"""Muon, against its definition."""

import math

import pytest
import torch

from patentlm.training.muon import Muon, orthogonal

SETTINGS = {
    "lr": 0.1, "momentum": 0.5, "iterations": 5, "precision": "32-true", "weight_decay": 0.1,
    "betas": (0.9, 0.99),
}  # fmt: skip


@pytest.mark.parametrize("shape", [(6, 6), (3, 7), (7, 3)])
def test_a_matrix_made_orthogonal_keeps_its_directions(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(matrix[None], 10)[0] @ right.T
    torch.testing.assert_close(found, torch.diag(found.diag()), atol=1e-4, rtol=0)
    assert 0.6 < found.diag().min() < found.diag().max() < 1.3


def test_matrices_of_recurrent_layers_move_along_their_momentum_gate_by_gate():
    torch.manual_seed(0)
    matrix = torch.nn.Parameter(torch.randn(8, 2))
    start = matrix.detach().clone()
    optimizer = Muon([("network.recurrent.weight_hh_l0", matrix)], **SETTINGS)
    gradients = torch.randn(2, 8, 2)
    average = torch.zeros(8, 2)
    for gradient in gradients:
        matrix.grad = gradient.clone()
        optimizer.step()
        average = 0.5 * average + 0.5 * gradient
        ahead = 0.5 * gradient + 0.5 * average
        update = torch.cat([orthogonal(gate[None], 5)[0] for gate in ahead.split(2)])
        start = start * (1 - 0.1 * 0.1) - 0.1 * 0.2 * math.sqrt(2) * update
    torch.testing.assert_close(matrix.detach(), start)


def moved(named, gradients, **settings):
    """What a step makes of zero matrices."""
    for parameter, gradient in zip(named.values(), gradients, strict=True):
        parameter.grad = gradient.clone()
    Muon(named.items(), **{**SETTINGS, **settings}).step()
    return [parameter.detach() for parameter in named.values()]


def test_each_cell_has_as_many_gates_as_it_has():
    """A GRU has three; other matrices, such as those of a Mogrifier's gates, are one."""
    torch.manual_seed(0)
    shapes = {"weight_ih_l0": (6, 4), "weight_hh_l0": (6, 2), "gates.0.weight": (4, 2)}
    named = {f"recurrent.{name}": torch.nn.Parameter(torch.zeros(s)) for name, s in shapes.items()}
    gradients = [torch.randn(shape) for shape in shapes.values()]
    for matrix, gradient, gates in zip(moved(named, gradients), gradients, (3, 3, 1), strict=True):
        parts = gradient.view(gates, -1, gradient.shape[1])
        directions = orthogonal(parts * 0.75, 5).flatten(0, 1)  # half of it is momentum of nothing
        torch.testing.assert_close(
            matrix, -0.1 * 0.2 * math.sqrt(max(parts.shape[1:])) * directions
        )


def test_in_bfloat16_it_moves_about_as_far_in_about_the_same_direction():
    torch.manual_seed(0)
    gradient = [torch.randn(32, 8)]
    exact, rounded = (
        moved(
            {"recurrent.weight_hh_l0": torch.nn.Parameter(torch.zeros(32, 8))},
            gradient,
            precision=p,
        )[0]
        for p in ("32-true", "bf16-mixed")
    )
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).norm() < 0.05 * exact.norm()


def test_all_else_is_adamws():
    torch.manual_seed(0)
    values, gradient = torch.randn(4, 2), torch.randn(4, 2)
    named = {name: torch.nn.Parameter(values.clone()) for name in ("embedding", "head", "alone")}
    recurrent = torch.nn.Parameter(torch.randn(4, 4))
    groups = [("embedding", named["embedding"]), ("head", named["head"]), ("recurrent", recurrent)]
    ours = Muon(groups, **SETTINGS)
    theirs = torch.optim.AdamW([named["alone"]], lr=0.1, weight_decay=0.1, betas=(0.9, 0.99))
    for parameter in named.values():
        parameter.grad = gradient.clone()
    recurrent.grad = torch.randn(4, 4)
    for optimizer in (ours, theirs):
        optimizer.step()
    torch.testing.assert_close(named["embedding"], named["alone"])
    torch.testing.assert_close(named["head"], named["alone"])


def test_what_it_remembers_is_plain_and_can_be_restored():
    torch.manual_seed(0)

    def begun():
        matrix = torch.nn.Parameter(torch.ones(4, 2))
        return matrix, Muon([("recurrent", matrix)], **SETTINGS)

    gradients = torch.randn(2, 4, 2)
    (whole, first), (resumed, second) = begun(), begun()
    for gradient in gradients:
        whole.grad = gradient.clone()
        first.step()
    resumed.grad = gradients[0].clone()
    second.step()
    stored = second.state_dict()
    again = Muon([("recurrent", resumed)], **SETTINGS)
    again.load_state_dict(stored)
    resumed.grad = gradients[1].clone()
    again.step()
    assert torch.equal(whole, resumed)


def test_a_step_leaves_gradients_as_they_are():
    """Other parts of a step, such as logs of norms, may still read them."""
    matrix, vector = (torch.nn.Parameter(torch.ones(shape)) for shape in ((4, 2), (3,)))
    for parameter in (matrix, vector):
        parameter.grad = torch.ones_like(parameter)
    Muon([("recurrent", matrix), ("head", vector)], **SETTINGS).step()
    assert torch.equal(matrix.grad, torch.ones(4, 2))


def test_a_schedule_moves_both_rates():
    matrix, vector = (torch.nn.Parameter(torch.ones(shape)) for shape in ((4, 2), (3,)))
    optimizer = Muon([("recurrent", matrix), ("head", vector)], **{**SETTINGS, "weight_decay": 0})
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    for parameter in (matrix, vector):
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert torch.equal(matrix.detach(), torch.ones(4, 2))
    assert torch.equal(vector.detach(), torch.ones(3))
