"""Benchmarks that compare short trainings."""

import json
from functools import partial

import pytest

from benchmarks import cells, distillation, parts, results, trainings
from benchmarks.ours import configured
from patentlm.training.parts import check_parts

TINY = ("experiment=quick", "trainer.max_epochs=1", "model.embedding_size=4", "model.hidden_size=4")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A folder with the three parts of a split; results go beside it."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.txt").write_text("a network learns a network\nwords are learned\n" * 4)
    monkeypatch.setattr(trainings, "FOLDER", tmp_path / "kept")
    monkeypatch.setattr(results, "write", partial(results.write, folder=tmp_path / "results"))
    return folder


def rows_of(name, corpus):
    return json.loads((corpus.parent / "results" / f"{name}.json").read_text())["rows"]


def test_cells_become_a_result_file_and_are_trained_once(corpus, monkeypatch, capsys):
    names = ["lstm", "qrnn,model.cell.width=1"]
    arguments = [str(corpus), "--cells", *names, "--settings", *TINY]
    monkeypatch.setattr("sys.argv", ["cells", *arguments])
    cells.main()
    kept = {path: path.stat().st_mtime_ns for path in trainings.FOLDER.iterdir()}
    cells.main()
    assert {path: path.stat().st_mtime_ns for path in trainings.FOLDER.iterdir()} == kept
    found = rows_of("cells", corpus)
    assert {row["cell"] for row in found} == {"lstm", "qrnn model.cell.width=1"}
    assert found == sorted(found, key=lambda row: row["valid perplexity"])
    assert all(row["words/s"] > 0 and row["parameters"] > 0 for row in found)
    assert "qrnn model.cell.width=1" in capsys.readouterr().out


def test_parts_are_measured_against_the_preset_itself(corpus, monkeypatch):
    only = ["--only", "without copying"]
    arguments = [str(corpus), "--preset", "quick", *only, "--settings", *TINY]
    monkeypatch.setattr("sys.argv", ["parts", *arguments])
    parts.main()
    found = {row["change"]: row["parameters"] for row in rows_of("parts_quick", corpus)}
    assert set(found) == {"without copying", "the preset itself"}
    assert found["without copying"] < found["the preset itself"]


def test_parts_may_share_a_teacher(corpus, monkeypatch, run_script):
    teacher = f"{corpus.parent}/teacher"
    data, short = ("data=corpus", f"data.path={corpus}"), ("samples.count=0", "trainer=cpu")
    run_script("train", *data, *TINY, *short, f"hydra.run.dir={teacher}")
    only = ["--only", "without a teacher", "without copying"]
    arguments = [str(corpus), "--preset", "copying", *only, "--teacher", teacher]
    monkeypatch.setattr("sys.argv", ["parts", *arguments, "--settings", *TINY[1:]])
    parts.main()
    found = {row["change"]: row["valid perplexity"] for row in rows_of("parts_copying", corpus)}
    assert set(found) == {"the preset itself", *only[1:]}
    assert found["without a teacher"] != found["the preset itself"]


def test_a_teacher_is_measured_against_none(corpus, monkeypatch, run_script):
    teachers = [f"{corpus.parent}/teacher_{seed}" for seed in (2, 3)]
    data, short = ("data=corpus", f"data.path={corpus}"), ("samples.count=0", "trainer=cpu")
    for seed, folder in zip((2, 3), teachers, strict=True):
        run_script("train", *data, *TINY, *short, f"seed={seed}", f"hydra.run.dir={folder}")
    arguments = [str(corpus), "--teachers", *teachers, "--settings", *TINY[1:]]
    monkeypatch.setattr("sys.argv", ["distillation", *arguments])
    distillation.main()
    found = {row["preset"]: row["parameters"] for row in rows_of("distillation", corpus)}
    assert [*found] == ["quick, alone", "quick, taught by 1 model", "quick, taught by 2 models"]
    assert len({*found.values()}) == 1  # a teacher is no part of what it teaches


@pytest.mark.parametrize("preset", parts.PARTS)
def test_each_part_is_one_that_the_preset_has_or_takes(preset, tmp_path):
    itself = configured([f"experiment={preset}", "trainer.precision=32-true"], tmp_path)
    for name, changes in parts.PARTS[preset].items():
        changed = configured(
            [f"experiment={preset}", "trainer.precision=32-true", *changes], tmp_path
        )
        assert changed != itself, name
        check_parts(changed, new=True)
