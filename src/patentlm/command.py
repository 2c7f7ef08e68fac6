"""What all scripts share: Hydra around a function, and one line of text for a user's mistake."""

import functools
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from patentlm import signals
from patentlm.errors import ConfigError, PatentLMError, mistake_in
from patentlm.settings.arguments import prepare
from patentlm.settings.checking import names_of
from patentlm.settings.explaining import explain, is_of_arguments
from patentlm.settings.hooks import check_config, keep_paths
from patentlm.settings.reference import help_text
from patentlm.terminal import one_line, say

# libgomp's threads spin while they wait for each other, by default 20 times longer than this; then
# two processes on the same cores are 20 times slower, rather than 2. libgomp reads it when torch is
# imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

FULL_ERROR = "HYDRA_FULL_ERROR"
"""Environment variable that makes Hydra raise errors instead of printing them."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect."""


def command(config_name: str) -> Callable[[Callable[[DictConfig], object]], Callable[[], None]]:
    """Decorates a function of the composed config into a script's main function.

    All settings are checked first. A `PatentLMError` ends the script with one line on stderr and
    exit code 1; a job of a sweep lets the sweep continue instead. With HYDRA_FULL_ERROR=1 in the
    environment, errors keep their tracebacks.

    Args:
        config_name: name of the script's file in `conf`.

    Returns:
        The decorator.
    """

    def decorate(task: Callable[[DictConfig], object]) -> Callable[[], None]:
        @functools.wraps(task)
        def guarded(config: DictConfig) -> object:
            try:
                check_config(config_name, config)
                keep_paths(config)
                return task(config)
            except Exception as error:
                if not _sweeping():
                    exit_if_mistake(error)
                raise
            except signals.Interrupted as stopped:
                stopped.goes_on_with = _how_to_go_on()  # Hydra drops the folder after the job
                raise
            except SystemExit:
                if _sweeping():  # Lightning raises it when interrupted
                    raise KeyboardInterrupt from None
                raise

        conf = Path(inspect.getfile(task)).resolve().parent / "conf"
        main = hydra.main(version_base="1.3", config_path=str(conf), config_name=config_name)
        return lambda: _run(main(guarded), config_name, conf)

    return decorate


def _run(main: Callable[[], object], script: str, conf: Path) -> None:
    """Runs a script, from its arguments to its exit code."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(help_text(script, conf, sys.argv[1:]))
        return
    try:
        sys.argv[1:] = prepare(sys.argv[1:], names_of(script))
    except ConfigError as error:
        exit_if_mistake(error)
    with _ending_well(), _raising() as one_liners:
        try:
            main()
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            if one_liners and is_of_arguments(error):
                exit_if_mistake(explain(script, conf, sys.argv[1:], error))
            raise


@contextmanager
def _ending_well() -> Iterator[None]:
    """Ends the script with one line if a signal or a file system error stops it."""
    logging.raiseExceptions = False  # an unwritable log file is not a further error
    try:
        with signals.listening():
            yield
    except signals.Interrupted as stopped:
        how = stopped.goes_on_with or _how_to_go_on()
        print(file=sys.stderr)  # below the progress bar
        say(f"Interrupted by {stopped.name}.{how}")
        raise
    except KeyboardInterrupt:
        say(f"Interrupted.{_how_to_go_on()}")
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        exit_if_mistake(error)
        raise


@contextmanager
def _raising() -> Iterator[bool]:
    """Makes Hydra raise its errors; yields True if they are to be reported in one line."""
    wanted = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield wanted is None
    finally:
        if wanted is None:
            os.environ.pop(FULL_ERROR)


def _how_to_go_on() -> str:
    """Returns the hint at the end of the line about an interruption; empty without a folder."""
    if not HydraConfig.initialized() or HydraConfig.get().output_subdir is None:
        return ""
    kind = "sweep" if _sweeping() else "run"
    settings = HydraConfig.get()
    folder = settings.sweep.dir if kind == "sweep" else settings.run.dir
    return f" The same command with hydra.{kind}.dir={os.path.relpath(folder)} goes on."


def _folder() -> str | None:
    """Where the script writes; None for one without a folder."""
    if not HydraConfig.initialized() or HydraConfig.get().output_subdir is None:
        return None
    return os.path.relpath(HydraConfig.get().runtime.output_dir)


def _sweeping() -> bool:
    """True inside a sweep that `patentlm.sweeps.jobs` watches."""
    settings = HydraConfig.get()
    return settings.mode == RunMode.MULTIRUN and "sweep" in settings.callbacks


def exit_if_mistake(error: BaseException) -> None:
    """Ends the script with one line if a user's mistake caused the error."""
    if isinstance(error, OSError) and error.filename is None:  # such as a disk that is full
        error.filename = _folder()
    mistake = mistake_in(error) or _unfit_part(error)
    if mistake is not None:
        say(f"error: {mistake}")
        raise SystemExit(1) from None


def _unfit_part(error: BaseException) -> PatentLMError | None:
    """Returns the mistake if Hydra could not instantiate a part from its settings."""
    if not isinstance(error, InstantiationException):
        return None
    reason, name = error.__cause__ or error, str(error).rpartition("full_key: ")[2]
    return ConfigError(f"{name or 'settings'}: {one_line(str(reason))}")
