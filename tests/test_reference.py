"""`--help`: all that a script accepts, with the comments of the YAML files and what is allowed."""

from pathlib import Path

import pytest

from patentlm.settings.reference import help_text, read_option
from patentlm.settings.schema import SCRIPTS

CONF = Path(__file__).parent.parent / "conf"


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_lists_every_setting_group_launcher_and_sweeper_of_the_script(
    run_script, capsys, script
):
    run_script(script, "--help")
    shown = capsys.readouterr().out
    root = read_option(CONF, script, "")
    for setting in root.settings:
        if "_target_" not in setting.name and "_partial_" not in setting.name:
            assert f"\n  {setting.name}={setting.default}" in shown
            assert setting.comment in shown
    for group, _ in root.groups:
        for path in (CONF / group).glob("*.yaml"):
            assert f"\n    {path.stem}" in shown
    for option in ("basic", "joblib", "slurm", "optuna"):
        assert f"\n    {option} " in shown


def test_help_lists_nothing_of_other_scripts(run_script, capsys):
    run_script("generate", "--help")
    shown = capsys.readouterr().out
    assert "prompt=" in shown
    for other in ("optimizer", "scheduler", "callbacks", "experiment", "ngram_order"):
        assert f"\n  {other}" not in shown


def test_help_shows_the_settings_of_the_options_that_are_chosen():
    shown = help_text("train", CONF, ["--help", "model=lstm_large", "model/cell=mogrifier"])
    assert "\n  model.hidden_size=512" in shown
    assert "\n  model.cell.rounds=4" in shown
    assert "weight_drop=" not in shown


def test_a_setting_has_its_comment_and_what_is_allowed():
    line = next(
        line
        for line in help_text("train", CONF, []).splitlines()
        if line.startswith("  tokenizer.max_words=")
    )
    assert line.endswith(
        "keep only so many of the most frequent; null or a whole number of at least 1"
    )
