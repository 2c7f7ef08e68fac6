"""A run that trains its own teacher first."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.time_to_perplexity import our_epochs
from tests.interruption import outcome, signal_at

TRAIN = Path(__file__).parent.parent / "train.py"
TINY = ("model.embedding_size=4", "model.hidden_size=6", "samples.max_words=10")
PRESET = {
    "defaults": ["quick", "_self_"],
    "model": {"embedding_size": 6, "hidden_size": 4},
    "trainer": {"max_epochs": 1},
}
"""The teacher of these tests: as `quick`, but small."""


@pytest.fixture
def presets(tmp_path):
    """Writes experiments of the user's own; returns what makes Hydra find them."""
    folder = tmp_path / "own" / "experiment"
    folder.mkdir(parents=True)

    def write(**named):
        for name, content in named.items():
            text = "# @package _global_\n" + yaml.safe_dump(content, sort_keys=False)
            (folder / f"{name}.yaml").write_text(text)
        return ("--config-dir", str(folder.parent))

    return write


@pytest.fixture
def train(run_script, patents_csv, presets, tmp_path):
    own = presets(small=PRESET)
    common = (*own, "data=file", f"data.path={patents_csv}", "trainer=cpu", "experiment=quick",
              *TINY, "callbacks.progress.refresh_rate=0")  # fmt: skip

    def run(*arguments, name="run"):
        run_script("train", *common, f"hydra.run.dir={tmp_path}/{name}", *arguments)
        return tmp_path / name

    return run


OWN = ("distillation=quick", "distillation.experiment=small")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_its_own_teacher_is_one_trained_before_on_the_same_data(train, run_script, tmp_path):
    own = train(*OWN, "seed=3")  # its teacher has the next seed
    record = json.loads((own / "run.json").read_text())
    source = ("data=file", f"data.path={record['data']['path']}", "trainer=cpu", "seed=4")
    teacher = tmp_path / "teacher"
    run_script(
        "train", "--config-dir", str(tmp_path / "own"), "experiment=small", *source,
        f"hydra.run.dir={teacher}",
    )  # fmt: skip
    for name in ("valid/perplexity", "epochs", "parameters", "data/fingerprint", "seed"):
        assert metrics(own / "teacher")[name] == metrics(teacher)[name], name
    given = train("distillation=teacher", f"distillation.teacher={teacher}", "seed=3", name="given")
    assert outcome(own) == outcome(given)
    assert outcome(own) != outcome(train("seed=3", name="alone"))


def test_the_teacher_keeps_its_recipe_and_takes_over_the_rest(train):
    own = train(*OWN, "trainer.max_epochs=2", "trainer.limit_train_batches=3", "logger=csv")
    teacher = yaml.safe_load((own / "teacher" / "config.yaml").read_text())
    assert metrics(own)["steps"] == 6
    assert metrics(own / "teacher")["steps"] == 3
    assert teacher["model"]["hidden_size"] == 4
    assert (own / "teacher" / "metrics.csv").is_file()
    assert metrics(own / "teacher")["test/perplexity"] is None
    assert not (own / "teacher" / "samples.txt").exists()


def test_the_time_of_a_run_includes_its_teachers(train):
    own = train(*OWN)
    assert metrics(own)["fit/seconds"] > metrics(own / "teacher")["fit/seconds"] > 0


@pytest.mark.parametrize("step", [2, 9])  # of the teacher, of the run itself
def test_an_interrupted_run_goes_on_with_its_teacher_or_itself(train, step, capsys):
    whole = train(*OWN, name="whole")
    assert metrics(whole / "teacher")["steps"] < 9
    with signal_at("training_step", step, signal.SIGTERM), pytest.raises(SystemExit):
        train(*OWN, name="parts")
    assert f"hydra.run.dir={os.path.relpath('parts')}" in capsys.readouterr().err
    assert outcome(train(*OWN, name="parts")) == outcome(whole)


def test_a_run_that_goes_on_elsewhere_takes_its_teacher_along(train, capsys):
    first = train(*OWN, "trainer.max_epochs=2", "scheduler=constant", name="first")
    longer = (*OWN, f"ckpt_path={first}", "scheduler=constant")
    second = train(*longer, "trainer.max_epochs=3", name="second")
    assert metrics(second)["epochs"] == 3
    assert metrics(second / "teacher") == metrics(first / "teacher")
    assert [*second.glob("teacher*")] == [second / "teacher"]
    with pytest.raises(SystemExit):
        train(*longer, "trainer.max_epochs=2", name="third")
    assert "set trainer.max_epochs higher" in capsys.readouterr().err


def test_a_teacher_may_have_a_teacher(train, presets):
    chain = {
        "defaults": ["small", {"override /distillation": "quick"}, "_self_"],
        "distillation": {"experiment": "small"},
    }
    presets(taught=chain)
    own = train("distillation=quick", "distillation.experiment=taught")
    assert metrics(own / "teacher" / "teacher")["parameters"] > 0
    assert not (own / "teacher" / "teacher" / "teacher").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["distillation.experiment=qiuck"], "no such experiment; did you mean quick?"),
        (["distillation.experiment=first"], "first: this experiment teaches itself"),
        (["+distillation.teacher=somewhere"], "this run trains its own teacher"),
        (["distillation.weight=2"], "distillation.weight"),
    ],
)
def test_a_teacher_that_can_not_be_trained_is_told_in_a_line(
    train, presets, capsys, arguments, line
):
    for name, other in (("first", "second"), ("second", "first")):
        content = {
            "defaults": ["small", {"override /distillation": "quick"}, "_self_"],
            "distillation": {"experiment": other},
        }
        presets(**{name: content})
    with pytest.raises(SystemExit):
        train("distillation=quick", *arguments)
    (error,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert line in error


def test_two_processes_have_one_teacher(train):
    own = train(*OWN, "trainer.precision=32-true", name="one")
    two = train(*OWN, "trainer=ddp_cpu", "trainer.precision=32-true", name="two")
    assert metrics(two / "teacher")["processes"] == 2
    for name in ("valid/perplexity", "test/perplexity"):
        assert metrics(two)[name] == pytest.approx(metrics(own)[name], rel=1e-3), name


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_lists_runs_not_teachers(train, tmp_path, launcher):
    train("-m", *OWN, "seed=1,2", f"hydra/launcher={launcher}", f"hydra.sweep.dir={tmp_path}/sweep")
    rows = (tmp_path / "sweep" / "leaderboard.csv").read_text().splitlines()
    assert len(rows) == 3
    assert len([*(tmp_path / "sweep").glob("*/teacher/metrics.json")]) == 2


def test_processes_that_others_start_train_a_teacher_together(tmp_path, patents_csv):
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        str(TRAIN), "experiment=quick", "distillation=quick", "data=file",
        f"data.path={patents_csv}", *TINY, "trainer=ddp_cpu", "trainer.limit_train_batches=2",
        "trainer.max_epochs=1", f"hydra.run.dir={tmp_path}/run",
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert metrics(tmp_path / "run" / "teacher")["processes"] == 2
    assert metrics(tmp_path / "run")["processes"] == 2


def test_benchmarks_count_the_time_of_a_teacher(tmp_path, patents_csv):
    settings = [
        "data=file", f"data.path={patents_csv}", "trainer=cpu", "trainer.precision=32-true",
        "experiment=quick", *TINY, "trainer.max_epochs=1",
    ]  # fmt: skip
    folder = tmp_path / "run"
    folder.mkdir()
    (epoch,) = our_epochs([*settings, "distillation=quick"], folder)
    assert epoch["seconds"] > metrics(folder / "teacher")["fit/seconds"]
