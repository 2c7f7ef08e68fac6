"""Texts word by word: probabilities, ranks and alternatives, and how notebooks show them."""

import json
import math
import re

import pytest
import torch

import patentlm
from tests.models import trained_model
from tests.networks import make_network

WORDS = ["<end>", "<unk>", "a", "net", "learns", "."]
TOKENIZERS = {
    "words": {"_target_": "patentlm.data.words.WordTokenizer", "min_count": 1, "max_words": None},
    "pieces": {"_target_": "patentlm.data.byte_pairs.BytePairTokenizer", "vocabulary": 270},
}


def make_model(context=None, tokens=None, kind="words"):
    torch.manual_seed(2)
    tokens = tokens or WORDS
    network = make_network(vocabulary=len(tokens))
    torch.nn.init.normal_(network.embedding.weight)
    return trained_model(
        network.eval(), vocabulary=tokens, context=context, tokenizer=TOKENIZERS[kind]
    )


@torch.inference_mode()
def by_hand(network, ids):
    """Log-probabilities after each word of one text."""
    hidden, _ = network(torch.tensor([ids]))
    return network.head.logits(hidden[0]).log_softmax(-1)


def test_each_word_and_the_end_have_an_entry():
    model = make_model()
    found = model.score_words("A net zebras.")
    expected = by_hand(model.network, [0, 2, 3, 1, 5])
    targets = [2, 3, 1, 5, 0]
    assert [entry.word for entry in found] == ["a", "net", "zebras", ".", "<end>"]
    assert [entry.unknown for entry in found] == [False, False, True, False, False]
    for entry, row, target in zip(found, expected, targets, strict=True):
        order = row.argsort(descending=True).tolist()
        assert entry.log_probability == pytest.approx(row[target].item(), abs=1e-6)
        assert entry.rank == 1 + order.index(target)
        assert [word for word, _ in entry.alternatives] == [WORDS[at] for at in order]
        assert sum(math.exp(logp) for _, logp in entry.alternatives) == pytest.approx(1)


@pytest.mark.parametrize("context", [None, 1, 3, 50, "running text"])
@pytest.mark.parametrize("text", ["", "a net", "a net learns. a net learns a net learns. " * 9])
def test_the_entries_add_up_to_the_texts_perplexity(context, text):
    model = make_model(context)
    found = model.score_words(text)
    assert found.perplexity == pytest.approx(model.perplexity([text]), rel=1e-5)
    assert len(found) == len(text.replace(".", " .").split()) + 1


def test_a_window_reads_no_further_back():
    model = make_model(context=2)
    found = model.score_words("a net learns")
    expected = by_hand(model.network, [2, 3])[-1]  # of "learns", after "a net"
    assert found[2].log_probability == pytest.approx(expected[4].item(), abs=1e-6)


def test_pieces_of_a_word_are_one_entry():
    tokens = ["<end>", "<unk>", "a", "n", "e", "t", " ", "ne", "net", "net ", "a "]
    model = make_model(tokens=tokens, kind="pieces")
    found = model.score_words("a tea net")
    pieces = by_hand(model.network, [0, 10, 5, 4, 10, 9])
    assert [entry.word for entry in found] == ["a", "tea", "net", "<end>"]
    tea = sum(pieces[at, target].item() for at, target in ((1, 5), (2, 4), (3, 10)))
    assert found[1].log_probability == pytest.approx(tea, abs=1e-5)
    assert found.perplexity == pytest.approx(
        math.exp(-sum(entry.log_probability for entry in found) / 4), rel=1e-6
    )


def test_a_notebook_shows_the_text_in_colours():
    model = make_model()
    html = model.score_words('A net <b>"learns".')._repr_html_()
    assert re.sub(r"<[^>]+>", "", html).startswith("A net &lt; b &gt;")
    strengths = [float(s) for s in re.findall(r"rgba\(224, 96, 32, ([\d.]+)\)", html)]
    entries = model.score_words('A net <b>"learns".')
    assert len(strengths) == len(entries)
    by_strength = sorted(range(len(entries)), key=lambda at: strengths[at])
    assert entries[by_strength[0]].bits == min(entry.bits for entry in entries)
    assert "bits, rank" in html


def test_the_public_surface_is_there_without_torch_at_first():
    assert set(patentlm.__all__) == {"load", "TrainedModel", "Score", "PatentLMError"}
    assert patentlm.TrainedModel is type(make_model())
    assert patentlm.Score(nll_sum=0.0, correct=1, correct5=1, targets=1).perplexity == 1
    with pytest.raises(AttributeError):
        patentlm.Nothing  # noqa: B018


def test_jsonl_carries_log_probabilities_on_request(small_run, run_script, capsys):
    asked = (f"checkpoint={small_run}", "prompt=a zebra", "count=3", "max_words=9", "format=jsonl")
    run_script("generate", *asked, "log_probabilities=true")
    model = patentlm.load(small_run)
    for line in capsys.readouterr().out.splitlines():
        record = json.loads(line)
        found = record["log_probabilities"]
        expected = [[e.word, e.log_probability] for e in model.score_words(record["text"])]
        assert found == (expected if record["finished"] else expected[:-1])
        assert [word for word, _ in found[:2]] == ["a", "zebra"]
    with pytest.raises(SystemExit):
        run_script("generate", *asked[:-1], "log_probabilities=true")
    assert capsys.readouterr().err.endswith("by format=jsonl alone; add format=jsonl\n")
