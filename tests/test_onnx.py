"""ONNX files against the networks they were made from, and the example beside them."""

import functools
import itertools
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import patentlm
from patentlm.checkpoint import build_network
from patentlm.data.words import END
from patentlm.errors import ConfigError
from patentlm.export.onnx import write_model
from patentlm.export.onnx_session import OnnxSession, first_abstracts
from tests.models import trained_model

CONF = Path(__file__).parent.parent / "conf"
VOCABULARY = 11
DEFAULT = ("model/cell=lstm", "model/head=softmax")


def options(group: str) -> list[str]:
    return [f"{group}={path.stem}" for path in sorted((CONF / group).glob("*.yaml"))]


def make_model(*overrides):
    """A model of two small layers with random weights."""
    sizes = ("model.embedding_size=5", "model.hidden_size=8", "model.layers=2")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*sizes, *overrides])
    torch.manual_seed(3)
    network = build_network(
        OmegaConf.to_container(config.model, resolve=True), vocabulary=VOCABULARY
    )
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return trained_model(network.eval(), vocabulary=VOCABULARY)


@torch.inference_mode()
def log_probabilities(network, texts):
    hidden, _ = network(texts)
    return network.head.logits(hidden).log_softmax(-1).numpy()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model with some parts and its ONNX file, one for all tests: an export takes seconds."""

    @functools.cache
    def export(*overrides):
        model, target = make_model(*overrides), tmp_path_factory.mktemp("onnx") / "model.onnx"
        write_model(model, target)
        return model, OnnxSession(target)

    return export


def pairs():
    """Each cell with a head, and each head with a cell."""
    cells, heads = options("model/cell"), options("model/head")
    count = max(len(cells), len(heads))
    together = zip(itertools.cycle(cells), itertools.cycle(heads), strict=False)
    return list(itertools.islice(together, count))


LIMITED = ("model/head=pointer_sentinel", "model.head.size=2")


@pytest.mark.parametrize("parts", [*pairs(), LIMITED], ids=" ".join)
def test_a_step_agrees_with_the_network(exported, parts):
    model, session = exported(*parts)
    for batch in (1, 3):  # neither is that of the export
        texts = torch.randint(VOCABULARY, (batch, 7))
        state = session.zeros(batch)
        expected = log_probabilities(model.network, texts)
        for at in range(7):
            found, state = session.read(texts[:, at].numpy(), state)
            np.testing.assert_allclose(found, expected[:, at], atol=1e-5)


def test_inputs_and_outputs_have_the_promised_names_and_sizes(exported):
    session = exported(*DEFAULT)[1].session
    state = [2, "batch", 8]
    inputs = {part.name: (part.type, part.shape) for part in session.get_inputs()}
    assert inputs == {
        "word": ("tensor(int64)", ["batch"]),
        "state_0": ("tensor(float)", state),
        "state_1": ("tensor(float)", state),
    }
    assert {part.name: part.shape for part in session.get_outputs()} == {
        "log_probabilities": ["batch", VOCABULARY], "new_state_0": state, "new_state_1": state
    }  # fmt: skip


@pytest.mark.parametrize("context", [None, 3, "running text"])
def test_perplexity_is_that_of_the_model(exported, context):
    model, session = exported(*DEFAULT)
    model = trained_model(model.network, vocabulary=VOCABULARY, context=context)
    ids = np.array([END, 5, 3, 8, END, 2, END, 4, 4, 7, 9, END], np.uint16)
    found = session.perplexity(ids, context=context)
    assert found == pytest.approx(model.score(ids, batch_size=2).perplexity, rel=1e-5)


def test_abstracts_to_measure_on_are_whole():
    ids = np.array([END, 5, 3, 8, END, 2, END, 4, END])
    assert first_abstracts(ids, 2).tolist() == [END, 5, 3, 8, END]
    assert first_abstracts(ids, 5).tolist() == [END, 5, 3, 8, END, 2, END]
    assert first_abstracts(ids, 99).tolist() == ids.tolist()


def test_the_script_writes_a_folder_whose_example_runs_alone(
    small_run, run_script, tmp_path, capsys
):
    folder = tmp_path / "onnx"
    run_script("export", f"checkpoint={small_run}", "format=onnx", "int8=true", f"path={folder}")
    shown = capsys.readouterr().out
    rows = re.findall(r"^(model\S+) +([\d.,]+) +([\d.,]+) +([\d.,]+)$", shown, re.MULTILINE)
    assert [row[0] for row in rows] == ["model.onnx", "model.int8.onnx"]
    whole, small = (float(row[3].replace(",", "")) for row in rows)
    assert abs(math.log(whole / small)) < 0.1
    sizes = [float(row[1]) for row in rows]
    assert sizes[1] < 0.7 * sizes[0]
    vocabulary = json.loads((folder / "vocabulary.json").read_text())
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    command = [sys.executable, "-I", "example.py", "a", "neural", "network"]
    done = subprocess.run(command, cwd=moved, capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert words[:3] == ["a", "neural", "network"]
    assert len(words) == 33
    assert set(words) <= set(vocabulary)
    greedy = patentlm.load(small_run).generate("a neural network", temperature=0)[0]
    assert greedy.lower().split()[:6] == words[:6]


def test_a_network_that_cannot_be_exported_is_one_line(tmp_path):
    model = make_model()

    class Odd(torch.nn.Module):
        def forward(self, inputs, state=None):
            if inputs.sum() > 0:  # depends on the data
                inputs = inputs + 1
            return inputs, inputs.sum(1)[None]

    model.network.recurrent = Odd()
    with pytest.raises(ConfigError, match="torch can't export Odd as ONNX"):
        write_model(model, tmp_path / "model.onnx")
