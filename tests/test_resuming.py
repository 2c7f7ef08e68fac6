"""Going on with a run: what may be set otherwise, what is refused, and damaged checkpoints."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from patentlm.errors import CheckpointError
from patentlm.training import resuming
from patentlm.training.changes import Changes

CONF = Path(__file__).parent.parent / "conf"
PAGE = Path(__file__).parent.parent / "docs" / "guides" / "resuming.md"
TINY = (
    "data.count=40", "model.embedding_size=4", "model.hidden_size=4", "trainer=cpu",
    "trainer.precision=32-true", "trainer.limit_train_batches=4", "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1", "windows=abstract", "windows.batch_size=2", "logger=csv",
    "trainer.log_every_n_steps=1", "callbacks.early_stopping.patience=9",
    "callbacks.progress.refresh_rate=0", "samples.count=1", "samples.max_words=5",
)  # fmt: skip


@pytest.fixture
def train(run_script, tmp_path):
    def run(name: str, *arguments: str) -> Path:
        run_script("train", *TINY, f"hydra.run.dir={tmp_path}/{name}", *arguments)
        return tmp_path / name

    return run


@pytest.fixture
def refused(train, capsys):
    """The one line that a run which can't go on ends with."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            train("refused", *arguments)
        assert stopped.value.code == 1
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
        return line

    return run


def options() -> list[str]:
    groups = ("optimizer", "scheduler", "trainer", "callbacks", "windows", "tokenizer", "logger")
    return [f"{group}={p.stem}" for group in groups for p in (CONF / group).glob("*.yaml")]


@pytest.mark.parametrize("option", ["seed=1", *options()])
def test_every_setting_of_the_config_has_a_rule(option):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", [option]), resolve=False)
    for name, _ in resuming.leaves(config):
        assert resuming.rule_of(name) in {
            resuming.KEPT, resuming.ANEW, resuming.CORPUS, resuming.FIRST,
        }  # fmt: skip


def test_the_page_holds_the_table_that_the_code_has():
    """`python -c "from patentlm.training import resuming; print(resuming.table())"` writes it."""
    assert resuming.table() in PAGE.read_text(encoding="utf-8")


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]


def test_settings_that_may_change_are_applied_and_others_refused(train, refused):
    first = train("first", "trainer.max_epochs=1", "scheduler=exponential", "optimizer=adamw")
    last = f"ckpt_path={first}/checkpoints/last.ckpt"
    on = ("scheduler=exponential", "optimizer=adamw", last, "trainer.max_epochs=3")
    changed = train(
        "changed", *on, "optimizer.lr=0.1", "optimizer.weight_decay=0.5", "scheduler.gamma=0.5",
        "callbacks.early_stopping.patience=7",
    )  # fmt: skip
    content = torch.load(changed / "checkpoints" / "last.ckpt", weights_only=True)
    (group,) = content["optimizer_states"][0]["param_groups"]
    assert group["weight_decay"] == 0.5
    assert group["lr"] == pytest.approx(0.1 * 0.9 * 0.5**2)
    assert content["lr_schedulers"][0]["gamma"] == 0.5
    assert [s["patience"] for n, s in content["callbacks"].items() if "Early" in n] == [7]
    for setting, told in {
        "optimizer=adam": "optimizer._target_=torch.optim.AdamW, here torch.optim.Adam",
        "scheduler=constant": "scheduler._target_",
        "windows.batch_size=4": "windows.batch_size=2, here 4",
        "seed=2": "seed=1, here 2",
        "callbacks=ema": "callbacks.averaging",
        "trainer.accumulate_grad_batches=2": "trainer.accumulate_grad_batches=1, here 2",
        "trainer.max_epochs=1": "has 1 epochs already",
    }.items():
        assert told in refused(*on, setting)


