"""Mistakes get one clear line and exit code 1, no traceback."""

import shutil
import sys
from importlib.util import find_spec

import pytest
import torch

SMALL = (
    "model.hidden_size=4",
    "model.embedding_size=4",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "callbacks.progress.refresh_rate=0",
)
TINY = (*SMALL, "windows.length=3")


@pytest.fixture
def mistake(run_script, capsys):
    """Runs a script that must fail, and gives its one line."""

    def run(name: str, *arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            run_script(name, *arguments)
        assert stopped.value.code == 1
        lines = capsys.readouterr().err.splitlines()
        (line,) = [line for line in lines if line.startswith("error: ")]
        assert "Traceback" not in "\n".join(lines)
        return line

    return run


@pytest.fixture
def write(tmp_path):
    def write_(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_


def test_no_path(mistake):
    assert "data.path is not set" in mistake("train", "data=file")


def test_a_missing_file(mistake):
    assert "no such file" in mistake("train", "data=file", "data.path=nothing.csv")


def test_a_missing_folder(mistake):
    assert "no such file" in mistake("train", "data=corpus", "data.path=nothing")


def test_a_missing_column(mistake, write):
    path = write("x.csv", "one,two\n1,2\n")
    line = mistake("train", "data=file", f"data.path={path}")
    assert "one, two" in line
    assert "data.column" in line


def test_an_empty_file(mistake, write):
    assert "empty" in mistake("train", "data=file", f"data.path={write('x.csv', '')}")


def test_nothing_left_after_the_query(mistake, patents_csv):
    line = mistake("train", "data=file", f"data.path={patents_csv}", "data.query=unicorn, horned")
    assert "data.query='unicorn, horned'" in line


def test_a_corpus_smaller_than_a_batch(mistake, patents_csv):
    line = mistake(
        "train", "data=file", f"data.path={patents_csv}", "windows.batch_size=100000", *TINY
    )
    assert "smaller than one batch" in line
    assert "windows.batch_size" in line


def test_an_unreadable_encoding(mistake, write):
    path = write("x.csv", b"abstract\n\xff\xfe caf\xe9\n")
    assert "data.encoding=cp1252" in mistake("train", "data=file", f"data.path={path}")


def test_no_such_accelerator(mistake):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    line = mistake("train", "trainer=gpu")
    assert "trainer=gpu" in line
    assert "trainer=cpu" in line


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_logger_that_is_not_installed(mistake, name):
    if find_spec(name):
        pytest.skip(f"{name} is installed")
    assert f"pip install -e '.[{name}]'" in mistake("train", f"logger={name}")


def test_a_folder_of_another_run(mistake, small_run, tmp_path):
    folder = shutil.copytree(small_run, tmp_path / "run")
    line = mistake("train", *TINY, "data.count=60", "seed=2", f"hydra.run.dir={folder}")
    assert "other settings" in line
    assert "choose another folder" in line


def test_an_unknown_config_word(mistake):
    assert "model=gpt: no such option; there are lstm_large" in mistake("train", "model=gpt")


def test_a_sampling_that_cannot_work(mistake):
    assert "sampling.top_p=2: must be" in mistake("train", "sampling.top_p=2", *TINY)


def test_an_unknown_format(mistake):
    assert "must be one of text, jsonl" in mistake("generate", "checkpoint=x", "format=xml")


@pytest.mark.parametrize("script", ["generate", "evaluate"])
def test_checkpoints_that_cannot_be_read(mistake, write, script):
    assert "checkpoint is not set" in mistake(script)
    assert "no checkpoint there" in mistake(script, "checkpoint=nothing")
    foreign = write("foreign.ckpt", b"not a checkpoint")
    assert "cut short or something else" in mistake(script, f"checkpoint={foreign}")


def test_a_mistake_ends_a_sweep_of_evaluations(mistake):
    assert "no checkpoint there" in mistake(
        "evaluate", "-m", "checkpoint=nothing", "split=valid,test"
    )


def test_checkpoints_of_another_run(mistake, patents_csv, small_run, write):
    def line(*arguments: str) -> str:
        data = ("data=file", f"data.path={patents_csv}", "windows=abstract")
        return mistake("train", *data, *SMALL, *arguments)

    best = small_run / "checkpoints" / "best.ckpt"
    same = ("model.embedding_size=8", "model.hidden_size=16", f"ckpt_path={best}")
    assert "no such file" in line("word_vectors=nothing")
    assert "no checkpoint there" in line("init_from=nothing")
    assert "has another network; fine-tune with" in line(f"init_from={best}")
    assert "another vocabulary" in line(*same, "tokenizer.min_count=1")
    assert "another network" in line(f"ckpt_path={best}")
    cut = write("cut.ckpt", best.read_bytes()[:5000])
    assert "cut short" in line(f"ckpt_path={cut}")


def test_no_slurm_here(mistake, monkeypatch, tmp_path):
    sweep = ("train", "-m", "hydra/launcher=slurm", "seed=1,2")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "a machine of a Slurm cluster" in mistake(*sweep)
    (tmp_path / "srun").touch(mode=0o755)
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "pip install -e '.[slurm]'" in mistake(*sweep)
