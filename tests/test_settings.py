"""Every setting has a type and a range, and every mistake gets one line before any work."""

import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from pytorch_lightning import Trainer

from patentlm.errors import ConfigError
from patentlm.settings.checking import mistakes, names_of
from patentlm.settings.hooks import check_config
from patentlm.settings.kinds import Named, Part
from patentlm.settings.schema import HYDRA, SCRIPTS
from patentlm.settings.training import TRAINER

CONF = Path(__file__).parent.parent / "conf"
GROUPS = {
    "evaluate": ("data", "report", "sampling", "cache", "adaptation", "mixture"),
    "generate": ("data", "sampling", "cache", "adaptation"),
    "export": ("data",),
}
"""Of train.py, `test_config` goes over all options."""


def options() -> list[tuple[str, str]]:
    return [
        (script, f"{group}={path.stem}")
        for script, groups in GROUPS.items()
        for group in groups
        for path in sorted((CONF / group).glob("*.yaml"))
    ]


NEEDED = {"data=file": ["data.path=x"], "data=corpus": ["data.path=x"]}


@cache
def base(script: str, *options: str):
    needed = [] if script == "train" else ["checkpoint=x"]
    needed += [setting for option in options for setting in NEEDED.get(option, ())]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        folder = "hydra.runtime.output_dir=x"
        return compose(script, [*options, *needed, folder], return_hydra_config=True)


def composed(script: str, *overrides: str):
    """A config with the groups that overrides choose, and with single settings changed."""
    settings = [
        some for some in overrides if some[0] == "+" or "." in some.split("=")[0] or "seed=" in some
    ]
    config = base(script, *(some for some in overrides if some not in settings)).copy()
    HydraConfig.instance().set_config(config)
    for override in OverridesParser.create().parse_overrides(settings):
        OmegaConf.update(
            config, override.key_or_group, override.value(), force_add=True, merge=False
        )
    return config


@pytest.mark.parametrize(("script", "option"), options())
def test_every_option_has_settings_of_known_types_and_ranges(script, option):
    check_config(script, composed(script, option))


def listed_targets(schema) -> set[str]:
    if isinstance(schema, Named):
        return listed_targets(schema.part)
    if isinstance(schema, Part):
        below = [listed_targets(arguments) for arguments in schema.targets.values()]
        return set(schema.targets).union(*below)
    if isinstance(schema, dict):
        return set().union(*map(listed_targets, schema.values()))
    return set()


def test_every_class_that_an_option_names_is_listed_with_its_arguments():
    named = set()
    for path in CONF.rglob("*.yaml"):
        named |= set(re.findall(r"_target_: (\S+)", path.read_text()))
    hooks = {"patentlm.settings.hooks.CheckSettings", "patentlm.sweeps.jobs.Sweep"}
    assert named - hooks <= listed_targets(SCRIPTS) | listed_targets(HYDRA)


@pytest.mark.parametrize("option", ["sweeper/optuna", "launcher/slurm"])
def test_settings_of_sweeps_are_listed(option):
    settings = OmegaConf.to_container(OmegaConf.load(CONF / "hydra" / f"{option}.yaml"))
    part = HYDRA[option.split("/")[0]]
    named = part.targets[settings.pop("_target_")]
    assert settings.keys() - {"_recursive_"} <= named.keys()


def test_every_flag_of_the_trainer_is_listed():
    flags = set(inspect.signature(Trainer.__init__).parameters) - {"self"}
    given = {"callbacks", "model_registry"}
    assert flags - given == TRAINER.targets["pytorch_lightning.Trainer"].keys()


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            "trainer.max_epochs=0",
            "trainer.max_epochs=0: must be a whole number of at least 1 or -1",
        ),
        (
            "trainer.max_epochs=1.5",
            "trainer.max_epochs=1.5: must be a whole number of at least 1 or -1",
        ),
        ("model.dropout=half", "model.dropout='half': must be a number of at least 0, below 1"),
        ("model.dropout=nan", "model.dropout=nan: must be a number of at least 0, below 1"),
        ("seed=true", "seed=True: must be a whole number from 0 to 4294967295"),
        ("seed=", "seed='': must be a whole number from 0 to 4294967295"),
        ("seed=null", "seed=None: must be a whole number from 0 to 4294967295"),
        ("seed=[1]", "seed=[1]: must be a whole number from 0 to 4294967295"),
        ("data.cleaning.quotes=maybe", "data.cleaning.quotes='maybe': must be true or false"),
        (
            "tokenizer.max_words=-1",
            "tokenizer.max_words=-1: must be null or a whole number of at least 1",
        ),
        (
            "callbacks.early_stopping.patience=-1",
            "callbacks.early_stopping.patience=-1: must be a whole number of at least 0",
        ),
        (
            "callbacks.early_stopping.monitor=x",
            "callbacks.early_stopping.monitor='x': must be one of valid/perplexity, "
            "valid/loss, valid/accuracy",
        ),
        ("+model.extra=1", "model.extra: no such setting; --help lists all of them"),
        (
            "+model.hiden_size=1",
            "model.hiden_size: no such setting; did you mean model.hidden_size?",
        ),
        (
            "+trainer.fast_dev_rum=1",
            "trainer.fast_dev_rum: no such setting; did you mean trainer.fast_dev_run?",
        ),
        (
            "model.cell._target_=os.system",
            "model.cell._target_='os.system': must be one of patentlm.model.cells.LSTM",
        ),
        (
            "model.hidden_size={a: 1}",
            "model.hidden_size={'a': 1}: must be a whole number from 1 to 65,536",
        ),
        ("model.cell=3", "model.cell=3: must be an option's name, or settings by name"),
        (
            "optimizer.betas=[1,2]",
            "optimizer.betas=[1, 2]: must be a list of 2 times a number of at least 0, below 1",
        ),
        ("model.dropout=${nothing}", "model.dropout: Interpolation key 'nothing' not found"),
    ],
)
def test_a_mistake_says_the_setting_its_value_and_what_is_allowed(overrides, line):
    with pytest.raises(ConfigError, match="^" + re.escape(line)):
        check_config("train", composed("train", overrides, "optimizer=muon"))


