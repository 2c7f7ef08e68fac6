"""One reference page for each room: what its modules' docstrings say."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent.parent / "src" / "patentlm"
ROOMS = {
    "errors": "Errors and the batch",
    "data": "Data: records in, ids out",
    "model": "Model: networks",
    "training": "Training",
    "trained_model": "Checkpoints and trained models",
    "evaluation": "Evaluation",
    "generation": "Generation",
    "reports": "Reports",
    "export": "Export",
    "sweeps": "Sweeps",
    "settings": "Settings: types and ranges",
    "command": "Commands and processes",
}
"""A page's room and its title."""

BESIDE = {
    "errors": ("batch",),
    "trained_model": ("checkpoint",),
    "command": ("runtime",),
}
"""Further modules at the top level that a page describes; the rest stand on the last one."""


def write(folder: Path) -> None:
    """Writes a page for each room, and a list of the pages."""
    pages = folder / "api"
    pages.mkdir(parents=True, exist_ok=True)
    for room, title in ROOMS.items():
        if found := modules(room):
            sections = [_section(name) for name in found]
            text = "\n\n".join([f"# {title}", *sections]) + "\n"
            _replace(pages / f"{room}.md", text)


def modules(room: str) -> list[str]:
    """The dotted names of the modules that a room's page describes."""
    named = {module for some in BESIDE.values() for module in some} | set(ROOMS)
    wanted = [room, *BESIDE.get(room, ())]
    if room == list(ROOMS)[-1]:
        loose = {path.stem for path in PACKAGE.iterdir() if not path.stem.startswith("_")}
        wanted += sorted(loose - named)
    return [name for each in wanted for name in _modules_of(each)]


def _modules_of(room: str) -> list[str]:
    folder = PACKAGE / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    return [
        ".".join(("patentlm", *file.relative_to(PACKAGE).with_suffix("").parts))
        for file in files
        if file.exists() and not file.stem.startswith("_") and _describes_itself(file)
    ]


def _describes_itself(file: Path) -> bool:
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) is not None


def _section(name: str) -> str:
    return (
        f"## {name.removeprefix('patentlm.')}\n\n"
        f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n   :show-inheritance:\n```"
    )


def _replace(path: Path, text: str) -> None:
    """Writes a page only where it changes, so that Sphinx reads no page twice."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
