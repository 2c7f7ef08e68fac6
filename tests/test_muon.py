"""Muon, against its definition."""

import math

import pytest
import torch

from patentlm.model.muon import Muon, orthogonal

SETTINGS = {
    "lr": 0.1, "momentum": 0.5, "iterations": 5, "precision": "32-true", "weight_decay": 0.1,
    "betas": (0.9, 0.99),
}  # fmt: skip


@pytest.mark.parametrize("shape", [(6, 6), (3, 7), (7, 3)])
def test_a_matrix_made_orthogonal_keeps_its_directions(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(matrix, 10) @ right.T
    torch.testing.assert_close(found, torch.diag(found.diag()), atol=1e-4, rtol=0)
    assert 0.6 < found.diag().min() < found.diag().max() < 1.3


def test_matrices_of_recurrent_layers_move_along_their_momentum_gate_by_gate():
    torch.manual_seed(0)
    matrix = torch.nn.Parameter(torch.randn(8, 3))
    start = matrix.detach().clone()
    optimizer = Muon([("network.recurrent.weight_hh_l0", matrix)], **SETTINGS)
    gradients = torch.randn(2, 8, 3)
    average = torch.zeros(8, 3)
    for gradient in gradients:
        matrix.grad = gradient.clone()
        optimizer.step()
        average = 0.5 * average + 0.5 * gradient
        ahead = 0.5 * gradient + 0.5 * average
        update = torch.cat([orthogonal(gate, 5) for gate in ahead.split(2)])
        start = start * (1 - 0.1 * 0.1) - 0.1 * 0.2 * math.sqrt(3) * update
    torch.testing.assert_close(matrix.detach(), start)


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
