"""Every command of README and documents does what a reader expects: it runs.

pytest -m documents
"""

import csv
import gzip
import json
import shutil
from pathlib import Path

import pytest

from patentlm.data.sample import sample_patents
from patentlm.data.text import tokenize
from tests.documents import (
    ROOT,
    blocks,
    documents,
    in_child,
    run_command,
    run_mistake,
    run_python,
    write_file,
)

LANGUAGES = {
    "console",
    "python",
    "yaml",
    "json",
    "csv",
    "text",
    "toml",
    "markdown",
    "html",
    "javascript",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="session")
def trained(shared) -> Path:
    """The folder of a short run."""

    def make(folder: Path) -> None:
        folder.mkdir()
        make_root(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATENTLM_CACHE", f"{folder}/cache")
            run_command("python train.py experiment=quick hydra.run.dir=outputs/DATE/TIME", folder)

    return shared("documents", make) / "outputs" / "DATE" / "TIME"


def make_root(folder: Path) -> None:
    """Scripts and configuration as in a clone, and files of patents under the documents' names."""
    for script in ROOT.glob("*.py"):
        shutil.copy(script, folder)
    for part in ("conf", "examples", "benchmarks"):
        if (ROOT / part).exists():
            shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    write_patents(folder)


def write_patents(folder: Path) -> None:
    """60 synthetic patents in the files that documents name."""
    patents = [p for p in sample_patents(count=60, seed=3) if p.abstract]
    with (folder / "patents.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "date", "title", "abstract"])
        for number, patent in enumerate(patents):
            date = f"{2000 + number // 3}-01-02"
            writer.writerow((patent.id, date, patent.title, patent.abstract))
    with gzip.open(folder / "patents.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"id": p.id, "text": p.abstract}) + "\n" for p in patents)
    shutil.copy(folder / "patents.csv", folder / "new.csv")
    (folder / "FOLDER").mkdir()
    for split, some in (("train", patents[:40]), ("valid", patents[40:48]), ("test", patents[48:])):
        texts = (" ".join(tokenize(p.abstract)) + "\n" for p in some)
        (folder / "FOLDER" / f"{split}.txt").write_text("".join(texts), encoding="utf-8")


@pytest.fixture
def root(tmp_path, trained, monkeypatch) -> Path:
    """A repository's root; what one document has prepared, the others use."""
    monkeypatch.setenv("PATENTLM_CACHE", str(trained.parents[2] / "cache"))
    make_root(tmp_path)
    for run in ("outputs/DATE/TIME", "RUN", "RUN1", "RUN2"):
        shutil.copytree(trained, tmp_path / run)
    return tmp_path


@pytest.mark.documents
@pytest.mark.parametrize("path", documents(), ids=name)
def test_every_block_runs_or_says_why_not(path, root):
    program = ""
    for block in blocks(path):
        write_file(block, root)
        if block.language == "python":
            program += block.text  # goes on from the blocks before it
            run_python(program, root)
        elif block.language == "console" and block.reason is None:
            for command in block.commands:
                print(f"{name(path)}:{block.line}: {command}")
                if error := block.errors.get(command):
                    run_mistake(command, error, root)
                else:
                    run_command(command, root)


@pytest.mark.parametrize("path", documents(), ids=name)
def test_every_block_names_a_language(path):
    languages = {block.language for block in blocks(path)}
    assert {language for language in languages if not language.startswith("{")} <= LANGUAGES


def test_ci_runs_the_two_set_up_commands_of_the_readme():
    first, second = [block.commands for block in blocks(ROOT / "README.md")][:2]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"({first[0]})" in ci
    assert f"({second[0]})" in ci


def test_the_readme_fits_in_8_kilobytes():
    assert (ROOT / "README.md").stat().st_size <= 8192


def test_a_command_that_fails_fails_the_test(tmp_path):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        in_child(lambda: 1 / 0, tmp_path, "divide")
    with pytest.raises(AssertionError):
        run_command("ls no-such-file", tmp_path)
    with pytest.raises(AssertionError):
        run_command("pip install -e '.[no-such-extra]'", tmp_path)
