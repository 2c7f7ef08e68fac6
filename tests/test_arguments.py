"""Arguments before Hydra reads them: values taken as typed, and a key that nobody gets to see."""

import os
import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from patentlm.errors import ConfigError
from patentlm.settings.arguments import PATHS, hide_key, name_jobs, prepare, quote_literals
from patentlm.settings.checking import names_of
from patentlm.terminal import KEY


@example("a, b (c) [d] {e}: 'f' = \"g\"")
@example("ends with a backslash \\")
@example("\\'")
@example("")
@example("null")
@example("a ${b} \\${c} ${oc.env:HOME}")
@example("'begins with a quotation mark")
@example('"one" and "two')
@given(st.text(st.characters(exclude_categories=("C",)), max_size=30))
def test_a_prompt_arrives_as_typed(prompt):
    assume(not re.fullmatch("'[^']*'|\"[^\"]*\"", prompt))
    (argument,) = quote_literals([f"prompt={prompt}"])
    override = OverridesParser.create().parse_override(argument)
    assert OmegaConf.create({"prompt": override.value()}).prompt == prompt


@pytest.mark.parametrize("name", [*PATHS, "data.column"])
def test_names_of_files_and_columns_arrive_as_typed(name):
    typed = "a=b,c [d] {e}"
    (argument,) = quote_literals([f"{name}={typed}"])
    assert OverridesParser.create().parse_override(argument).value() == typed


def test_a_folder_may_be_named_by_the_time():
    (argument,) = quote_literals(["hydra.run.dir=runs/${now:%Y}/${x},y"])
    assert argument == r"hydra.run.dir='runs/${now:%Y}/\${x},y'"


def test_the_folder_of_a_sweep_is_taken_as_typed():
    assert quote_literals(["-m", "hydra.sweep.dir=a,b"]) == ["-m", "hydra.sweep.dir='a,b'"]


@pytest.mark.parametrize(
    "argument",
    [
        "seed=1,2",
        "prompt='a, b'",
        "data=file",
        "--help",
        "data.query=null",
        "data.query={any: [a, b]}",
    ],
)
def test_other_arguments_stay_as_they_are(argument):
    assert quote_literals([argument]) == [argument]


def test_the_values_of_a_sweep_stay_as_they_are():
    assert quote_literals(["-m", "data.path=a,b"]) == ["-m", "data.path=a,b"]


@pytest.mark.parametrize("name", ["data.api_key", "+data.api_key", "++data.api_key"])
def test_a_key_goes_to_the_environment_alone(monkeypatch, name):
    monkeypatch.setenv(KEY, "another")
    assert hide_key(["data=patentsview", f"{name}=a=b", "seed=1"]) == ["data=patentsview", "seed=1"]
    assert os.environ[KEY] == "a=b"


def test_a_single_run_needs_no_name():
    assert name_jobs(["seed=1,2"]) == ["seed=1,2"]


def test_what_a_search_draws_is_all_that_its_jobs_are_named_by():
    """Its space stands in a config file: the command line need not vary anything."""
    assert name_jobs(["-m", "experiment=tune", "seed=1"])[0] == (
        "hydra.job.config.override_dirname.exclude_keys=['experiment', 'seed']"
    )


def test_what_a_sweep_does_not_vary_is_left_out_of_the_names_of_its_jobs():
    arguments = ["-m", "data=file", "data.path=../x/y.csv", "seed=1,2", "+a.b=c", "x=interval(1,2)"]
    added, *same = name_jobs(arguments)
    assert same == arguments
    assert added == ("hydra.job.config.override_dirname.exclude_keys=['data', 'data.path', 'a.b']")


def test_a_sweep_asked_for_by_its_mode_names_its_jobs_too():
    assert name_jobs(["hydra.mode=MULTIRUN", "seed=1,2", "data=file"])[0].endswith(
        "=['hydra.mode', 'data']"
    )


SECRET = "a1b2-c3d4"


@pytest.mark.parametrize(
    "argument",
    [
        f"data.apikey={SECRET}",
        f"data.api-key={SECRET}",
        f"data.API_KEY={SECRET}",
        f"data.api_kye={SECRET}",
        f"api_key={SECRET}",
        f"key={SECRET}",
        f"{KEY}={SECRET}",
        f"+data={{api_key: {SECRET}}}",
        f"+data={{key: {SECRET}}}",
        f"data.api_url=https://api.uspto.gov?api_key={SECRET}",
        f"data.api_url=https://{SECRET}@api.uspto.gov",
        f"data.api_key {SECRET}",
        f"--api-key={SECRET}",
    ],
)
def test_what_looks_like_a_key_is_refused_and_not_repeated(argument):
    with pytest.raises(ConfigError, match=KEY) as raised:
        prepare([argument], names_of("train"))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "argument", ["prompt=an api_key: secret", "data.query=api key", "data.path=keys/api_key.csv"]
)
def test_texts_and_paths_may_speak_of_keys(argument):
    assert len(prepare([argument], names_of("generate"))) == 1


def test_bytes_that_are_not_text_are_refused():
    with pytest.raises(ConfigError, match="prompt: holds bytes that are not UTF-8 text"):
        prepare([os.fsdecode(b"prompt=neural \xff")], names_of("generate"))


def test_a_flag_that_hydra_does_not_know_is_told_as_a_setting():
    with pytest.raises(ConfigError, match=r"--seed: no such flag; .*did you mean seed\?"):
        prepare(["--seed=3"], names_of("train"))


@pytest.mark.parametrize(
    ("arguments", "prepared"),
    [
        ("seed=1,2 -m data=file", "seed=1,2 data=file -m"),
        ("seed=1 --cfg job data=file", "seed=1 data=file --cfg job"),
        ("-c job seed=1 -p model data=file", "seed=1 data=file -c job -p model"),
        ("seed=1 --info data=file", "seed=1 data=file --info"),
        ("--info config seed=1", "seed=1 --info config"),
    ],
)
def test_flags_may_stand_anywhere(arguments, prepared):
    found = prepare(arguments.split(), names_of("train"))
    assert [one for one in found if not one.startswith("hydra.job.")] == prepared.split()
