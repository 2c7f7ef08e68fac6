"""What Hydra calls before a script does any work: the check of all its settings."""

import hashlib
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from patentlm.errors import ConfigError
from patentlm.settings.checking import check, mistakes
from patentlm.settings.kinds import TEXT, Part
from patentlm.settings.schema import HYDRA, SCRIPTS
from patentlm.terminal import say

LONGEST = 200
"""Bytes of a job's name; most file systems allow 255 for the name of a folder."""
PATHS = ("checkpoint", "ckpt_path", "init_from", "word_vectors", "path", "data.path")
OF_A_SWEEP = ("sweep", "sweeper", "launcher")


class CheckSettings(Callback):
    """Ends a script before its folder is made, with one line, at a setting that can't work.

    Of a sweep's settings, those that it varies are checked by each job: one that can't work does
    not lose the others.

    Args:
        script: its name, such as "train".
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
        with open_dict(planned):  # until now only jobs know where they write
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
        script: its name.
        config: with or without Hydra's part, which is left out.
        sweeps: whether settings may be missing, which each job is then given.

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
    """Whether a setting is there to repeat another one, which is then the one to name."""
    above, _, last = name.rpartition(".")
    table = OmegaConf.select(config, above) if above else config
    return isinstance(table, DictConfig) and OmegaConf.is_interpolation(table, last)


def keep_paths(config: DictConfig) -> None:
    """Lets relative paths mean what they meant where the script was started, in a job that Hydra
    moved to a folder of its own."""
    start = Path(HydraConfig.get().runtime.cwd)
    for name in PATHS if Path.cwd() != start else ():
        path = OmegaConf.select(config, name)
        if isinstance(path, str) and path:
            OmegaConf.update(config, name, str(start / Path(path).expanduser()))


def job_name(varied: str) -> str:
    """The name of a sweep's job: what the sweep varies, cut where it is too long for a folder, with
    a digest of all of it.

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
    """Of Hydra's own settings, those that `conf/` sets."""
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
