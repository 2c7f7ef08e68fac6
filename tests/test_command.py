"""What the scripts share: values taken as typed, and a key that nobody gets to see."""

import os

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st

from patentlm.command import KEY, hide_key, name_jobs, quote_literals


@example("a, b (c) [d] {e}: 'f' = \"g\"")
@example("ends with a backslash \\")
@example("\\'")
@example("")
@given(st.text(st.characters(exclude_categories=("C",)), max_size=30))
def test_a_prompt_arrives_as_typed(prompt):
    if prompt == "null" or prompt[:1] in ("'", '"'):
        return
    (argument,) = quote_literals([f"prompt={prompt}"])
    override = OverridesParser.create().parse_override(argument)
    assert override.value() == prompt


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
    assert name_jobs(["-m", "experiment=tune", "seed=1"])[-1] == (
        "hydra.job.config.override_dirname.exclude_keys=['experiment', 'seed']"
    )


def test_what_a_sweep_does_not_vary_is_left_out_of_the_names_of_its_jobs():
    arguments = ["-m", "data=file", "data.path=../x/y.csv", "seed=1,2", "+a.b=c", "x=interval(1,2)"]
    *same, added = name_jobs(arguments)
    assert same == arguments
    assert added == ("hydra.job.config.override_dirname.exclude_keys=['data', 'data.path', 'a.b']")
