"""Sweeps through the real script: nothing is lost, nothing is done twice."""

import csv
import json
from pathlib import Path

import joblib
import pytest

from patentlm.sweeps.run_folder import RunFolder
from patentlm.training import run

SMALL = (
    "data.count=40",
    "windows=abstract",
    "windows.batch_size=8",
    "model.embedding_size=8",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.log_every_n_steps=1",
    "callbacks.progress.refresh_rate=0",
    "samples.max_words=10",
)


@pytest.fixture
def sweep(run_script, tmp_path):
    """Runs a sweep, and gives its folder and exit code."""

    def sweep_(*arguments: str) -> tuple[Path, int]:
        folder = tmp_path / "sweep"
        try:
            run_script("train", "-m", *SMALL, f"hydra.sweep.dir={folder}", *arguments)
        except SystemExit as stopped:
            return folder, stopped.code
        return folder, 0

    return sweep_


def board(folder: Path) -> list[dict]:
    with (folder / "leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_job_that_fails_does_not_lose_the_others(sweep, capsys):
    folder, code = sweep("model.dropout=0.1,7,0.2")
    assert code == 1
    assert [row["status"].split(":")[0] for row in board(folder)] == [
        "complete", "complete", "failed",
    ]  # fmt: skip
    failed = RunFolder(folder / "model.dropout=7")
    assert failed.error == "model.dropout=7: must be a number of at least 0, below 1"
    assert "error: " in (failed.path / "train.log").read_text()
    assert "model.dropout=7: must be" in capsys.readouterr().out


def test_an_error_of_the_program_has_its_traceback_in_the_jobs_log(sweep, monkeypatch):
    make_data = run.make_data

    def make(config):
        if config.seed == 1:
            raise RuntimeError("a bug")
        return make_data(config)

    monkeypatch.setattr(run, "make_data", make)
    folder, code = sweep("seed=1,2")
    assert code == 1
    log = (folder / "seed=1" / "train.log").read_text()
    assert "Traceback" in log
    assert "RuntimeError: a bug" in log
    assert board(folder)[0]["status"] == "complete"


def test_jobs_are_named_by_what_the_sweep_varies(sweep, cache):
    folder, code = sweep("model.hidden_size=4,8", "seed=1,2", "optimizer.lr=0.01")
    assert code == 0
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        f"model.hidden_size={size},seed={seed}" for size in (4, 8) for seed in (1, 2)
    }
    rows = board(folder)
    assert [float(row["valid/perplexity"]) for row in rows] == sorted(
        float(row["valid/perplexity"]) for row in rows
    )
    assert {"model.hidden_size", "seed"} < rows[0].keys()
    assert "optimizer.lr" not in rows[0]
    assert "`optimizer.lr=0.01`" in (folder / "leaderboard.md").read_text()
    assert len(list((cache / "corpora").glob("*/train.npy"))) == 1  # prepared once


def test_a_sweep_that_is_started_again_runs_what_is_missing(sweep, capsys):
    folder, code = sweep("model.dropout=0.1,7")
    assert code == 1
    before = (folder / "model.dropout=0.1" / "metrics.json").read_text()
    capsys.readouterr()
    assert sweep("model.dropout=0.1,0.2")[1] == 0  # the failure is of the earlier start
    assert (folder / "model.dropout=0.1" / "metrics.json").read_text() == before
    capsys.readouterr()
    assert sweep("model.dropout=0.1,0.2")[1] == 0
    shown = capsys.readouterr().out
    assert "model.dropout=0.1 is complete" in shown
    assert "model.dropout=0.2 is complete" in shown
    assert len(board(folder)) == 3
    assert sweep("model.dropout=0.1,0.2", "optimizer.lr=0.5")[1] == 1
    assert "holds a run with other settings" in RunFolder(folder / "model.dropout=0.1").error
    assert (folder / "model.dropout=0.1" / "metrics.json").read_text() == before


def test_jobs_run_side_by_side_with_the_cores_divided(sweep):
    folder, code = sweep("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "model.dropout=0,7")
    assert code == 1
    assert [row["status"].split(":")[0] for row in board(folder)] == ["complete", "failed"]
    assert json.loads((folder / "model.dropout=0" / "metrics.json").read_text())["threads"] == max(
        1, joblib.cpu_count() // 2
    )


def test_an_interrupted_run_goes_on_in_its_own_folder(run_script, tmp_path, capsys):
    def train(name: str, *arguments: str) -> RunFolder:
        folder = tmp_path / name
        run_script("train", *SMALL[:5], *SMALL[6:], f"hydra.run.dir={folder}", *arguments)
        return RunFolder(folder)

    epochs = ("trainer.max_epochs=3", "model.dropout=0.3")
    whole = train("whole", *epochs)
    # As if it had been stopped before its test: the record and the checkpoint are there.
    stopped = train("stopped", *epochs[1:], "trainer.max_epochs=1")
    (stopped.path / "metrics.json").unlink()
    record = json.loads((stopped.path / "run.json").read_text())
    record["overrides"] = whole.overrides
    (stopped.path / "run.json").write_text(json.dumps(record))
    capsys.readouterr()
    again = train("stopped", *epochs)
    assert "Going on from" in capsys.readouterr().out
    for name in ("test/perplexity", "valid/perplexity", "epochs"):
        assert again.metrics[name] == whole.metrics[name], name
