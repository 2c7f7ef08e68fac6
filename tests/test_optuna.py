"""Adaptive search: what a search space means, and searches through the real script."""

import json
import re
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from patentlm.errors import ConfigError
from patentlm.sweeps import search

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
DROPOUT = {"model.dropout": FloatDistribution(0.0, 0.5)}
TINY = (
    "experiment=tune", "data.count=60", "trainer=cpu", "trainer.precision=32-true",
    "trainer.max_epochs=1", "callbacks.progress.refresh_rate=0", "logger=none", "samples.count=0",
    "model.embedding_size=4", "model.hidden_size=4", "windows.batch_size=32", "optimizer.lr=0.01",
    "hydra.sweep.subdir=${hydra.job.num}",
)  # fmt: skip


def parse(*overrides: str):
    return OverridesParser.create().parse_overrides(list(overrides))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("interval(0, 1)", FloatDistribution(0.0, 1.0)),
        ("tag(log, interval(1e-4, 0.1))", FloatDistribution(1e-4, 0.1, log=True)),
        ("int(interval(1, 4))", IntDistribution(1, 4)),
        ("tag(log, int(interval(8, 512)))", IntDistribution(8, 512, log=True)),
        ("range(1, 4)", IntDistribution(1, 3)),
        ("range(64, 257, 64)", IntDistribution(64, 256, step=64)),
        ("range(9, 3, -2)", IntDistribution(5, 9, step=2)),
        ("range(0.1, 0.5, 0.1)", FloatDistribution(0.1, 0.4, step=0.1)),
        ("choice(4, 0.5, true, lstm)", CategoricalDistribution([4, 0.5, True, "lstm"])),
        ("'a b',c", CategoricalDistribution(["'a b'", "c"])),
    ],
)
def test_a_sweep_is_searched_as_hydra_writes_it(written, meant):
    (override,) = parse(f"model.size={written}")
    assert search.distribution(override) == meant


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("interval(2, 1)", "low <= high"),
        ("tag(log, interval(0, 1))", "low > 0"),
        ("range(3, 3)", "holds no value"),
        ("range(0, 1, 0)", "holds no value"),
    ],
)
def test_a_sweep_without_values_is_a_mistake(written, wrong):
    (override,) = parse(f"model.size={written}")
    with pytest.raises(ConfigError, match=wrong) as raised:
        search.distribution(override)
    assert str(raised.value).startswith(f"model.size={written}: ")


def test_the_last_word_on_a_setting_counts():
    given = parse("a.x=interval(0,1)", "a.y=range(3)", "a.z=1", "a.x=interval(2,3)", "a.y=7", "~b")
    space, fixed = search.divide(given)
    assert space == {"a.x": FloatDistribution(2.0, 3.0)}
    assert fixed == ["a.z=1", "a.y=7", "~b"]


def test_jobs_get_continuous_values_with_six_digits_and_others_as_they_are():
    drawn = {"rate": 0.00123456789, "size": 123456789, "kind": 0.123456789, "name": "lstm"}
    distributions = {
        "rate": FloatDistribution(0.0, 1.0), "size": IntDistribution(1, 10**9),
        "kind": CategoricalDistribution([0.123456789]), "name": CategoricalDistribution(["lstm"]),
    }  # fmt: skip
    assert search.overrides_of(
        create_trial(params=drawn, distributions=distributions, value=1.0)
    ) == ["rate=0.00123457", "size=123456789", "kind=0.123456789", "name=lstm"]


def stored(folder: Path) -> optuna.Study:
    """The study of a sweep's folder; a new one where there is none."""
    folder.mkdir(exist_ok=True)
    storage = search._opened(f"sqlite:///{folder}/study.db")
    return optuna.create_study(storage=storage, study_name="train", load_if_exists=True)


def states(folder: Path) -> list[TrialState]:
    return [trial.state for trial in stored(folder).trials]


def jobs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


@pytest.fixture
def tune(run_script, tmp_path):
    """Runs a tiny search and gives its folder."""

    def run(*arguments: str) -> Path:
        folder = tmp_path / "sweep"
        run_script("train", "-m", *TINY, f"hydra.sweep.dir={folder}", *arguments)
        return folder

    return run


