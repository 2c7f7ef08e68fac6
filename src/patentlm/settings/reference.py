"""The reference of a script's settings, for `--help` and the documents.

It is read from the YAML files in `conf/`, whose comments describe the settings, and from the
schema, which tells what is allowed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from patentlm.settings.kinds import Kind, Named, Part, Schema
from patentlm.settings.schema import HYDRA, SCRIPTS

_LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w.-]+): ?(?P<value>.*)$")
_COMMENT = re.compile(r"(?:^|\s)# ?(.*)$")
_HIDDEN = {"defaults", "hydra", "_partial_", "_convert_", "_recursive_"}
_OF_HYDRA = {
    "hydra/launcher": {
        "basic": "Jobs of a sweep one after the other.",
        "joblib": "Jobs side by side on this machine; needs pip install -e '.[sweeps]'.",
    },
    "hydra/sweeper": {"basic": "Every combination of the values given."},
}
"""Options that are not in `conf/`."""


@dataclass(frozen=True)
class Setting:
    """A setting as the reference shows it.

    Args:
        name: dotted name.
        default: default as written in the YAML file.
        comment: description.
        allowed: allowed values; "" if the schema does not tell.
    """

    name: str
    default: str
    comment: str
    allowed: str = ""


@dataclass(frozen=True)
class Option:
    """A YAML file of a group, together with the files in its defaults list."""

    about: str
    settings: tuple[Setting, ...]
    groups: tuple[tuple[str, str | None], ...]


def read_option(conf: Path, file: str, prefix: str) -> Option:
    """Reads an option's settings, those of the files it starts from included.

    Args:
        conf: folder of all configs.
        file: file within it without suffix, such as "model/lstm_small".
        prefix: prefix of the settings, such as "model", or "" for a script.

    Returns:
        The option.
    """
    text = (conf / f"{file}.yaml").read_text("utf-8")
    found: dict[str, Setting] = {}
    groups: list[tuple[str, str | None]] = []
    for entry in (yaml.safe_load(text) or {}).get("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            parent = read_option(conf, _file(entry.partition("@")[0], file), prefix)
            found |= {setting.name: setting for setting in parent.settings}
            groups += parent.groups
        elif isinstance(entry, dict):
            groups += [
                (name if file.count("/") == 0 else f"{file.rpartition('/')[0]}/{name}", option)
                for name, option in entry.items()
                if not name.startswith(("override ", "/")) and "@" not in name
            ]
    for setting in settings_in(text, prefix):
        earlier = found.get(setting.name)
        kept = setting.comment or (earlier.comment if earlier else "")
        found[setting.name] = replace(setting, comment=kept)
    return Option(about_in(text), tuple(found.values()), tuple(groups))


def _file(entry: str, beside: str) -> str:
    return (
        entry[1:] if entry.startswith("/") else f"{beside.rpartition('/')[0]}/{entry}".lstrip("/")
    )


def about_in(text: str) -> str:
    r"""Returns the first sentence of the comment at the top of a file.

    >>> about_in("# @package _global_\n# Two layers,\n# tied. More.\na: 1")
    'Two layers, tied.'
    """
    lines = takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = [line.removeprefix("#").strip() for line in lines]
    about = " ".join(some for some in words if not some.startswith(("@package", "python ")))
    return re.split(r"(?<=\w\w[.)])\s+(?=[A-Z])", about)[0]


def settings_in(text: str, prefix: str = "") -> Iterator[Setting]:
    r"""Yields every setting of a file with its default and its comment, in order.

    >>> [s.name for s in settings_in("a: 1 # one\nb:\n  c: x # of b\n", "g")]
    ['g.a', 'g.b.c']
    """
    above: list[tuple[int, str]] = [(-1, prefix)] if prefix else []
    skipped: int | None = None
    for line in text.splitlines():
        found = _LINE.match(line)
        indent = len(line) - len(line.lstrip())
        if not found or (skipped is not None and indent > skipped):
            continue
        skipped = None
        above = [(depth, name) for depth, name in above if depth < indent]
        if found["name"] in _HIDDEN:
            skipped = indent
            continue
        comment = _COMMENT.search(found["value"])
        value = _COMMENT.sub("", found["value"]).strip()
        if value:
            name = ".".join([*(name for _, name in above), found["name"]])
            yield Setting(name, value, comment[1] if comment else "")
        else:
            above.append((indent, found["name"]))


def allowed(settings: Sequence[Setting], schema: Schema) -> list[Setting]:
    """Adds what is allowed to settings, and leaves out those that name a class."""
    classes = {
        s.name.removesuffix("._target_"): s.default for s in settings if "_target_" in s.name
    }
    return [
        replace(setting, allowed=_allowed(schema, setting.name, classes))
        for setting in settings
        if not setting.name.endswith("_target_")
    ]


def _allowed(schema: Any, name: str, classes: dict[str, str]) -> str:
    done: list[str] = []
    for part in name.split("."):
        if isinstance(schema, Part):
            schema = _arguments(schema, part, classes.get(".".join(done)))
        if isinstance(schema, Named):
            schema = schema.part
        else:
            schema = schema.get(part) if isinstance(schema, dict) else None
        done.append(part)
    return schema.allowed if isinstance(schema, Kind) else ""


def _arguments(part: Part, name: str, chosen: str | None) -> Any:
    having = [arguments for arguments in part.targets.values() if name in arguments]
    return part.targets.get(chosen or "", having[0] if having else {})


def help_text(script: str, conf: Path, arguments: Sequence[str]) -> str:
    """Returns what `--help` prints: groups with their options, then all settings chosen.

    Args:
        script: name of the script, such as "train".
        conf: folder of all configs.
        arguments: arguments of the command line, which may choose options of groups.
    """
    about = yaml.safe_load((conf / f"hydra/help/{script}.yaml").read_text("utf-8"))
    chosen = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    root = read_option(conf, script, "")
    groups, settings = _chosen(conf, root, chosen)
    lines = [f"{about['header']}", "", f"python {script}.py [group=option …] [setting=value …]"]
    lines += ["", "Groups, chosen as group=option"]
    for group, option in {**groups, "hydra/launcher": "basic", "hydra/sweeper": "basic"}.items():
        lines += _group_lines(conf, group, option)
    lines += ["", "Settings of the options chosen, set as name=value"]
    schema = {**SCRIPTS[script], "hydra": HYDRA}
    lines += [_setting_line(setting) for setting in allowed(settings, schema)]
    return "\n".join([*lines, "", about["footer"]])


def _chosen(
    conf: Path, root: Option, chosen: dict[str, str]
) -> tuple[dict[str, str | None], list[Setting]]:
    """Returns each group with the option chosen, and the settings of these options."""
    groups: dict[str, str | None] = {}
    settings = list(root.settings)
    waiting = list(root.groups)
    waiting += [(name, None) for name in ("hydra/launcher", "hydra/sweeper") if name in chosen]
    while waiting:
        group, default = waiting.pop(0)
        option = groups[group] = chosen.get(group, default)
        if option and option != "null" and (conf / group / f"{option}.yaml").is_file():
            preset = "_global_" in (conf / group / f"{option}.yaml").read_text("utf-8")
            found = read_option(conf, f"{group}/{option}", group.replace("/", "."))
            settings += [] if preset else found.settings
            waiting[:0] = [] if preset else found.groups
    return groups, settings


def _group_lines(conf: Path, group: str, chosen: str | None) -> list[str]:
    files = sorted((conf / group).glob("*.yaml"))
    options = {path.stem: about_in(path.read_text("utf-8")) for path in files}
    default = f"{group} ({chosen} unless given)" if chosen else f"{group} (none unless given)"
    options = {**_OF_HYDRA.get(group, {}), **options}
    return [
        f"  {default}",
        *(f"    {name:<22} {about}".rstrip() for name, about in options.items()),
    ]


def _setting_line(setting: Setting) -> str:
    notes = "; ".join(filter(None, (setting.comment, setting.allowed)))
    return f"  {setting.name}={setting.default}".ljust(44) + (f" {notes}" if notes else "")
