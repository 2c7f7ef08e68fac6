"""Trainings on real patents, as short as they can be and still show something."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Train = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Iterator[Path]:
    """One cache folder for all journeys: what one has prepared, the others use."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATENTLM_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def split(real_data) -> str:
    """The arguments of train.py for the fixed split."""
    return f"data=corpus data.path={real_data}/neural_network_split"


@pytest.fixture(scope="session")
def train(tmp_path_factory, cache) -> Train:
    """Trains as the command line would: `train("data=sample trainer.max_epochs=1")` gives the
    run's folder."""

    def run(arguments: str) -> Path:
        folder = tmp_path_factory.mktemp("runs") / "run"
        quiet = ("callbacks.progress.refresh_rate=0", f"hydra.run.dir={folder}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["train.py", *arguments.split(), *quiet])
            importlib.import_module("train").main()
        return folder

    return run


@pytest.fixture
def shown(run_script, capsys) -> Callable[..., str]:
    """What a script prints; `pytest -rP` shows it."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        run_script(*arguments)
        found = capsys.readouterr().out
        print(found)
        return found

    return run


@pytest.fixture
def metrics() -> Callable[[Path], dict[str, Any]]:
    return lambda folder: json.loads((folder / "metrics.json").read_text())