def test_a_search_goes_on_where_it_stopped(tune, capsys):
    rates = "optimizer.lr=tag(log, interval(1e-3, 1e-1))"
    folder = tune("hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2", rates)
    assert jobs(folder) == ["0", "1"]
    first = stored(folder).trials
    tune("hydra.sweeper.n_trials=3", rates)
    shown = capsys.readouterr().out
    study = stored(folder)
    assert states(folder) == [COMPLETE] * 3
    assert study.trials[:2] == first
    for trial in study.trials:
        job = folder / str(trial.number)
        assert trial.value == json.loads((job / "metrics.json").read_text())["valid/perplexity"]
        assert search.overrides_of(trial)[0] in (job / ".hydra" / "overrides.yaml").read_text()
    assert len({trial.params["optimizer.lr"] for trial in study.trials}) == 3
    best, found = study.best_trial, " ".join(search.overrides_of(study.best_trial))
    assert f"best: trial {best.number}, valid perplexity {best.value:.2f}: {found}\n" in shown
    (repeated,) = re.findall(r"to repeat it: (.*)", shown)[1:]
    assert repeated.startswith("experiment=tune data.count=60 ")
    assert repeated.endswith(f" {found}")


def test_a_finished_search_launches_nothing(tune, tmp_path):
    study = stored(tmp_path / "sweep")
    study.add_trial(create_trial(params={"model.dropout": 0.1}, distributions=DROPOUT, value=9.0))
    folder = tune("hydra.sweeper.n_trials=1")
    assert jobs(folder) == []


def test_an_interrupted_trial_is_done_again(tune, tmp_path):
    interrupted = stored(tmp_path / "sweep").ask(DROPOUT)
    folder = tune("hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2")
    trials = stored(folder).trials
    assert [trial.state for trial in trials] == [FAIL, COMPLETE, COMPLETE]
    assert trials[1].params["model.dropout"] == interrupted.params["model.dropout"]
    assert trials[1].user_attrs == {"repeats": 0}
    assert trials[2].user_attrs == {}
    assert jobs(folder) == ["1", "2"]


def test_an_interrupted_trial_that_had_fallen_behind_is_not_done_again(tmp_path):
    study = stored(tmp_path / "sweep")
    trial = study.ask(DROPOUT)
    trial.report(9.0, step=2)
    trial.set_user_attr(search.PRUNED, True)
    search.queue_interrupted(study)
    assert [(trial.state, trial.value) for trial in study.trials] == [(PRUNED, 9.0)]
    assert search.count_missing(study, 3) == 2


def test_a_job_without_its_trial_is_a_mistake(tmp_path):
    stored(tmp_path / "sweep").ask(DROPOUT)
    where = {
        "storage": f"sqlite:///{tmp_path}/sweep/study.db",
        "pruner": {"_target_": "optuna.pruners.NopPruner"},
    }
    assert search.open_trial(0, name="train", **where).number == 0
    for number, name in ((1, "train"), (0, "another")):
        with pytest.raises(ConfigError, match=f"no trial {number} of a study '{name}'"):
            search.open_trial(number, name=name, **where)


def test_a_trial_that_fails_does_not_end_the_search(tune, tmp_path, capsys):
    study = stored(tmp_path / "sweep")
    for rate in (-1, 0.01):
        study.enqueue_trial({"optimizer.lr": rate})
    with pytest.raises(SystemExit) as stopped:
        tune("hydra.sweeper.n_trials=2", "optimizer.lr=choice(-1, 0.01)")
    assert stopped.value.code == 1
    folder = tmp_path / "sweep"
    assert states(folder) == [FAIL, COMPLETE]
    assert "trial 0: fail" in capsys.readouterr().out
    assert stored(folder).best_trial.number == 1


