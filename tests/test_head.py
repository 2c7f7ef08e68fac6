"""Heads, against computations by hand."""

from functools import partial

import pytest
import torch
from torch import nn

from patentlm.model.head import MixtureOfSoftmaxes, SoftmaxHead, TiedHead

V, E, H = 7, 3, 5
HEADS = {
    "softmax": SoftmaxHead,
    "tied": TiedHead,
    "mixture": partial(MixtureOfSoftmaxes, mixtures=3),
}


def make(kind):
    torch.manual_seed(0)
    embedding = nn.Embedding(V, E)
    return kind(hidden_size=H, embedding=embedding), embedding


@pytest.mark.parametrize("kind", HEADS.values(), ids=HEADS)
def test_the_loss_is_the_mean_cross_entropy_of_the_logits(kind):
    head, _ = make(kind)
    hidden, targets = torch.randn(600, H), torch.randint(V, (600,))
    nats = -head.logits(hidden).log_softmax(-1)[torch.arange(600), targets]
    torch.testing.assert_close(head.loss(hidden, targets), nats.mean())


@pytest.mark.parametrize("kind", HEADS.values(), ids=HEADS)
def test_the_loss_gives_the_gradient_of_the_logits(kind):
    (head, _), (other, _) = make(kind), make(kind)
    hidden, targets = torch.randn(9, H), torch.randint(V, (9,))
    head.loss(hidden, targets).backward()
    nn.functional.cross_entropy(other.logits(hidden), targets).backward()
    for (name, found), (_, wanted) in zip(
        head.named_parameters(), other.named_parameters(), strict=True
    ):
        torch.testing.assert_close(found.grad, wanted.grad, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("kind", HEADS.values(), ids=HEADS)
def test_of_no_targets_the_loss_is_nothing(kind):
    head, _ = make(kind)
    assert head.loss(torch.randn(0, H), torch.zeros(0, dtype=torch.int64)) == 0


@pytest.mark.parametrize("kind", [HEADS["tied"], HEADS["mixture"]])
def test_a_tied_head_shares_the_embedding(kind):
    head, embedding = make(kind)
    assert head.linear.weight is embedding.weight
    assert sum(weight is embedding.weight for weight in head.parameters()) == 1


def test_a_tied_head_projects_only_where_it_must():
    head = TiedHead(hidden_size=E, embedding=nn.Embedding(V, E))
    assert sum(weight.numel() for weight in head.parameters()) == V * E + V
    hidden = torch.randn(2, E)
    expected = hidden @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(head.logits(hidden), expected)


def test_the_mixture_keeps_to_its_equation():
    """Equation 3 of Yang et al. 2018."""
    head, embedding = make(HEADS["mixture"])
    hidden = torch.randn(H)
    prior = torch.softmax(head.prior.weight @ hidden, 0)
    latents = torch.tanh(head.latent.weight @ hidden + head.latent.bias).view(3, E)
    words = torch.softmax(latents @ embedding.weight.T + head.linear.bias, -1)
    torch.testing.assert_close(head.logits(hidden).exp(), prior @ words)


@pytest.mark.parametrize("kind", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("size", [E, H])
def test_heads_work_on_any_device_whatever_their_sizes(kind, size):
    """The meta device knows shapes alone, and no path of a device's own but the general one."""
    head = kind(hidden_size=size, embedding=nn.Embedding(V, E)).to("meta")
    hidden = torch.zeros(20, size, device="meta", requires_grad=True)
    head.loss(hidden, torch.zeros(20, dtype=torch.int64, device="meta")).backward()
    assert hidden.grad.shape == hidden.shape
    assert head.logits(hidden).shape == (20, V)
