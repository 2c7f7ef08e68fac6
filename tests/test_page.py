"""What the exporter does ahead of any browser."""

import json
import re

import pytest
import torch
from torch import nn

from patentlm.errors import ConfigError
from patentlm.export.page.assembly import assemble
from patentlm.export.page.curves import read_curves
from patentlm.export.page.network import describe_network
from patentlm.export.page.story import without_folders
from patentlm.export.page.weights import check, encode, rounded
from patentlm.export.page.word_map import word_map
from tests.networks import make_network


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({"cell": nn.RNN}, "format=page: it knows no RNN; it runs the cells lstm,"),
        (
            {"cell": lambda **sizes: nn.LSTM(bidirectional=True, **sizes)},
            "format=page: it runs cells with bidirectional=False alone, not True",
        ),
        (
            {"head": lambda hidden_size, embedding: nn.Identity()},
            "format=page: it knows no Identity; it runs the heads softmax, tied,",
        ),
    ],
)
def test_networks_that_a_page_cannot_run(part, line):
    with pytest.raises(ConfigError, match=re.escape(line)):
        describe_network(make_network(**part))


def test_an_unknown_way_to_store_weights():
    with pytest.raises(ConfigError, match="weights=int4: not a way to store them"):
        check("int4")


def test_int8_stores_multiples_of_a_127th_of_the_largest():
    tensors = {"a": torch.tensor([[1.27, -0.5], [0.0, 0.0]]), "b": torch.tensor([0.123])}
    described, stored = encode(tensors, "int8")
    assert [part["type"] for part in described] == ["int8", "float32"]
    assert list(stored[8:12]) == [127, 206, 0, 0]
    assert len(stored) == 2 * 4 + 4 + 4


def test_rounded_weights_stay_tied():
    network = make_network()
    smaller = rounded(network, "float16")
    assert smaller.embedding.weight.tolist() == network.embedding.weight.half().float().tolist()


def test_data_cannot_end_their_element():
    text = "</script><b>"
    page = assemble(text, {"model": {"vocabulary": [text]}}, "AAAA")
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', page)
    assert json.loads(found[1]) == {"vocabulary": [text]}
    assert "<title>&lt;/script&gt;&lt;b&gt;</title>" in page
    assert not re.search(r"^(import|export) ", page, re.MULTILINE)
    assert not re.search(r"(src|href)=.?(https?:|//)", page)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("data.path='/home/me/a b/x.csv' seed=1", "data.path='x.csv' seed=1"),
        ("data.path=/home/me/x.csv seed=1", "data.path=x.csv seed=1"),
        (r"C:\Users\me\x.csv", "x.csv"),
        ("~/data/x.csv is gone", "x.csv is gone"),
        ("https://api.uspto.gov/api/v1", "https://api.uspto.gov/api/v1"),
        ("train/loss 1/2", "train/loss 1/2"),
    ],
)
def test_paths_are_cut_to_their_last_part(text, shown):
    assert without_folders(text) == shown


def test_word_map_puts_like_words_together():
    generator = torch.Generator().manual_seed(1)
    middles = torch.eye(3, 8).repeat_interleave(40, dim=0)
    vectors = middles + 0.1 * torch.randn(120, 8, generator=generator)
    places = word_map(vectors.numpy(), list(range(120)))
    x, y = (torch.tensor(places[axis]).reshape(3, 40) for axis in "xy")
    assert float(max(x.abs().max(), y.abs().max())) == 1
    spread = (x.std(dim=1) + y.std(dim=1)).max()
    apart = torch.cdist(*[torch.stack([x.mean(1), y.mean(1)], dim=1)] * 2)
    assert apart[~torch.eye(3, dtype=torch.bool)].min() > 4 * spread


def test_no_curves_where_nothing_was_logged(tmp_path):
    assert read_curves(tmp_path) == []
