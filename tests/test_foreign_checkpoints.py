"""Checkpoints and exported models that someone made up: one line, whatever stands in them."""

import json
import os
import zipfile

import pytest
import torch

import patentlm
from patentlm.errors import CheckpointError, ConfigError, PatentLMError
from patentlm.settings.checking import check
from patentlm.settings.parts import MODEL
from tests.test_checkpoint import NETWORK, make_metadata, save

WEIGHT = torch.zeros(6, 3)
WEIGHTS = {
    "whole numbers": WEIGHT.to(torch.int64),
    "truth values": WEIGHT > 0,
    "complex numbers": WEIGHT.to(torch.complex64),
    "eight bits": WEIGHT.to(torch.float8_e4m3fn),
    "sparse": WEIGHT.to_sparse(),
    "without data": WEIGHT.to("meta"),
    "larger than what is stored": torch.zeros(1).expand(10**6, 10**6),
    "a list": [1.0],
    "null": None,
}


def unsealed(path, *, weights=None, entry=None):
    """A checkpoint without a digest, as anyone can write one."""
    torch.save({"patentlm": {"format": 3, **(entry or {})}, "state_dict": weights or {}}, path)
    return path


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_are_plain_tensors_of_real_numbers(tmp_path, weight):
    path = unsealed(tmp_path / "x.ckpt", weights={"network.embedding.weight": weight})
    with pytest.raises(CheckpointError, match="not plain tensors of real numbers"):
        patentlm.load(path)


ENTRIES = {
    "round": {"label": (circle := [])},
    "names that are numbers": {1: 2, "a": 3},
    "five thousand digits": {"seed": 10**5000},
    "a tensor": {"seed": torch.tensor(1)},
    "bytes": {"label": b"x"},
}
circle.append(circle)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_what_no_digest_can_be_of_is_refused(tmp_path, entry):
    with pytest.raises(CheckpointError, match=r"damaged|can't be read"):
        patentlm.load(unsealed(tmp_path / "x.ckpt", entry=entry))


def test_a_checkpoint_deeper_than_python_reads_is_refused(tmp_path):
    path, deep = unsealed(tmp_path / "x.ckpt"), b"]" * 5000 + b"a" * 4999
    text = "".join(f"X{chr(len(name))}\0\0\0{name}" for name in ("patentlm", "state_dict"))
    first, second = text.encode()[:13], text.encode()[13:]
    entry = b"}(X\x06\0\0\0formatK\x03X\x05\0\0\0label" + deep + b"u"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            pickled = b"\x80\x02}(" + first + entry + second + b"}u."
            archive.writestr(name, pickled if name.endswith("data.pkl") else part)
    with pytest.raises(CheckpointError, match="damaged"):
        patentlm.load(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"network": {**NETWORK, "_partial_": True}}, "_partial_=True: must be False"),
        ({"tokenizer": {**make_metadata().tokenizer, "_partial_": True}}, "_partial_=True: must"),
        ({"context": 10**9}, "context=1000000000: must be null or a whole number"),
        ({"versions": {"torch": ["2"]}}, "versions=.*: must be text by name"),
        ({"vocabulary": ["<end>", "<unk>", "\ud800", "a", "b", "."]}, "must be a list of text"),
        ({"label": "\udcff"}, "label=.*: must be text"),
        ({"versions": None}, "versions is missing"),
        ({"data": {"_target_": "patentlm.data.sources.CorpusSource", "path": 3}}, "data.path=3"),
    ],
)
def test_an_entry_that_would_not_work_is_refused(tmp_path, changed, said):
    with pytest.raises(PatentLMError, match=said):
        patentlm.load(save(tmp_path / "x.ckpt", **make_metadata(**changed).as_entry()))


def test_parts_of_one_name_are_refused(tmp_path):
    path = save(tmp_path / "x.ckpt")
    with zipfile.ZipFile(path, "a") as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(pickled, b"another")
    with pytest.raises(CheckpointError, match="can't be read"):
        patentlm.load(path)


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 5000, "+".join("x" * 3000)])
def test_what_can_be_no_path_is_one_line(path):
    with pytest.raises(ConfigError, match="can't be used as a path"):
        patentlm.load(path)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_read(tmp_path, name, make):
    (tmp_path / "model.safetensors").touch()
    for other in {"config.json", "vocabulary.json"} - {name}:
        (tmp_path / other).write_text("{}")
    make(tmp_path / name)
    with pytest.raises(CheckpointError, match=f"no file {name}"):
        patentlm.load(tmp_path)


@pytest.mark.parametrize("config", ["[" * 10**5, "{" * 10, '{"format": 1e999}', "3", "null"])
def test_a_config_that_is_none_is_refused(tmp_path, config):
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "vocabulary.json").write_text(json.dumps(["<end>"]))
    with pytest.raises(CheckpointError, match="not a complete exported model"):
        patentlm.load(tmp_path)


@pytest.mark.parametrize("target", ["torch.nn.LSTM\n", "torch.nn. LSTM", "torch..nn.LSTM", b"x"])
def test_only_the_very_names_of_the_registry_are_known(target):
    with pytest.raises(ConfigError, match="must be one of"):
        check({**NETWORK, "cell": {"_target_": target}}, MODEL, "model")
