"""A model as hubs expect it, written by the script and read back."""

import json
import os
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import patentlm
from patentlm.checkpoint import CheckpointMetadata
from patentlm.errors import CheckpointError, ConfigError
from patentlm.export.files import replacing, write_text


@pytest.fixture
def exported(small_run, run_script, tmp_path):
    """The folder that the script writes of a small run, in a folder of its own."""
    folder = tmp_path / "for a hub"
    run_script("export", f"checkpoint={small_run}", "format=safetensors", f"path={folder}")
    return folder


def test_the_folder_holds_what_hubs_expect(exported):
    names = {"model.safetensors", "config.json", "vocabulary.json", "README.md"}
    assert {path.name for path in exported.iterdir()} == names
    assert json.loads((exported / "vocabulary.json").read_text())[:2] == ["<end>", "<unk>"]
    assert json.loads((exported / "config.json").read_text())["model_type"] == "patentlm"
    assert load_file(exported / "model.safetensors")["embedding.weight"].shape[1] == 8


def test_it_is_the_same_model_when_read_back(exported, small_run):
    model, again = patentlm.load(small_run), patentlm.load(exported)
    assert isinstance(again.metadata, CheckpointMetadata)
    assert again.metadata == model.metadata
    assert again.generate("a neural", count=2) == model.generate("a neural", count=2)


def test_tied_weights_are_stored_once_and_read_back_as_one(tied_run, run_script, tmp_path):
    folder = tmp_path / "tied"
    run_script("export", f"checkpoint={tied_run}", "format=safetensors", f"path={folder}")
    network = patentlm.load(folder).network
    assert network.head.linear.weight is network.embedding.weight
    assert torch.equal(network.embedding.weight, patentlm.load(tied_run).network.embedding.weight)
    names = load_file(folder / "model.safetensors")
    assert len(names.keys() & {"embedding.weight", "_head.linear.weight"}) == 1


def test_the_card_says_what_the_run_came_to(exported, small_run):
    card = (exported / "README.md").read_text()
    metrics = json.loads((small_run / "metrics.json").read_text())
    assert card.startswith("---\nlibrary_name: patentlm\n")
    assert f"value: {metrics['test/perplexity']:.2f}" in card
    assert re.search(r"\| parameters +\| [\d,]+ +\|", card)
    assert "$ python train.py data=file" in card


def test_a_folder_that_lacks_a_file_is_one_line(exported):
    (exported / "config.json").unlink()
    with pytest.raises(CheckpointError, match="not a complete exported model"):
        patentlm.load(exported)


def write_half(target):
    with replacing(target) as part:
        part.write_text("half")
        raise KeyError


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError):
        write_half(target)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_only_files_are_replaced(tmp_path, make):
    target = tmp_path / "a.html"
    make(target)
    with pytest.raises(ConfigError, match="is not a file; give another path"):
        write_text(target, "page")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
    assert not target.is_file()


@pytest.mark.parametrize("target", ["/", ".", ""])
def test_a_path_without_a_name_is_one_line(target):
    with pytest.raises(ConfigError, match="give another path"):
        write_text(Path(target), "page")


def test_a_format_of_no_such_name_is_one_line(small_run, run_script, capsys):
    with pytest.raises(SystemExit):
        run_script("export", f"checkpoint={small_run}", "format=pdf")
    expected = "error: format='pdf': must be one of page, onnx, safetensors\n"
    assert capsys.readouterr().err == expected


def test_a_path_that_cannot_be_written_is_one_line(small_run, run_script, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    path = f"path={tmp_path / 'taken' / 'x'}"
    with pytest.raises(SystemExit):
        run_script("export", f"checkpoint={small_run}", "format=safetensors", path)
    assert re.fullmatch(r"error: .*can't be written.*path=…\n", capsys.readouterr().err)
