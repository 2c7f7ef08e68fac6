"""Wrong inputs are read or refused in one line: a short run of `python -m benchmarks.fuzz`."""

import random
import time

import pytest

from benchmarks import fuzz_limits
from benchmarks.fuzz import KINDS, Inputs, run
from benchmarks.fuzz_files import random_file

INPUTS = {"readers": 400, "texts": 500, "checkpoints": 100, "configs": 500, "prompts": 500}


@pytest.mark.parametrize("kind", KINDS)
def test_no_wrong_input_ends_otherwise(kind, capsys):
    found = run(INPUTS[kind], seed=0, only=(kind,))[kind]
    assert not found["failed"], capsys.readouterr().err
    assert found.total() == INPUTS[kind]


def test_files_of_each_kind_are_read_and_refused():
    endings = {random_file(random.Random(seed))[0].rpartition(".")[2] for seed in range(400)}
    assert endings >= {"csv", "tsv", "json", "jsonl", "ndjson", "parquet", "xlsx", "zip", "txt"}
    found = run(100, seed=0, only=("readers",))["readers"]
    assert found["read"] > 10
    assert found["refused"] > 10


def test_the_same_seed_makes_the_same_file():
    assert random_file(random.Random(7)) == random_file(random.Random(7))


def test_an_input_without_end_is_stopped(monkeypatch, capsys):
    def endless(*_):
        while True:
            try:
                time.sleep(1)
            except Exception:  # what a reader might do
                continue

    monkeypatch.setattr(fuzz_limits, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(Inputs, "texts", endless)
    assert run(1, seed=0, only=("texts",))["texts"] == {"failed": 1}
    assert "takes more than 0.05 seconds" in capsys.readouterr().err


def test_an_input_that_takes_much_memory_fails(monkeypatch, capsys):
    monkeypatch.setattr(fuzz_limits, "MOST_BYTES", -1)
    assert run(1, seed=0, only=("texts",))["texts"] == {"failed": 1}
    assert "bytes of memory" in capsys.readouterr().err
