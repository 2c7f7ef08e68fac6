"""The reference of settings: every option of every group, from the YAML files in `conf/`.

    python -m docs.generators.settings

prints the page. A comment above a file's first setting describes the file, a comment behind a
setting describes the setting. What several files share stands in folders named `base`, and is
shown with each of them.
"""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import yaml

from patentlm.settings.reference import Setting, settings_in

CONF = Path(__file__).parent.parent.parent / "conf"
SCRIPTS = ("train", "evaluate", "generate", "export", "prepare")
COMMAND = re.compile(r"python [\w./-]+(?!\S*:)")
UNSEEN = ("hydra/help", "hydra/job_logging")
NO_SECTION = {"help", "job_logging", "base"}


def write(folder: Path) -> None:
    """Writes `settings.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = page()
    path = folder / "settings.md"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def page() -> str:
    """The whole page, in Markdown."""
    scripts = [CONF / f"{name}.yaml" for name in SCRIPTS]
    groups = sorted(path for path in CONF.rglob("*.yaml") if path.parent != CONF)
    shown = [path for path in groups if not NO_SECTION & set(path.parts)]
    parts = ["## Scripts", *(_section(path) for path in scripts if path.exists())]
    group = None
    for path in shown:
        if path.parent != group:
            group = path.parent
            parts.append(f"## `{group.relative_to(CONF)}`")
        parts.append(_section(path))
    return "\n\n".join(parts) + "\n"


def _section(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    group = path.parent.relative_to(CONF)
    option = f"{group}={path.stem}" if path.parent != CONF else f"{path.stem}.py"
    parts = [f"### `{option}`"]
    if about := description(text):
        parts.append(about)
    if starts_from := chosen(text):
        parts.append(starts_from)
    if target := re.search(r"^_target_: (\S+)", text, re.MULTILINE):
        parts.append(f"Makes: `{target[1]}`")
    if shown := [found for found in _settings(path) if not found.name.endswith("_target_")]:
        heading = ["| setting | default | meaning |", "| --- | --- | --- |"]
        parts.append("\n".join([*heading, *map(_row, shown)]))
    return "\n\n".join(parts)


def _settings(path: Path) -> Iterator[Setting]:
    """The settings of a file, those it shares with others first."""
    text = path.read_text(encoding="utf-8")
    for entry in _defaults(text):
        if isinstance(entry, str) and entry.startswith("base/"):
            yield from _settings(path.parent / f"{entry.partition('@')[0]}.yaml")
    yield from settings_in(text)


def _defaults(text: str) -> list[str | dict[str, str | None]]:
    return (yaml.safe_load(text) or {}).get("defaults", [])


def description(text: str) -> str:
    """The comment that a file begins with; its commands stand in lines of their own.

    >>> description("# @package _global_\\n# Two layers,\\n# tied.\\n# python train.py\\na: 1")
    'Two layers, tied.\\n\\n`python train.py`'
    """
    paragraphs = [""]
    for line in takewhile(lambda line: line.startswith("#"), text.splitlines()):
        words = line.removeprefix("#").strip()
        if COMMAND.match(words):
            paragraphs += [f"`{words}`", ""]
        elif not words.startswith("@package"):
            paragraphs[-1] = f"{paragraphs[-1]} {words}".strip()
    return "\n\n".join(filter(None, paragraphs))


def chosen(text: str) -> str:
    """What a file's list of defaults chooses, as one sentence."""
    names = []
    for entry in _defaults(text):
        if isinstance(entry, dict):
            (group, option), *_ = entry.items()
            shown = group.removeprefix("override ").removeprefix("/")
            if option is not None and shown not in UNSEEN:
                names.append(f"`{shown}={option}`")
        elif entry != "_self_" and not entry.startswith("base/"):
            names.append(f"`{entry}`")
    return f"Starts from {', '.join(names)}." if names else ""


def _row(setting: Setting) -> str:
    value, comment = (text.replace("|", "\\|") for text in (setting.default, setting.comment))
    default = "must be set" if value == "???" else f"`{value}`"
    return f"| `{setting.name}` | {default} | {comment} |"


if __name__ == "__main__":
    print(page(), end="")
