"""The leaderboard: what is ranked, what is told, and what differs."""

import json

import pytest

from patentlm.sweeps import leaderboard
from patentlm.sweeps.leaderboard import jobs_of, rank

FIGURES = {
    "test/perplexity": 90.0,
    "parameters": 1234,
    "epochs": 3,
    "fit/seconds": 61.7,
    "train/words_per_second": 2999.6,
}


@pytest.fixture
def sweep(tmp_path):
    """Four jobs: two complete, one that failed, one that is still going."""

    def job(name, overrides, *, valid=None, error=None):
        folder = tmp_path / name
        (folder / ".hydra").mkdir(parents=True)
        (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
        if valid is not None:
            (folder / "metrics.json").write_text(json.dumps({"valid/perplexity": valid, **FIGURES}))
        if error is not None:
            (folder / "error.txt").write_text(f"{error}\n")

    job("a", ["data=sample", "seed=1", "optimizer.lr=0.1"], valid=95.25)
    job("b", ["data=sample", "seed=2"], valid=91.5)
    job("c", ["data=sample", "seed=3"], error="no such thing\nin two lines")
    job("d/e", ["data=sample", "seed=4"])
    return tmp_path


def test_jobs_are_ranked_by_valid_perplexity_those_without_one_last(sweep):
    rows = rank(jobs_of(sweep), sweep)
    assert [(row["rank"], row["job"]) for row in rows] == [(1, "b"), (2, "a"), (3, "c"), (4, "d/e")]
    assert [row["status"] for row in rows] == [
        "complete", "complete", "failed: no such thing", "incomplete",
    ]  # fmt: skip


def test_what_differs_has_a_column_and_what_does_not_the_heading(sweep):
    leaderboard.write(sweep)
    rows = (sweep / "leaderboard.csv").read_text().splitlines()
    assert rows[0] == (
        "rank,seed,optimizer.lr,valid/perplexity,test/perplexity,parameters,epochs,fit/seconds,"
        "train/words_per_second,status,job"
    )
    assert rows[2] == "2,1,0.1,95.25,90.0,1234,3,61.7,2999.6,complete,a"
    assert rows[3] == "3,3,,,,,,,,failed: no such thing,c"
    heading, _, names, _, best, *_ = (sweep / "leaderboard.md").read_text().splitlines()
    assert heading == "All with `data=sample`"
    assert "data" not in names
    assert [cell.strip() for cell in best.strip("|").split("|")] == [
        "1", "2", "", "91.50", "90.00", "1,234", "3", "62", "3,000", "complete", "b",
    ]  # fmt: skip


def test_a_job_whose_perplexity_is_no_number_comes_last(sweep):
    (sweep / "b" / "metrics.json").write_text('{"valid/perplexity": NaN}')
    assert rank(jobs_of(sweep), sweep)[0]["job"] == "a"


def test_a_sweep_without_jobs_has_an_empty_one(tmp_path):
    leaderboard.write(tmp_path)
    assert (tmp_path / "leaderboard.csv").read_text() == "rank\n"


def test_jobs_that_differ_by_their_seed_alone_are_summed_up(tmp_path):
    asked = {"a": ("quick", 1, 90.0), "b": ("quick", 2, 92.0), "c": ("seed", 1, 95.0)}
    for name, (experiment, seed, valid) in asked.items():
        (tmp_path / name / ".hydra").mkdir(parents=True)
        overrides = [f"experiment={experiment}", f"seed={seed}"]
        (tmp_path / name / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
        figures = {**FIGURES, "valid/perplexity": valid, "test/perplexity": valid + 1}
        (tmp_path / name / "metrics.json").write_text(json.dumps(figures))
    leaderboard.write(tmp_path)
    *_, heading, _, names, _, first, second = (tmp_path / "leaderboard.md").read_text().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in (names, first, second)]
    assert heading == "Mean and standard deviation over seeds"
    assert cells == [
        ["experiment", "seeds", "valid/perplexity", "test/perplexity", "fit/seconds"],
        ["quick", "1 2", "91.00 ± 1.41", "92.00 ± 1.41", "62 ± 0"],
        ["seed", "1", "95.00", "96.00", "62"],
    ]


def test_one_seed_each_needs_no_second_table(sweep):
    leaderboard.write(sweep)
    assert "over seeds" not in (sweep / "leaderboard.md").read_text()
