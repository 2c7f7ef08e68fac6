"""Commands and code of Markdown documents, and how tests run them as a reader would.

A fenced block of commands is marked `console`. Lines that begin with `$` are typed, the others are
output; a block without any `$` holds commands alone. A command whose first line of output begins
with `error:` must end with that line. A block whose first line is a comment such as
`# needs a GPU` or `# takes hours` is not run, and says so to its reader, too.
"""

import os
import re
import runpy
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import patentlm.training.run  # noqa: F401  forks have torch and Lightning, which take seconds

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S)
REASON = re.compile(r"# (needs|takes) \w")
CAPTION = re.compile(r":caption: (\S+)\n+")
SCRIPT = re.compile(r"python (?P<script>\w+\.py|-m [\w.]+)(?P<arguments>.*)", re.S)

LOG = "output.log"
"""What the last script printed."""

BY_CI = ("pytest", "pre-commit install", ".ci/run", "python -m sphinx")
"""Commands that .ci/run runs, or that run it."""


class Block(NamedTuple):
    """A fenced block: its language, its text and the line that it begins on."""

    language: str
    text: str
    line: int

    @property
    def reason(self) -> str | None:
        """Why the block is not run."""
        return self.text.splitlines()[0][2:] if REASON.match(self.text) else None

    @property
    def commands(self) -> list[str]:
        """What a reader types, one command after the other."""
        lines = self._lines
        typed = [line[2:] for line in lines if line.startswith("$ ")]
        typed = typed or [line for line in lines if line.strip() and not line.startswith("#")]
        return ["\n".join(typed)] if _compound(typed) else typed

    @property
    def errors(self) -> dict[str, str]:
        """The line that a command ends with, for the commands that are mistakes."""
        pairs = pairwise(self._lines)
        return {a[2:]: b for a, b in pairs if a.startswith("$ ") and b.startswith("error:")}

    @property
    def _lines(self) -> list[str]:
        return self.text.replace("\\\n", " ").splitlines()


def _compound(typed: list[str]) -> bool:
    return any(line.startswith(("for ", "while ", "if ", "cat <<")) for line in typed)


def documents() -> list[Path]:
    """Every document whose commands are tested; notebooks run when the documentation is built."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")]
    left_out = ("docs/_build", "docs/_generated", "docs/learn")
    return sorted(p for p in found if not p.relative_to(ROOT).as_posix().startswith(left_out))


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found["language"].strip(), found["text"], line)


def write_file(block: Block, folder: Path) -> None:
    """Writes a block with a caption to the file that the caption names."""
    if caption := CAPTION.search(block.text):
        path = folder / caption[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text[caption.end() :], encoding="utf-8")


def run_mistake(command: str, error: str, folder: Path) -> None:
    """Runs a command that must fail with one line.

    Raises:
        AssertionError: if it does not.
    """
    with suppress(AssertionError):
        run_command(command, folder)
        raise RuntimeError(f"{command} does not fail")
    assert error in (folder / LOG).read_text(encoding="utf-8")


def run_command(command: str, folder: Path) -> None:
    """Runs what a reader types in a folder that looks like the repository's root.

    Trainings are cut short (`debug=fast`). Installations are not repeated: their extras must exist.

    Raises:
        AssertionError: if the command fails.
    """
    for part in command.split(" && "):
        if part.startswith(BY_CI):
            continue
        words = shlex.split(part, comments=True)
        found = SCRIPT.fullmatch(part.strip())
        if part.startswith("pip install"):
            check_extras(part)
        elif words[0] == "tensorboard":
            check_tensorboard(part, folder)
        elif found and "ddp" not in part and ">" not in words:
            part = shlex.join(words)
            arguments = [*words[3 if found["script"].startswith("-m") else 2 :]]
            script = found["script"]
            in_child(lambda s=script, a=arguments: _run_script(s, shortened(s, a)), folder, part)
        else:
            fast = found is not None and found["script"] == "train.py"
            _run_shell(f"{part} debug=fast" if fast else part, folder)


def shortened(script: str, arguments: list[str]) -> list[str]:
    """Arguments that train for a few steps only."""
    whole = {"--help", "--cfg"} & set(arguments) or any(a.startswith("debug=") for a in arguments)
    return [*arguments, "debug=fast"] if script == "train.py" and not whole else arguments


def run_python(code: str, folder: Path) -> None:
    """Runs a block of Python."""
    in_child(
        lambda: exec(compile(code, "document", "exec"), {"__name__": "__main__"}), folder, code
    )


def in_child(work: Callable[[], object], folder: Path, what: str) -> None:
    """Does some work in a fork of this process, which has imported Lightning already.

    Raises:
        AssertionError: if it fails.
    """
    log = folder / LOG
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = _as_a_process(work, folder, log)
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"{what}\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}"


def _as_a_process(work: Callable[[], object], folder: Path, log: Path) -> int:
    import traceback

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    warnings.simplefilter("default")
    try:
        work()
    except SystemExit as end:
        return 0 if end.code in (None, 0) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _run_script(script: str, arguments: list[str]) -> None:
    if script.startswith("-m "):
        sys.argv = [script[3:], *arguments]
        runpy.run_module(script[3:], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")


def _run_shell(command: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"


def check_extras(command: str) -> None:
    """Checks that the extras of an installation exist."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"\.\[([\w,-]+)\]", command):
        assert set(extras.split(",")) <= set(project["optional-dependencies"]), command


def check_tensorboard(command: str, folder: Path) -> None:
    """Starts TensorBoard and waits until it serves."""
    with subprocess.Popen(
        [*shlex.split(command), "--port", "0", "--host", "127.0.0.1"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            assert any("http://127.0.0.1" in line for line in process.stderr), command
        finally:
            process.terminate()
            process.stderr.close()