@pytest.mark.parametrize("scheduler", ["cosine", "one_cycle", "warmup_cosine"])
def test_a_schedule_with_an_end_keeps_it(train, refused, scheduler):
    first = train("first", "trainer.max_epochs=1", f"scheduler={scheduler}")
    line = refused(
        f"scheduler={scheduler}", "trainer.max_epochs=2", f"ckpt_path={first}/checkpoints/last.ckpt"
    )
    assert "can't be made longer" in line


def test_a_rate_that_was_0_can_not_be_multiplied():
    with pytest.raises(CheckpointError, match=r"optimizer.lr=0 can't be changed"):
        resuming.rate_change({"optimizer.lr": 0}, {"optimizer.lr": 1})
    assert resuming.rate_change({"optimizer.lr": 2}, {"optimizer.lr": 1}) == 0.5


def test_rates_of_groups_and_schedule_are_multiplied():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    changes = Changes({"gamma": 0.25}, rate=3.0)
    changes.note(optimizer)
    optimizer.param_groups[0]["momentum"] = 0.1
    changes.apply(optimizer, schedule)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["initial_lr"], group["momentum"]) == (6.0, 6.0, 0.9)
    assert (schedule.base_lrs, schedule.gamma) == ([6.0], 0.25)


def test_a_run_that_was_stopped_early_and_killed_in_its_test_is_not_trained_on(train):
    stop = ("optimizer.lr=0", "callbacks.early_stopping.patience=1", "trainer.max_epochs=9")
    folder = train("run", *stop)
    before = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").unlink()
    train("run", *stop)
    after = json.loads((folder / "metrics.json").read_text())
    assert before["epochs"] == after["epochs"] == 2
    assert before["test/loss"] == after["test/loss"]


def test_csv_rows_of_an_earlier_start_stay(train):
    folder = train("run", "trainer.max_epochs=1")
    rows = (folder / "metrics.csv").read_text().splitlines()
    (folder / "metrics.json").unlink()
    train("run", "trainer.max_epochs=1")
    again = (folder / "metrics.csv").read_text().splitlines()
    assert sorted(again) == sorted(rows)


def harm(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_damaged_files_of_a_run_are_mended_or_named(train, capsys):
    whole = train("run", "trainer.max_epochs=2")
    before = json.loads((whole / "metrics.json").read_text())
    kept = shutil.copytree(whole, whole.parent / "kept")
    for name, told in {
        "checkpoints/last.ckpt": "last.ckpt is damaged: going on from an earlier checkpoint",
        "checkpoints/best.ckpt": "",
        "run.json": "run.json is damaged",
        "metrics.json": "metrics.json is damaged",
    }.items():
        shutil.rmtree(whole)
        shutil.copytree(kept, whole)
        if name != "metrics.json":
            (whole / "metrics.json").unlink()
        harm(whole / name)
        capsys.readouterr()
        train("run", "trainer.max_epochs=2")
        shown = capsys.readouterr()
        assert told in shown.out + shown.err
        after = json.loads((whole / "metrics.json").read_text())
        assert after["test/loss"] == before["test/loss"], name


def test_a_moved_run_reports_its_own_best(train):
    """Rates that wreck what the first epoch learned, so that it stays the best."""
    wreck = ("trainer.max_epochs=2", "scheduler=exponential", "scheduler.gamma=500")
    folder = train("run", *wreck)
    before = json.loads((folder / "metrics.json").read_text())
    moved = folder.rename(folder.parent / "moved")
    train("run", *wreck, "seed=2")
    (moved / "metrics.json").unlink()
    train("moved", *wreck)
    after = json.loads((moved / "metrics.json").read_text())
    assert after["test/loss"] == before["test/loss"]
    assert after["valid/perplexity"] == before["valid/perplexity"]


def test_two_damaged_checkpoints_end_in_one_line(train, refused):
    folder = train("refused", "trainer.max_epochs=1")
    (folder / "metrics.json").unlink()
    for name in ("best", "last"):
        harm(folder / "checkpoints" / f"{name}.ckpt")
    assert re.search("last.ckpt and .*best.ckpt: can't be read", refused("trainer.max_epochs=1"))