@pytest.mark.parametrize(
    ("earlier", "epochs", "state", "run"),
    [
        (1.0, 5, PRUNED, 3),  # worse than all, once the two epochs are over that everyone gets
        (1e9, 5, COMPLETE, 5),  # better than all
        (1.0, 3, COMPLETE, 3),  # worse, but there is nothing left to save
    ],
)
def test_a_run_that_falls_behind_is_ended(tune, tmp_path, capsys, earlier, epochs, state, run):
    study = stored(tmp_path / "sweep")
    before = create_trial(
        params={"model.dropout": 0.1}, distributions=DROPOUT, value=earlier,
        intermediate_values=dict.fromkeys(range(epochs), earlier),
    )  # fmt: skip
    study.add_trials([before] * 5)
    patient = "callbacks.early_stopping.patience=9"
    length = f"trainer.max_epochs={epochs}"
    folder = tune("hydra.sweeper.n_trials=6", "optimizer.lr=0", length, patient)
    trial = stored(folder).trials[5]
    assert trial.state == state
    assert sorted(trial.intermediate_values) == list(range(run))
    found = json.loads((folder / "5" / "metrics.json").read_text())
    assert found["epochs"] == run
    assert found["valid/perplexity"] == trial.value
    assert ("pruned after 3 epochs" in capsys.readouterr().out) == (state == PRUNED)


def test_without_m_the_experiment_is_one_run_and_needs_no_optuna(run_script, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    run_script("train", *TINY, f"hydra.run.dir={tmp_path}/run", f"hydra.sweep.dir={tmp_path}/sweep")
    assert (tmp_path / "run" / "metrics.json").is_file()
    assert not (tmp_path / "sweep").exists()


@pytest.fixture
def mistake(tune, capsys):
    """Begins a search that can't be, and gives its one line."""

    def begin(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            tune(*arguments)
        assert stopped.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return begin


def test_mistakes_get_one_line(mistake):
    given = "model.dropout=0"
    assert "error: nothing to search" in mistake(given)
    assert "n_jobs=0: must be a whole number of at least 1" in mistake("hydra.sweeper.n_jobs=0")
    assert "model.dropout=interval(2,1)" in mistake("model.dropout=interval(2,1)")
    assert "storage=study.db: can't be used" in mistake("hydra.sweeper.storage=study.db")


def test_another_search_space_is_a_mistake(mistake, tmp_path):
    study = stored(tmp_path / "sweep")
    choices = {"model.dropout": CategoricalDistribution([0, 0.5])}
    study.add_trial(create_trial(params={"model.dropout": 0}, distributions=choices, value=9.0))
    assert "another search space" in mistake("model.dropout=choice(0, 0.1)")


def test_without_optuna_the_sweeper_says_what_to_install(mistake, monkeypatch):
    monkeypatch.delitem(sys.modules, "patentlm.sweeps.search")
    monkeypatch.delattr("patentlm.sweeps.search")
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install -e '.[optuna]'" in mistake("model.dropout=interval(0, 0.5)")


def test_hydra_finds_the_sweeper_without_loading_what_it_works_with():
    code = (
        "import sys; from hydra.core.plugins import Plugins; from hydra.plugins.sweeper import *;"
        "print([c.__name__ for c in Plugins.instance().discover(Sweeper)]);"
        "print({'optuna', 'torch', 'pytorch_lightning'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    sweepers, loaded = ran.stdout.splitlines()
    assert "OptunaSweeper" in sweepers
    assert loaded == "set()"
    assert ran.stderr == ""


SEARCHED = (
    "model.dropout", "model.input_dropout", "model.output_dropout", "model.embedding_dropout",
    "optimizer.weight_decay", "penalty.activation", "penalty.temporal", "optimizer.lr",
    "data.split.overlap", "trainer.gradient_clip_val", "sampling.temperature",
)  # fmt: skip


def test_a_job_of_a_search_for_eleven_settings_fits_a_folder(run_script, tmp_path):
    searched = [f"{name}=interval(0.01,0.4)" for name in SEARCHED]
    run_script(
        "train", "hydra.mode=MULTIRUN", *TINY[:-1], "optimizer=adamw", *searched,
        "hydra.sweep.dir=search", "hydra.sweeper.n_trials=1",
    )  # fmt: skip
    (job,) = (path for path in (tmp_path / "search").iterdir() if path.is_dir())
    assert re.match(r"([\w.]+=0\.\d+,){5}", job.name)
    assert len(job.name.encode()) <= 200
    assert json.loads((job / "metrics.json").read_text())["valid/perplexity"] > 1
