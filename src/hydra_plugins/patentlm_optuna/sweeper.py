"""The Optuna sweeper, as Hydra sees it.

Hydra imports this module whenever a script starts, so Optuna itself is imported only by a search.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from patentlm.errors import ConfigError, PatentLMError

log = logging.getLogger(__name__)


class OptunaSweeper(Sweeper):
    """Searches with Optuna for the settings that minimise what a script returns.

    The study is stored, so a second start in the same sweep folder continues it. A job's number is
    the number of its trial.

    Args:
        n_trials: trials of the study in total.
        n_jobs: trials that are launched at a time.
        storage: URL of the database that holds the study.
        study_name: name of the study in that database.
        sampler: config of an Optuna sampler.
        pruner: config of an Optuna pruner, for jobs that report to their trial.
        params: search space by setting, in Hydra's override grammar; the command line adds to it
            and takes precedence.
    """

    def __init__(
        self,
        *,
        n_trials: int,
        n_jobs: int,
        storage: str,
        study_name: str,
        sampler: DictConfig,
        pruner: DictConfig,
        params: Mapping[str, Any],
    ) -> None:
        self.n_trials, self.n_jobs = n_trials, n_jobs
        self.storage, self.study_name = storage, study_name
        self.sampler, self.pruner, self.params = sampler, pruner, params

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.folder = Path(config.hydra.sweep.dir)
        self.parser = OverridesParser.create(hydra_context.config_loader)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.launch = launcher.launch

    def sweep(self, arguments: list[str]) -> None:
        """Launches trials until the study has `n_trials` of them."""
        from patentlm.command import exit_if_mistake  # sets things that other programs do not want

        try:
            self._search(arguments)
        except PatentLMError as error:
            exit_if_mistake(error)

    def _search(self, arguments: list[str]) -> None:
        if self.n_jobs < 1:
            raise ConfigError(f"hydra.sweeper.n_jobs={self.n_jobs}: must be at least 1")
        search = _import_search()
        params = [f"{name}={value}" for name, value in self.params.items()]
        space, fixed = search.divide(self.parser.parse_overrides(params + arguments))
        self.folder.mkdir(parents=True, exist_ok=True)
        study = search.open_study(self.storage, self.study_name, self.sampler, self.pruner)
        search.queue_interrupted(study)
        missing = search.count_missing(study, self.n_trials)
        log.info(
            "%d trials to go; if interrupted, go on with hydra.sweep.dir=%s", missing, self.folder
        )
        while missing > 0:
            trials = search.ask(study, space, min(missing, self.n_jobs))
            jobs = [[*fixed, *search.overrides_of(trial)] for trial in trials]
            returned = self.launch(jobs, initial_job_idx=trials[0].number)
            for trial, job in zip(trials, returned, strict=True):
                search.tell(study, trial, job)
            missing = search.count_missing(study, self.n_trials)
        search.report(study, fixed)


def _import_search() -> ModuleType:
    try:
        from patentlm.sweeps import search
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ConfigError(
            "hydra/sweeper=optuna needs Optuna, which is not installed: pip install -e '.[optuna]'"
        ) from error
    return search
