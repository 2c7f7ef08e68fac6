"""What all tests stand on: a cache of their own, one thread, tiny patents, and the real scripts."""

import csv
import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from patentlm.data.sample import sample_patents

settings.register_profile(
    "patentlm",
    deadline=None,  # how fast is a matter for benchmarks
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,  # new examples are found while one can look at them
)
settings.load_profile("patentlm")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Tiny tensors: threads that wait for each other cost more than they bring.
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that this test has to itself."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PATENTLM_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def patents_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 synthetic patents as a CSV file."""
    path = tmp_path_factory.mktemp("patents") / "patents.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patent_id", "patent_date", "patent_abstract"])
        for patent in sample_patents(count=60, seed=3):
            writer.writerow([patent.id, patent.date, patent.abstract])
    return path


@pytest.fixture(autouse=True)
def _denormals() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the scripts switch them off for their whole process


@pytest.fixture
def run_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a script's main function as the command line would: `run_script("train", "seed=2")`."""

    def run(name: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        monkeypatch.chdir(tmp_path)
        importlib.import_module(name).main()

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real patents that PATENTLM_TEST_DATA names."""
    folder = os.environ.get("PATENTLM_TEST_DATA")
    if not folder:
        pytest.skip("set PATENTLM_TEST_DATA to the folder that holds neural_network_patents.csv")
    return Path(folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, patents_csv: Path) -> Callable[..., Path]:
    """Trains one small model for each set of arguments in a whole session; gives the run's folder,
    which tests must not change."""
    folder = tmp_path_factory.mktemp("trained")

    @functools.cache
    def train(*arguments: str) -> Path:
        run = folder / str(len(list(folder.iterdir())))
        small = ("model.embedding_size=8", "model.hidden_size=16", "trainer=cpu")
        data = ("data=file", f"data.path={patents_csv}", "windows=abstract", "windows.batch_size=4")
        rest = ("optimizer.lr=0.01", "trainer.max_epochs=2", "samples.max_words=30",
                "trainer.log_every_n_steps=1", "callbacks.progress.refresh_rate=0")  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATENTLM_CACHE", str(folder.parent / "trained_cache"))
            words = ["train.py", *data, *small, *rest, f"hydra.run.dir={run}", *arguments]
            patch.setattr(sys, "argv", words)
            importlib.import_module("train").main()
        return run

    return train


@pytest.fixture(scope="session")
def small_run(trained: Callable[..., Path]) -> Path:
    """The folder of a small run of whole abstracts."""
    return trained()


@pytest.fixture(scope="session")
def tied_run(trained: Callable[..., Path]) -> Path:
    """The same with the embedding as the head's weights."""
    return trained("model/head=tied")


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., object]:
    """Writes a folder of tokenised texts and makes it a source that notes its readings."""

    from tests.made_up import WatchedSource  # imports what few tests need

    def write(**texts: str) -> object:
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text, "utf-8")
        return WatchedSource(
            path=str(tmp_path),
            encoding="utf-8",
            encoding_errors="strict",
            notes=str(tmp_path / "notes"),
        )

    return write
