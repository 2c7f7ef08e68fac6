"""Hydra's callbacks before a script does any work: they check all settings."""

import hashlib
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from patentlm.errors import ConfigError
from patentlm.paths import expanded, members
from patentlm.settings.arguments import PATHS
from patentlm.settings.checking import check, mistakes
from patentlm.settings.kinds import TEXT, Part
from patentlm.settings.schema import HYDRA, SCRIPTS
from patentlm.terminal import say

LONGEST = 200
"""Maximum bytes of a job's name; most file systems allow 255 for a folder's name."""
MODELS = ("checkpoint", "distillation.teacher")
"""Settings that may name several models, `A+B`."""
OF_A_SWEEP = ("sweep", "sweeper", "launcher")


class CheckSettings(Callback):
    """Ends a script with one line if a setting does not work, before its folder is made.

    In a sweep, each job checks the settings that vary, so that one mistake does not lose the other
    jobs.

    Args:
        script: name of the script, such as "train".
    """

    def __init__(self, script: str) -> None:
        self.script = script

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config, ("run",))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config, OF_A_SWEEP)

    def _check(self, config: DictConfig, parts: tuple[str, ...]) -> None:
        planned = config.copy()
        folder = Path(str(config.hydra[parts[0]].dir))
        with open_dict(planned):  # Hydra sets it only within jobs
            planned.hydra.runtime.output_dir = str(folder.absolute())
        HydraConfig.instance().set_config(planned)
        try:
            check_config(self.script, planned, sweeps=parts == OF_A_SWEEP)
            _check_hydra(planned, parts)
        except ConfigError as error:
            say(f"error: {error}")
            raise SystemExit(1) from None


def check_config(script: str, config: DictConfig, *, sweeps: bool = False) -> None:
    """Checks a composed config.

    Args:
        script: name of the script.
        config: with or without Hydra's part, which is ignored.
        sweeps: allow missing settings, which each job is given.

    Raises:
        ConfigError: if a setting is missing, unknown or not allowed.
    """
    ours = config.copy()
    with open_dict(ours):
        ours.pop("hydra", None)
    plain = _resolved(ours)
    missing = sorted(OmegaConf.missing_keys(ours))
    if missing and not sweeps:
        raise ConfigError(f"{missing[0]} is not set; give {missing[0]}=…")
    found = dict(mistakes(plain, SCRIPTS[script], ""))
    for name in sorted(found, key=lambda name: _is_derived(ours, name)):
        raise ConfigError(found[name])


def _is_derived(config: DictConfig, name: str) -> bool:
    """True if a setting is an interpolation of another one, which errors should name instead."""
    above, _, last = name.rpartition(".")
    table = OmegaConf.select(config, above) if above else config
    return isinstance(table, DictConfig) and OmegaConf.is_interpolation(table, last)


def keep_paths(config: DictConfig) -> None:
    """Makes relative paths absolute, in a job whose working folder Hydra changed."""
    start = Path(HydraConfig.get().runtime.cwd)
    for name in PATHS if Path.cwd() != start else ():
        path = OmegaConf.select(config, name)
        if isinstance(path, str) and path:
            parts = members(start / expanded(path)) if name in MODELS else [path]
            OmegaConf.update(config, name, "+".join(str(start / expanded(part)) for part in parts))


def job_name(varied: str) -> str:
    """Returns the name of a sweep's job: what varies, cut if too long, with a digest of it all.

    >>> job_name("seed=1,model.layers=2")
    'seed=1,model.layers=2'
    """
    name = varied.encode()
    if len(name) <= LONGEST:
        return varied
    digest = hashlib.sha256(name).hexdigest()[:12]
    return f"{name[: LONGEST - 16].decode(errors='ignore')}…{digest}"


OmegaConf.register_new_resolver("job_name", job_name, replace=True)


def _check_hydra(config: DictConfig, parts: tuple[str, ...]) -> None:
    """Checks those of Hydra's own settings that `conf/` sets."""
    for name in parts:
        schema = HYDRA[name]
        settings = config.hydra[name]
        if isinstance(schema, Part):
            check(_resolved(settings), schema, f"hydra.{name}")
        else:
            check(settings.dir, TEXT, f"hydra.{name}.dir")


def _resolved(config: DictConfig) -> Any:
    try:
        return OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{error.full_key or 'a setting'}: {reason}") from error
