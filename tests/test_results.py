"""Result files of benchmarks carry what it takes to repeat them."""

import json
import sys

import pytest

from benchmarks import results


def test_a_result_file_says_how_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["leak.py", "data=file", "data.query=two words"])
    rows = [{"split": "by cluster", "seconds": results.spread([3.0, 1.0, 2.0])}]
    path = results.write("leak", "Seen in train", rows, seed=1, folder=tmp_path)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert path == tmp_path / "leak.json"
    assert found["rows"] == [
        {"split": "by cluster", "seconds": {"median": 2.0, "lowest": 1.0, "highest": 3.0}}
    ]
    assert found["command"].endswith("data=file 'data.query=two words'")
    assert set(found["machine"]) == {"cpu", "cores", "load", "platform"}
    assert set(found["versions"]) >= {"python", "torch"}
    assert found["seed"] == 1
    assert len(found["date"]) == len("2026-01-01")
    assert found["commit"]


@pytest.mark.parametrize("name", sorted(path.name for path in results.FOLDER.glob("*.json")))
def test_every_result_file_of_the_repository_is_complete(name):
    found = json.loads((results.FOLDER / name).read_text(encoding="utf-8"))
    assert set(found) == {
        "title", "note", "command", "seed", "date", "commit", "machine", "versions", "plot", "rows"
    }  # fmt: skip
    assert found["rows"]
    assert "/home" not in found["command"]


def test_a_command_holds_no_path_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["leak.py", f"data.path={tmp_path}/patents.csv"])
    assert results.running_command().endswith("data.path=patents.csv")
