"""Explains in one line why Hydra could not compose a config."""

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from patentlm.errors import ConfigError
from patentlm.settings.arguments import is_sweep, split_flags
from patentlm.settings.checking import is_setting, names_of, nearest, no_such, shown

LONGEST_NAME = 20
"""Maximum characters of a single word that is shown: a longer one may be a key."""


def is_of_arguments(error: Exception) -> bool:
    """True for an error that Hydra raises while it composes a config."""
    kinds = (HydraException, OmegaConfBaseException)
    return isinstance(error, kinds) or str(error).startswith("Config group override")


def explain(script: str, conf: Path, arguments: Sequence[str], error: Exception) -> ConfigError:
    """Returns the user's mistake that caused an error of Hydra's.

    Args:
        script: name of the script, such as "train".
        conf: folder of its configs.
        arguments: arguments as Hydra read them.
        error: error of Hydra's.
    """
    _, settings = split_flags(arguments)
    for argument in settings:
        if mistake := _mistake_in(argument, script, conf, sweeps=is_sweep(arguments)):
            return ConfigError(mistake)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return ConfigError(_missing(str(error.missing_cfg_file), error.options))
    if absent := re.match(r"Could not override '([^']+)'", str(error)):
        return ConfigError(_not_chosen(absent[1], conf))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ConfigError("; ".join(lines[:2]) or type(error).__name__)


def _mistake_in(argument: str, script: str, conf: Path, *, sweeps: bool) -> str | None:
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException as error:
        if "=" not in argument:
            near = nearest((argument.split() or [""])[0], names_of(script))
            name = shown(argument) if near or len(argument) <= LONGEST_NAME else "an argument"
            return f"{name}: settings are written name=value, such as {near or 'seed'}=…"
        return f"{argument}: can't be read ({str(error).splitlines()[0]}); quote its value"
    if override.is_sweep_override() and not sweeps:
        return f"{argument}: several values need -m; a comma inside a value needs quotes"
    group = conf / override.key_or_group
    if group.is_dir() and not override.key_or_group.startswith("hydra"):
        return _wrong_option(override, sorted(path.stem for path in group.glob("*.yaml")))
    return None if override.is_add() else _unknown(override, script, conf)


def _wrong_option(override: Override, options: list[str]) -> str | None:
    if override.is_delete() or override.is_sweep_override():
        return None
    value = override.value()
    chosen = value if isinstance(value, list) else [value]
    if len(chosen) == 1 and chosen[0] in options:
        return None
    name, near = override.key_or_group, nearest(str(value), options)
    hint = f"did you mean {name}={near}? " if near else ""
    asked = value if isinstance(value, str) else shown(value)
    return f"{name}={asked}: no such option; {hint}there are {', '.join(options)}"


def _unknown(override: Override, script: str, conf: Path) -> str | None:
    """Explains what is wrong with the name of a setting, if anything is."""
    name = override.key_or_group
    if name.startswith("hydra"):
        return None
    if is_setting(script, name):
        return None
    known = names_of(script)
    groups = [path.name for path in conf.iterdir() if path.is_dir() and path.name != "hydra"]
    return f"{name}: {no_such(name, dict.fromkeys([*known, *groups]), '')}"


def _not_chosen(name: str, conf: Path) -> str:
    """Explains that only options which are not chosen have a setting."""
    group, _, last = name.rpartition(".")
    folder = conf / group.replace(".", "/")
    having = [p.stem for p in sorted(folder.glob("*.yaml")) if group and _sets(p, last)]
    where = ", ".join(f"{group.replace('.', '/')}={option}" for option in having)
    return f"{name}: not a setting of the options chosen" + (f"; {where} has it" if where else "")


def _sets(option: Path, key: str) -> bool:
    return re.search(rf"^{re.escape(key)}:", option.read_text("utf-8"), re.MULTILINE) is not None


def _missing(file: str, options: Sequence[str] | None) -> str:
    group, _, option = file.rpartition("/")
    if not group:
        return f"{file}: no such config in conf/"
    near = nearest(option, list(options or ()))
    hint = f"did you mean {group}={near}? " if near else ""
    listed = f"there are {', '.join(options)}" if options else "--help lists what there is"
    return f"{group}={option}: no such option; {hint}{listed}"
