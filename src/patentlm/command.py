"""What the scripts share: Hydra around a function, and one clear line for a mistake."""

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from patentlm.errors import ConfigError, mistake_in

# Threads of libgomp spin while they wait for each other, 20 times longer than this by default; with
# another process on the same cores that makes two runs 20 times slower, not 2. Read by libgomp when
# torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Hydra copies all that its store holds for each group that --help lists, twice: most of its time.
# There is one store for a process, and no copy is ever changed.
ConfigStore.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]

LITERAL = (
    "prompt", "checkpoint", "ckpt_path", "init_from", "word_vectors", "data.path", "data.query",
    "path",
)  # fmt: skip
"""Settings whose values are taken as typed: commas, brackets and all."""

SWEEP = {"-m", "--multirun"}
INTERRUPTED = 130
"""The exit code that shells know of Ctrl-C."""
KEY = "USPTO_API_KEY"
"""Where the key of the USPTO Open Data Portal is looked for."""


def command(config_name: str) -> Callable[[Callable[[DictConfig], object]], Callable[[], None]]:
    """Makes a script's main function of one that takes the composed config.

    A `PatentLMError` ends it with one line on stderr and exit code 1, but for jobs of a sweep that
    goes on without them.

    Args:
        config_name: the file in the folder `conf` beside the script.
    """

    def decorate(task: Callable[[DictConfig], object]) -> Callable[[], None]:
        @functools.wraps(task)
        def guarded(config: DictConfig) -> object:
            try:
                _check_complete(config)
                return task(config)
            except Exception as error:
                if not _sweeping():
                    exit_if_mistake(error)
                raise
            except SystemExit:
                if _sweeping():  # Lightning makes one of an interruption
                    raise KeyboardInterrupt from None
                raise

        folder = Path(inspect.getfile(task)).resolve().parent / "conf"
        main = hydra.main(version_base="1.3", config_path=str(folder), config_name=config_name)

        def run() -> None:
            sys.argv[1:] = name_jobs(quote_literals(hide_key(sys.argv[1:])))
            try:
                main(guarded)()
            except KeyboardInterrupt:
                _say_how_to_go_on()
                raise SystemExit(INTERRUPTED) from None

        return run

    return decorate


def hide_key(arguments: Sequence[str]) -> list[str]:
    """Arguments without `data.api_key=…`, whose value goes to the environment variable `KEY`: so
    it is no part of the config, and nothing that stores or shows settings ever sees it."""
    shown = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name.lstrip("+") == "data.api_key":
            os.environ[KEY] = value
        else:
            shown.append(argument)
    return shown


def quote_literals(arguments: Sequence[str]) -> list[str]:
    """Arguments with the values of `LITERAL` settings quoted as Hydra wants it; those of a sweep
    stay as they are."""
    if SWEEP & set(arguments):
        return list(arguments)
    return [_quoted(argument) for argument in arguments]


def name_jobs(arguments: Sequence[str]) -> list[str]:
    """Arguments of a sweep with one more, by which a job is named after the settings that the
    sweep varies; those of a single run as they are."""
    if not SWEEP & set(arguments):
        return list(arguments)
    parser = OverridesParser.create()
    overrides = [parser.parse_override(a) for a in arguments if "=" in a and a[0] != "-"]
    fixed = [o.key_or_group for o in overrides if not o.is_sweep_override()]
    return [*arguments, f"hydra.job.config.override_dirname.exclude_keys={fixed}"]


def _quoted(argument: str) -> str:
    name, equals, value = argument.partition("=")
    if not equals or name not in LITERAL or value == "null" or value[:1] in ("'", '"'):
        return argument
    if name == "data.query" and value.startswith("{"):  # {all: […], any: […]}
        return argument
    # In quotes Hydra reads a backslash as itself, but for those in front of a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value)
    return f"{name}='{escaped}'"


def _check_complete(config: DictConfig) -> None:
    for name in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{name} is not set; give {name}=…")


def _say_how_to_go_on() -> None:
    goes_on = ""
    if HydraConfig.initialized() and _sweeping():
        folder = os.path.relpath(HydraConfig.get().sweep.dir)
        goes_on = f" The same command with hydra.sweep.dir={folder} goes on."
    print(f"Interrupted.{goes_on}", file=sys.stderr)


def _sweeping() -> bool:
    """Whether this is a sweep that `patentlm.sweeps.jobs` watches, errors included."""
    settings = HydraConfig.get()
    return settings.mode == RunMode.MULTIRUN and "sweep" in settings.callbacks


def exit_if_mistake(error: BaseException) -> None:
    """Ends the script with one line if the error comes from a mistake of its user."""
    mistake = mistake_in(error)
    if mistake is not None:
        print(f"error: {mistake}", file=sys.stderr)
        raise SystemExit(1) from None