@pytest.mark.parametrize(
    "override",
    [
        "trainer.limit_train_batches=0.5",
        "trainer.limit_train_batches=3",
        "+trainer.fast_dev_run=true",
        "callbacks.early_stopping=null",
        "+callbacks.mine={_target_: my.own.Callback, with: anything}",
        "optimizer._target_=torch.optim.NAdam",
        "data.query={any: [a, b], all: c}",
        "trainer.devices=[0,1]",
    ],
)
def test_what_can_work_is_allowed(override):
    check_config("train", composed("train", override))


def test_of_a_setting_that_repeats_another_the_other_one_is_named():
    config = composed("train", "scheduler=cosine", "trainer.max_epochs=ten")
    with pytest.raises(ConfigError, match=r"^trainer\.max_epochs='ten'"):
        check_config("train", config)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("train modle=x", "modle: no such setting; did you mean model?"),
        (
            "train model=lstm_smal",
            "model=lstm_smal: no such option; did you mean model=lstm_small? there are "
            "lstm_large, lstm_medium, lstm_small",
        ),
        (
            "train model=[a,b]",
            "model=['a', 'b']: no such option; there are lstm_large, lstm_medium, lstm_small",
        ),
        (
            "train trainer.max_epoch=3",
            "trainer.max_epoch: no such setting; did you mean trainer.max_epochs?",
        ),
        (
            "train data.path=x.csv",
            "data.path: not a setting of the options chosen; data=corpus, data=file has it",
        ),
        (
            "train data.path=x.csv --cfg job",
            "data.path: not a setting of the options chosen; data=corpus, data=file has it",
        ),
        ("train prompt=x", "prompt: no such setting; --help lists all of them"),
        ("train seed=1,2", "seed=1,2: several values need -m; a comma inside a value needs quotes"),
        (f"train {'k' * 30}", "an argument: settings are written name=value, such as seed=…"),
        (
            "evaluate checkpoint=x report=null",
            "report=None: no such option; there are calibration, scores, text, years",
        ),
        (
            "export checkpoint=x formats=null",
            "formats=None: must be an option's name, or settings by name",
        ),
        ("generate =3", "=3: no such option; there are evaluate, export, generate, prepare, train"),
        (
            "generate -count",
            "-count: no such flag; settings are written name=value, did you mean count?",
        ),
        ("train seed", "'seed': settings are written name=value, such as seed=…"),
        (
            "train callbacks.early_stopping.patience=2 modle=x",
            "modle: no such setting; did you mean model?",
        ),
        ("train lr=1", "lr: no such setting; did you mean optimizer.lr?"),
        ("train hydra.run.dir=", "hydra.run.dir='': must be text that is not empty"),
        ("train data=file", "data.path is not set; give data.path=…"),
        (
            "train -m hydra/sweeper=optuna hydra.sweeper.n_trials=0 seed=1,2",
            "hydra.sweeper.n_trials=0: must be a whole number of at least 1",
        ),
        (
            "train -m seed=1,2 model.dropout=2",
            "model.dropout=2: must be a number of at least 0, below 1",
        ),
        (
            "generate temperature=1",
            "temperature: no such setting; did you mean sampling.temperature?",
        ),
        ("generate checkpoint=x count=-1", "count=-1: must be a whole number from 1 to 100,000"),
        (
            "generate checkpoint=x device=gpu",
            "device='gpu': must be null or cpu, cuda, cuda:NUMBER or mps",
        ),
        ("evaluate checkpoint=x split=dev", "split='dev': must be one of train, valid, test"),
    ],
)
def test_a_script_ends_with_one_line_and_leaves_nothing(
    run_script, tmp_path, capsys, arguments, line
):
    with pytest.raises(SystemExit) as stopped:
        run_script(*arguments.split())
    assert stopped.value.code == 1
    assert capsys.readouterr() == ("", f"error: {line}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_argument_is_found_before_the_corpus_is_prepared(run_script, capsys):
    for argument in ("optimizer.lr=0", "+optimizer.nesterov=true"):
        with pytest.raises(SystemExit):
            run_script("train", "optimizer=sgd", "data=file", "data.path=no.csv", argument)
    shown = capsys.readouterr().err.splitlines()
    assert "no.csv" in shown[0]
    assert shown[1] == "error: optimizer: Nesterov momentum requires a momentum and zero dampening"


def test_the_nearest_name_is_that_of_the_script():
    assert "prompt" in names_of("generate")
    assert "prompt" not in names_of("train")


def test_the_schema_is_light_to_import():
    code = (
        "import sys, patentlm.command, patentlm.settings.schema;"
        "print({'torch', 'pydantic', 'numpy', 'pytorch_lightning'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_missing_ranges_of_a_table_are_mistakes():
    cache = {"size": 3, "thetta": 1}
    found = [line for _, line in mistakes({"cache": cache}, SCRIPTS["generate"], "")]
    assert found == ["cache.thetta: no such setting; did you mean cache.theta?"]
