"""Small networks that copy, and what a slow reader of their papers needs."""

import torch
from torch import nn

from patentlm.model.cache import with_cache
from patentlm.model.head import SoftmaxHead
from patentlm.model.network import Network
from tests import networks

VOCABULARY = 7
SIZES = [None, 1, 3]


def make_network(head=SoftmaxHead, cell=nn.LSTM) -> Network:
    torch.manual_seed(0)
    sizes = {"vocabulary": VOCABULARY, "embedding_size": 4, "hidden_size": 3}
    network = networks.make_network(**sizes, layers=2, cell=cell, head=head)
    for parameter in network.parameters():
        nn.init.normal_(parameter)  # so that there is something to tell apart
    return network.double().eval()


def cached(*, size, theta=0.7, weight=0.3, **settings) -> Network:
    return with_cache(make_network(**settings), size=size, theta=theta, weight=weight)


def pointing(*, size, **settings) -> Network:
    return make_network(networks.pointer(size), **settings)


def some_words(rows=3, words=9) -> torch.Tensor:
    return torch.randint(1, VOCABULARY, (rows, words), generator=torch.Generator().manual_seed(1))


def remembered(words, at, size):
    """Places of hidden vectors and the words that followed, as one who has read `at` knows them."""
    pairs = [(i, int(words[i + 1])) for i in range(at) if words[i + 1] != 0]
    return [pair for pair in pairs if size is None or pair[0] >= at - size]


def dot(a, b):
    return sum(x * y for x, y in zip(*map(torch.Tensor.tolist, (a, b)), strict=True))
