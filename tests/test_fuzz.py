"""Wrong inputs are read or refused in one line: a short run of `python -m benchmarks.fuzz`."""

import pytest

from benchmarks.fuzz import run


@pytest.mark.parametrize("kind", ["readers", "texts", "checkpoints", "configs", "prompts"])
def test_no_wrong_input_ends_otherwise(kind, capsys):
    found = run(60, seed=0, only=(kind,))
    assert not found[f"{kind} failed"], capsys.readouterr().err
    assert sum(found.values()) == 60
