"""The networks that the presets are compared with, and the plot of all."""

from functools import partial
from xml.etree import ElementTree

import pytest
import torch

from benchmarks import frontier, reference_networks
from benchmarks.reference_networks import (
    Transformer,
    best_transformer,
    fit_transformer,
    fit_word_language_model,
)
from docs.generators.curves import curves
from patentlm.batch import IGNORE

VOCABULARY = 5
PATTERN = torch.tensor([0, 2, 3, 4] * 6)


@pytest.fixture
def batch():
    """Texts that one network learns by heart in no time."""
    inputs, targets = PATTERN[:-1].repeat(2, 1), PATTERN[1:].repeat(2, 1)
    targets[1, 8:] = IGNORE
    return inputs, targets


def test_the_transformer_sees_no_later_word():
    torch.manual_seed(0)
    network = Transformer(VOCABULARY, positions=6).eval()
    words = torch.tensor([[1, 2, 3, 4, 0, 2]])
    changed = words.clone()
    changed[0, 4:] = 1
    before, after = network(words)[0], network(changed)[0]
    torch.testing.assert_close(after[:4], before[:4])
    assert not torch.allclose(after[4:], before[4:])


def test_the_transformer_learns(batch):
    torch.manual_seed(0)
    epochs = list(fit_transformer(VOCABULARY, [batch] * 20, [batch], epochs=2, rate=2e-3))
    assert epochs[1]["valid_perplexity"] < 1.5 < epochs[0]["valid_perplexity"] * 1.5
    assert 0 < epochs[0]["processor_seconds"] < epochs[1]["processor_seconds"]


def test_the_best_of_several_rates_counts(batch, monkeypatch):
    monkeypatch.setattr(reference_networks, "PEAK_RATES", (1e-7, 2e-3, 1e3))
    torch.manual_seed(0)
    epochs = best_transformer(VOCABULARY, [batch] * 20, [batch], epochs=2)
    assert len(epochs) == 2
    assert epochs[1]["valid_perplexity"] < 1.5


def test_the_word_language_model_learns(batch):
    torch.manual_seed(0)
    ids = PATTERN.repeat(150).numpy()
    epochs = list(fit_word_language_model(VOCABULARY, ids, [batch], epochs=3))
    assert min(epoch["valid_perplexity"] for epoch in epochs) < 3
    assert len(epochs) == 3


@pytest.fixture
def corpus(tmp_path):
    """A folder with the three parts of a split."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.txt").write_text("a network learns a network\nwords are learned\n" * 4)
    return folder


def test_references_learn_in_low_precision(corpus):
    settings = ["data=corpus", f"data.path={corpus}", "trainer.precision=bf16-mixed"]
    epochs = frontier.epochs_of("transformer", settings, "python", epochs=60)
    assert epochs[-1]["valid_perplexity"] < 2 < epochs[0]["valid_perplexity"]


def test_contenders_become_a_result_file(corpus, tmp_path, monkeypatch, capsys):
    """One of ours and both references, tiny; what is there is not trained again."""
    monkeypatch.setattr(frontier, "FOLDER", tmp_path / "kept")
    there = partial(frontier.results.write, folder=tmp_path / "results")
    monkeypatch.setattr(frontier.results, "write", there)
    (tmp_path / "kept").mkdir()
    epochs = '[{"valid_perplexity": 9.5, "seconds": 2.0, "processor_seconds": 3.0}]'
    (tmp_path / "kept" / "keras.json").write_text(epochs)
    names = ["keras", "quick", "transformer", "word_language_model"]
    settings = ["trainer.max_epochs=1", "model.embedding_size=4", "model.hidden_size=4"]
    arguments = [str(corpus), "--contenders", *names, "--epochs", "2", "--settings", *settings]
    monkeypatch.setattr("sys.argv", ["frontier", *arguments])
    frontier.main()
    rows = list(frontier.rows(frontier.kept(tmp_path / "kept"), "processor seconds"))
    counted = {name: sum(row["contender"] == name for row in rows) for name in names}
    assert counted == {"keras": 1, "quick": 1, "transformer": 2, "word_language_model": 2}
    assert rows[0] == {
        "contender": "keras", "epoch": 1, "processor seconds": 3.0, "valid perplexity": 9.5
    }  # fmt: skip
    assert "transformer" in capsys.readouterr().out
    assert (tmp_path / "results" / "frontier.json").exists()


def test_curves_are_drawn_between_their_scales():
    svg = curves({"a": [(1.0, 100.0), (10.0, 50.0)], "b & c": [(5.0, 60.0)]}, "seconds", "valid")
    tree = ElementTree.fromstring(svg)
    texts = [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a", "b & c", "seconds", "valid", "10", "100"} <= set(texts)
    lines = [line.get("points") for line in tree.iter("{http://www.w3.org/2000/svg}polyline")]
    (left, high), (right, low) = (map(float, point.split(",")) for point in lines[0].split())
    assert left < right
    assert high < low
