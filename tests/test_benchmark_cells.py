"""The benchmark of recurrent layers."""

import json
from functools import partial

from benchmarks import cells

TINY = ("experiment=quick", "trainer.max_epochs=1", "model.embedding_size=4", "model.hidden_size=4")


def test_cells_become_a_result_file_and_are_trained_once(tmp_path, monkeypatch, capsys):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for split in ("train", "valid", "test"):
        (corpus / f"{split}.txt").write_text("a network learns a network\nwords are learned\n" * 4)
    monkeypatch.setattr(cells, "FOLDER", tmp_path / "kept")
    there = partial(cells.results.write, folder=tmp_path / "results")
    monkeypatch.setattr(cells.results, "write", there)
    names = ["lstm", "qrnn,model.cell.width=1"]
    arguments = [str(corpus), "--cells", *names, "--settings", *TINY]
    monkeypatch.setattr("sys.argv", ["cells", *arguments])
    cells.main()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    cells.main()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == kept
    found = json.loads((tmp_path / "results" / "cells.json").read_text())["rows"]
    assert {row["cell"] for row in found} == {"lstm", "qrnn model.cell.width=1"}
    assert found == sorted(found, key=lambda row: row["valid perplexity"])
    assert all(row["words/s"] > 0 and row["parameters"] > 0 for row in found)
    assert "qrnn model.cell.width=1" in capsys.readouterr().out
