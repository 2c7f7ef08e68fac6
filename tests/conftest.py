"""What all tests stand on: a cache of their own, one thread, tiny patents, and the real scripts."""

import csv
import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock
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
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Makes a file or folder once for all workers of a session: `shared("name", make)` calls
    `make(path)` in the first worker that asks, and the others wait for it."""
    own = tmp_path_factory.getbasetemp()
    root = own if worker_id == "master" else own.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        path, whole = root / name, root / f"{name}.whole"
        with FileLock(f"{path}.lock"):
            if not whole.exists():
                make(path)
                whole.touch()
        return path

    return made


@pytest.fixture(scope="session")
def patents_csv(shared: Callable[..., Path]) -> Path:
    """60 synthetic patents as a CSV file."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["patent_id", "patent_date", "patent_abstract"])
            for patent in sample_patents(count=60, seed=3):
                writer.writerow([patent.id, patent.date, patent.abstract])

    return shared("patents.csv", write)


@pytest.fixture(autouse=True)
def _denormals() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the scripts switch them off for their whole process


@pytest.fixture
def run_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a script's main function as the command line would, by default in the test's folder:
    `run_script("train", "seed=2")`."""

    def run(name: str, *arguments: str, folder: Path = tmp_path) -> None:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        monkeypatch.chdir(folder)
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
def trained(shared: Callable[..., Path], patents_csv: Path) -> Callable[..., Path]:
    """Trains one small model for each set of arguments in a whole session; gives the run's folder,
    which tests must not change."""

    small = ("data=file", f"data.path={patents_csv}", "windows.batch_size=4", "trainer=cpu",
             "model.embedding_size=8", "model.hidden_size=16", "optimizer.lr=0.01",
             "trainer.max_epochs=2", "trainer.log_every_n_steps=1", "samples.max_words=30",
             "callbacks.progress.refresh_rate=0")  # fmt: skip

    def run(folder: Path, *arguments: str) -> None:
        windows = () if any(a.startswith("windows=") for a in arguments) else ("windows=abstract",)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATENTLM_CACHE", str(folder.parent / "trained_cache"))
            words = [*small, *windows, *arguments, f"hydra.run.dir={folder}"]
            patch.setattr(sys, "argv", ["train.py", *words])
            importlib.import_module("train").main()

    def train(*arguments: str) -> Path:
        name = hashlib.sha256("\n".join(arguments).encode()).hexdigest()[:12]
        return shared(f"trained_{name}", lambda folder: run(folder, *arguments))

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
