"""The reference of settings: every option of every group, from the YAML files in `conf/`.

    python -m docs.generators.settings

prints the page. A comment above a file's first setting describes the file, a comment behind a
setting describes the setting.
"""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import yaml

CONF = Path(__file__).parent.parent.parent / "conf"
SCRIPTS = ("train", "evaluate", "generate", "export", "prepare")
LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w.-]+): ?(?P<value>.*)$")
COMMENT = re.compile(r"(?:^|\s)# ?(.*)$")
COMMAND = re.compile(r"python [\w./-]+(?!\S*:)")
UNSEEN = ("hydra/help", "hydra/job_logging")
HIDDEN = {"defaults", "hydra", "_target_", "_partial_", "_convert_", "_recursive_"}


class Setting(NamedTuple):
    """One line of a YAML file: its dotted name, its default and its comment."""

    name: str
    value: str
    comment: str


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
    shown = [
        path for path in groups if "help" not in path.parts and "job_logging" not in path.parts
    ]
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
    if rows := list(settings(text)):
        parts.append(
            "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *map(_row, rows)])
        )
    return "\n\n".join(parts)


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
    for entry in (yaml.safe_load(text) or {}).get("defaults", []):
        if isinstance(entry, dict):
            (group, option), *_ = entry.items()
            shown = group.removeprefix("override ").removeprefix("/")
            if option is not None and shown not in UNSEEN:
                names.append(f"`{shown}={option}`")
        elif entry != "_self_":
            names.append(f"`{entry}`")
    return f"Starts from {', '.join(names)}." if names else ""


def settings(text: str) -> Iterator[Setting]:
    """Every setting of a file with its default and its comment, in the file's order.

    >>> list(settings("a: 1 # one\\nb:\\n  c: x # of b\\n"))
    [Setting(name='a', value='1', comment='one'), Setting(name='b.c', value='x', comment='of b')]
    """
    above: list[tuple[int, str]] = []
    skipped: int | None = None
    for line in text.splitlines():
        found = LINE.match(line)
        indent = len(line) - len(line.lstrip())
        if not found or (skipped is not None and indent > skipped):
            continue
        skipped = None
        above = [(depth, name) for depth, name in above if depth < indent]
        name = ".".join([*(name for _, name in above), found["name"]])
        if found["name"] in HIDDEN or found["name"].startswith("override "):
            skipped = indent if not COMMENT.sub("", found["value"]).strip() else None
            continue
        comment = COMMENT.search(found["value"])
        value = COMMENT.sub("", found["value"]).strip()
        if value:
            yield Setting(name, value, comment[1] if comment else "")
        else:
            above.append((indent, found["name"]))


def _row(setting: Setting) -> str:
    value, comment = (text.replace("|", "\\|") for text in setting[1:])
    default = "must be set" if value == "???" else f"`{value}`"
    return f"| `{setting.name}` | {default} | {comment} |"


if __name__ == "__main__":
    print(page(), end="")
