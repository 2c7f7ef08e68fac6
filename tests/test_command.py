"""What the scripts share: values taken as typed."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st

from patentlm.command import quote_literals


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
    "argument", ["seed=1,2", "prompt='a, b'", "data=file", "--help", "data.query=null"]
)
def test_other_arguments_stay_as_they_are(argument):
    assert quote_literals([argument]) == [argument]


def test_the_values_of_a_sweep_stay_as_they_are():
    assert quote_literals(["-m", "data.path=a,b"]) == ["-m", "data.path=a,b"]
