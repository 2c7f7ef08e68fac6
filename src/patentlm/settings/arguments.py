"""Prepares a script's arguments for Hydra: literal values are quoted, keys are kept out."""

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from patentlm.errors import ConfigError
from patentlm.settings.checking import hint
from patentlm.terminal import KEY

TEXTS = ("prompt", "data.query", "data.column")
"""Settings whose values are taken literally, with commas, brackets and `${…}`."""
PATHS = (
    "checkpoint", "ckpt_path", "init_from", "word_vectors", "distillation.teacher", "data.path",
    "path", "hydra.run.dir", "hydra.sweep.dir",
)  # fmt: skip
"""Settings taken literally, except that the resolvers `now`, `oc.env` and `hydra` are applied."""

SWEEP = {"-m", "--multirun", "hydra.mode=MULTIRUN"}
VALUED_FLAGS = {
    "-c", "--cfg", "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd",
    "--config-dir", "--experimental-rerun",
}  # fmt: skip
"""Arguments of Hydra that the next argument belongs to."""
FLAGS = VALUED_FLAGS | {
    "-h", "--help", "--hydra-help", "--version", "--resolve", "-r", "--run", "-m", "--multirun",
    "-i", "--info", "-sc", "--shell-completion",
}  # fmt: skip
"""Arguments of Hydra that are not settings."""

_KEY_NAME = "data.api_key"
_KEY_NAMES = ("api_key", "apikey", "uspto_api_key", "key", "token", "access_token")
_LIKE_A_KEY = re.compile(
    r"api.?key|api.?token|uspto.{0,5}key|secret|passw|[{,]\s*\W?(key|token)\W?\s*:|://[^/\s]*@",
    re.I,
)
_ESCAPED = re.compile(r"(\\*)('|$)")
_FOLDER = r"(?!(?:now:|hydra[:.]|oc\.))"


def prepare(arguments: Sequence[str], names: list[str]) -> list[str]:
    """Returns the arguments as Hydra should read them.

    Args:
        arguments: arguments of the command line.
        names: all settings of the script, for hints in errors.

    Raises:
        ConfigError: if one is not text, is not a setting, or looks like a key.
    """
    shown = hide_key(arguments)
    for argument in shown:
        _check_text(argument)
        _check_no_key(argument)
        _check_flag(argument, names)
    # Hydra takes no setting behind a flag if there are others before it.
    flags, settings = split_flags(shown)
    return name_jobs(quote_literals([*settings, *flags]))


def split_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns Hydra's flags with their values, and the settings.

    Example:
        >>> split_flags(["seed=1,2", "--cfg", "job", "-m", "model=lstm_large"])
        (['--cfg', 'job', '-m'], ['seed=1,2', 'model=lstm_large'])
    """
    flags: list[str] = []
    settings: list[str] = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        takes = before in VALUED_FLAGS or (before in ("-i", "--info") and "=" not in argument)
        (flags if takes or argument[:1] == "-" else settings).append(argument)
    return flags, settings


def hide_key(arguments: Sequence[str]) -> list[str]:
    """Removes `data.api_key=…` and puts its value into the environment variable `KEY`.

    So the key never becomes part of the config, and nothing stores or shows it.
    """
    shown = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name.lstrip("+") == _KEY_NAME:
            os.environ[KEY] = value
        else:
            shown.append(argument)
    return shown


def quote_literals(arguments: Sequence[str]) -> list[str]:
    """Quotes the values of `TEXTS` and `PATHS` for Hydra.

    Arguments of a sweep stay as they are, except for its folder.
    """
    sweeps = is_sweep(arguments)
    return [_quoted(argument, sweeps=sweeps) for argument in arguments]


def name_jobs(arguments: Sequence[str]) -> list[str]:
    """Puts an argument before those of a sweep that names each job after what varies."""
    if not is_sweep(arguments):
        return list(arguments)
    parser = OverridesParser.create()
    fixed = []
    for argument in arguments:
        if "=" in argument and argument[0] != "-":
            try:
                override = parser.parse_override(argument)
            except HydraException:
                continue  # Hydra reports it
            if not override.is_sweep_override():
                fixed.append(override.key_or_group)
    return [f"hydra.job.config.override_dirname.exclude_keys={fixed}", *arguments]


def is_sweep(arguments: Sequence[str]) -> bool:
    """True if the arguments ask for several jobs."""
    return bool(SWEEP & set(arguments))


def _check_text(argument: str) -> None:
    try:
        argument.encode()
    except UnicodeEncodeError:
        name = argument.partition("=")[0].encode(errors="replace").decode()
        raise ConfigError(f"{name}: holds bytes that are not UTF-8 text") from None


def _check_flag(argument: str, names: list[str]) -> None:
    flag = argument.partition("=")[0]
    short = flag[:2] in {"-p", "-i"} or flag in {"-cjob", "-chydra", "-call"}
    if flag.startswith("-") and flag not in FLAGS and not short:
        near = hint(flag.strip("-").replace("-", "_"), names)
        raise ConfigError(f"{flag}: no such flag; settings are written name=value, {near}")


def _check_no_key(argument: str) -> None:
    """Rejects what looks like a key before anything can show or store it."""
    name = argument.partition("=")[0].lstrip("+~-")
    if name in TEXTS or name in PATHS:
        return
    # `data.key`, `key` and the like stand for nothing else; a preset or path may hold the word.
    last = re.split(r"[./@:]", name.lower())[-1].replace("-", "_")
    if get_close_matches(last, _KEY_NAMES, cutoff=0.8) or _LIKE_A_KEY.search(argument):
        raise ConfigError(
            f"{_safe_name(name)}: a key is not a setting, and was not used; set the environment "
            f"variable {KEY}"
        )


def _safe_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_.\-/]{1,40}", name) else "an argument"


def _quoted(argument: str, *, sweeps: bool) -> str:
    name, equals, value = argument.partition("=")
    folder = name.startswith("hydra.")
    if not equals or name not in (*TEXTS, *PATHS) or (sweeps and not folder) or not value:
        return argument
    if (value == "null" and name not in ("prompt", "checkpoint")) or _is_quoted(value):
        return argument
    if name == "data.query" and value.startswith("{"):  # {all: […], any: […]}
        return argument
    # OmegaConf reads ${…} in quotes, too; a backslash in front makes it plain text.
    start = r"\$\{" if name in TEXTS else r"\$\{" + _FOLDER
    value = re.sub(rf"(\\*)({start})", r"\1\1\\\2", value)
    # In quotes Hydra reads a backslash as itself, but for those in front of a quote.
    escaped = _ESCAPED.sub(lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value)
    return f"{name}='{escaped}'"


def _is_quoted(value: str) -> bool:
    """True if the quotes around a value are Hydra's, rather than part of the text."""
    quote = value[0]
    return quote in "'\"" and len(value) > 1 and value[-1] == quote and quote not in value[1:-1]
