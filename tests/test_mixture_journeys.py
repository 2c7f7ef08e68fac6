"""Mixtures through evaluate.py: fitted on valid, scored on test, told in tables and a file."""

import json
import re

import pytest


@pytest.fixture
def evaluated(run_script, capsys, tmp_path):
    def run(*arguments):
        capsys.readouterr()
        run_script("evaluate", *arguments, f"path={tmp_path / 'scores.json'}")
        return capsys.readouterr().out, json.loads((tmp_path / "scores.json").read_text())

    return run


MIXED = ("mixture=fitted", "mixture.ngram_order=3", "mixture.neighbours=20")


def test_a_run_is_mixed_and_scored(evaluated, small_run):
    table, found = evaluated(f"checkpoint={small_run}", *MIXED)
    _, plain = evaluated(f"checkpoint={small_run}")
    name = f"{small_run} + mixture"
    mixed = found[name]
    assert mixed["test/perplexity"] < plain[str(small_run)]["test/perplexity"]
    assert f"{mixed['test/perplexity']:,.2f}" in table
    assert re.search(rf"^{re.escape(name)}: fitted on valid, \d+ targets, perplexity ", table, re.M)
    weights = [mixed[f"mixture/{part}/weight"] for part in ("model", "n-gram", "cache",
                                                            "neighbours")]  # fmt: skip
    assert sum(weights) == pytest.approx(1)
    assert mixed["mixture/cache/perplexity"] is None
    for weight in weights:
        assert f"  {weight:.3f}  " in table


def test_figures_go_to_a_file_in_a_folder_that_is_made(run_script, capsys, small_run, tmp_path):
    run_script("evaluate", f"checkpoint={small_run}", "path=new/scores.json")
    assert list(json.loads((tmp_path / "new" / "scores.json").read_text())) == [str(small_run)]
    with pytest.raises(SystemExit):
        run_script("evaluate", f"checkpoint={small_run}", "path=new")
    assert "error: path=new: is a folder; name a file such as new/scores.json" in (
        capsys.readouterr().err
    )


def test_the_test_set_has_no_say_in_the_fit(evaluated, trained, tmp_path):
    """The same train and valid with other tests: the same constants."""
    texts = {"train": ["a b c", "b c a b"] * 9, "valid": ["a b c a", "b b c"], "test": ["c b a"]}
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, lines in texts.items():
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    data = ("data=corpus", f"data.path={folder}")
    run = trained(*data, "windows.batch_size=2")
    _, one = evaluated(f"checkpoint={run}", *data, *MIXED)
    (folder / "test.txt").write_text("a a a a a\nc c c\n")
    _, other = evaluated(f"checkpoint={run}", *data, *MIXED)
    (one,), (other,) = one.values(), other.values()
    assert one["test/loss"] != other["test/loss"]
    assert {k: v for k, v in one.items() if "mixture" in k} == {
        k: v for k, v in other.items() if "mixture" in k
    }


def test_an_ensemble_is_mixed_and_adapts(evaluated, small_run, tied_run):
    adapting = ("adaptation=dynamic", "adaptation.batches=2", "split=valid")
    both = f"{small_run}+{tied_run}"
    few = ("mixture.abstracts=2", *MIXED)
    _, found = evaluated(f"checkpoint={both}", *few, *adapting)
    _, plain = evaluated(f"checkpoint={both}", *adapting)
    mixed = found[f"{both} + dynamic evaluation + mixture"]["valid/perplexity"]
    assert mixed < plain[f"{both} + dynamic evaluation"]["valid/perplexity"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cache=neural"], "error: mixture=fitted has a cache of its own"),
        (["split=train"], "error: split=train: a mixture remembers train"),
        (["report=text"], "error: mixture=fitted goes with report=scores alone"),
        (["mixture.neighbours=-1"], "error: mixture.neighbours=-1: must be a whole number"),
    ],
)
def test_what_cannot_be_mixed_is_told_before_any_work(run_script, capsys, arguments, said):
    with pytest.raises(SystemExit):
        run_script("evaluate", "checkpoint=nowhere", "mixture=fitted", *arguments)
    assert said in capsys.readouterr().err
