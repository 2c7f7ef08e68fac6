"""The adaptive softmax, against its definition."""

from functools import partial

import pytest
import torch
from torch import nn

from patentlm.model.adaptive import AdaptiveHead
from tests.networks import make_network, pointer

V, E, H = 12, 4, 5
KINDS = {
    "apart": {"cutoffs": [3, 7], "shrink": 2, "tied": False},
    "tied": {"cutoffs": [3, 7], "shrink": 2, "tied": True},
    "one cluster": {"cutoffs": [4, 12, 90], "shrink": 1, "tied": False},
    "no cluster": {"cutoffs": [], "shrink": 1, "tied": True},
}


def make(kind: str) -> AdaptiveHead:
    torch.manual_seed(0)
    head = AdaptiveHead(hidden_size=H, embedding=nn.Embedding(V, E), **KINDS[kind]).double()
    for weight in head.parameters():
        nn.init.normal_(weight)
    return head


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_distribution(kind):
    probs = make(kind).logits(torch.randn(3, 2, H).double()).exp()
    assert probs.shape == (3, 2, V)
    torch.testing.assert_close(probs.sum(-1), torch.ones(3, 2).double())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [range(V), range(3), [11]])
def test_the_loss_and_its_gradients_are_those_of_the_logits(kind, words):
    targets, found = torch.tensor([*words, *words]), []
    hidden = torch.randn(len(targets), H, generator=torch.Generator().manual_seed(1)).double()
    for loss in (AdaptiveHead.loss, readable_loss):
        head, inputs = make(kind), hidden.clone().requires_grad_()
        value = loss(head, inputs, targets)
        value.backward()
        gradients = [weight.grad for weight in head.parameters() if weight.grad is not None]
        found.append([value.detach(), inputs.grad, torch.stack([g.sum() for g in gradients]).sum()])
    torch.testing.assert_close(*found)


def readable_loss(head, hidden, targets):
    return -head.logits(hidden).gather(1, targets[:, None]).mean()


def test_a_word_has_the_probability_of_its_cluster_times_its_own_there():
    """By hand, of words 0 to 2, of cluster 3 to 6 and of cluster 7 to 11."""
    head, hidden = make("apart"), torch.randn(H).double()
    first, second, _ = head.weights
    b = head.bias
    top = torch.cat([first @ hidden + b[:3], head.clusters @ hidden + b[12:]]).softmax(0)
    inner = second @ (head.shrinking[0].weight @ hidden) + b[3:7]
    probs = head.logits(hidden).exp()
    torch.testing.assert_close(probs[:3], top[:3])
    torch.testing.assert_close(probs[3:7], top[3] * inner.softmax(0))
    assert [weight.shape[1] for weight in head.weights] == [5, 2, 1]


def test_tied_weights_are_the_embedding():
    embedding = nn.Embedding(V, E)
    head = AdaptiveHead(hidden_size=H, embedding=embedding, **KINDS["tied"])
    assert head.weights[0] is embedding.weight


@pytest.mark.parametrize("kind", KINDS)
def test_of_no_targets_the_loss_is_nothing(kind):
    assert make(kind).loss(torch.randn(0, H).double(), torch.zeros(0, dtype=torch.int64)) == 0


@pytest.mark.parametrize(
    "wrong", [{"cutoffs": [7, 3]}, {"cutoffs": [0]}, {"cutoffs": [3, 3]}, {"shrink": 0.5}]
)
def test_impossible_clusters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"^model\.head\.cutoffs must ascend .* not "):
        AdaptiveHead(hidden_size=H, embedding=nn.Embedding(V, E), **{**KINDS["apart"], **wrong})


def test_a_pointer_may_copy_beside_it():
    softmax = partial(AdaptiveHead, **KINDS["tied"])
    network = make_network(vocabulary=V, head=pointer(None, softmax))
    words = torch.tensor([[1, 5, 9, 5]])
    rows = network(words)[0].flatten(0, 1)
    logs = network.head.logits(rows).gather(1, words.flatten()[:, None])
    torch.testing.assert_close(network.head.loss(rows, words.flatten()), -logs.mean())
