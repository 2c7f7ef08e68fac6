"""Hyperparameter search with Optuna: settings are trials of a stored study."""

import logging
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer
from hydra.core.utils import JobReturn
from hydra.utils import instantiate
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from patentlm.errors import ConfigError

log = logging.getLogger(__name__)

PRUNED = "pruned"
"""Attribute of a trial whose job was pruned."""

REPEATS = "repeats"
"""Attribute of a trial that repeats an interrupted one: the number of that one."""

# Optuna logs warnings only, through the scripts' own logging.
optuna.logging.disable_default_handler()
optuna.logging.enable_propagation()
optuna.logging.set_verbosity(optuna.logging.WARNING)


def divide(overrides: Iterable[Override]) -> tuple[dict[str, BaseDistribution], list[str]]:
    """Divides overrides into the search space and the overrides that all jobs share.

    Of several overrides for a setting, the last one counts.

    Raises:
        ConfigError: if there is nothing to search, or a sweep can't be searched.
    """
    last: dict[tuple[str, str | None], Override] = {}
    for override in overrides:
        setting = override.key_or_group, override.package
        last.pop(setting, None)  # sorted by their last occurrence
        last[setting] = override
    swept = [override for override in last.values() if override.is_sweep_override()]
    if not swept:
        raise ConfigError(
            "nothing to search: give hydra.sweeper.params in a config file, or the interval of a "
            "setting, such as 'optimizer.lr=tag(log, interval(1e-4, 1e-1))'"
        )
    space = {override.get_key_element(): distribution(override) for override in swept}
    fixed = [str(o.input_line) for o in last.values() if not o.is_sweep_override()]
    return space, fixed


def distribution(override: Override) -> BaseDistribution:
    """Returns the distribution of a swept setting.

    `interval` is continuous; `int(interval)` includes both ends. `range` excludes its end, as in
    Hydra. The tag `log` makes the distribution uniform in the logarithm.

    Raises:
        ConfigError: if it has no value, or the logarithm of a bound does not exist.
    """
    sweep = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep.start, sweep.end, log="log" in sweep.tags)
        if isinstance(sweep, RangeSweep):
            return _steps(sweep)
        choices: Any = override.sweep_iterator(_choice)
        return CategoricalDistribution(list(choices))
    except ValueError as error:
        raise ConfigError(f"{override.input_line}: {error}") from error


def _interval(low: Any, high: Any, *, log: bool) -> BaseDistribution:
    kind = IntDistribution if isinstance(low, int) else FloatDistribution
    return kind(low, high, log=log)


def _steps(sweep: RangeSweep) -> BaseDistribution:
    given = (sweep.start, sweep.stop, sweep.step)
    start, stop, step = (Decimal(str(number)) for number in given)  # 0.3 is three times 0.1
    steps = math.ceil((stop - start) / step) if step else 0
    if steps < 1:
        raise ValueError("holds no value")
    low, high = sorted((start, start + (steps - 1) * step))
    log = "log" in sweep.tags
    if all(isinstance(number, int) for number in given):
        return IntDistribution(int(low), int(high), step=int(abs(step)), log=log)
    return FloatDistribution(float(low), float(high), step=float(abs(step)), log=log)


def _choice(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else Transformer.str(value)


def open_study(
    storage: str, name: str, sampler: Mapping[str, Any], pruner: Mapping[str, Any]
) -> Study:
    """Opens a stored study, or creates it.

    Args:
        storage: URL of a database.
        name: name of the study.
        sampler: config of an Optuna sampler. The number of trials so far is added to its seed,
            since a resumed search would otherwise repeat its first draws.
        pruner: config of an Optuna pruner.

    Returns:
        The study.

    Raises:
        ConfigError: if the storage can't be used.
    """
    study = optuna.create_study(storage=_opened(storage), study_name=name, load_if_exists=True)
    seed = sampler.get("seed")
    seeds = {} if seed is None else {"seed": seed + len(study.trials)}
    study.sampler = instantiate(sampler, **seeds)
    study.pruner = instantiate(pruner)
    return study


def open_trial(number: int, *, storage: str, name: str, pruner: Mapping[str, Any]) -> Trial:
    """Opens a trial of a stored study, for the job that runs it.

    Args:
        number: number of the trial.
        storage: URL of a database.
        name: name of the study.
        pruner: config of an Optuna pruner.

    Returns:
        The trial.

    Raises:
        ConfigError: if there is no such trial.
    """
    stored = _opened(storage)
    try:
        study_id = stored.get_study_id_from_name(name)
        trial_id = stored.get_trial_id_from_study_id_trial_number(study_id, number)
    except KeyError as error:
        raise ConfigError(f"{storage}: no trial {number} of a study {name!r}") from error
    study = optuna.load_study(storage=stored, study_name=name)
    study.pruner = instantiate(pruner)
    return Trial(study, trial_id)


def _opened(storage: str) -> RDBStorage:
    try:
        # Without a pool, no connection stays open between queries.
        return RDBStorage(storage, engine_kwargs={"poolclass": NullPool})
    except (ImportError, SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"hydra.sweeper.storage={storage}: can't be used ({reason})") from error


def queue_interrupted(study: Study) -> None:
    """Marks trials that were interrupted as failed, and enqueues their settings again."""
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        if trial.user_attrs.get(PRUNED):
            study.tell(trial.number, state=TrialState.PRUNED)
        else:
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params, user_attrs={REPEATS: trial.number})


def count_missing(study: Study, wanted: int) -> int:
    """Returns how many trials to launch until there are `wanted`, not counting interrupted ones."""
    trials = study.get_trials(deepcopy=False)
    repeated = sum(REPEATS in trial.user_attrs for trial in trials)
    return wanted + repeated - sum(trial.state.is_finished() for trial in trials)


def ask(study: Study, space: dict[str, BaseDistribution], count: int) -> list[Trial]:
    """Returns the next trials, with consecutive numbers.

    Raises:
        ConfigError: if the study has another search space.
    """
    try:
        return [study.ask(space) for _ in range(count)]
    except ValueError as error:
        raise ConfigError(
            f"the stored study has another search space ({error}); begin a new one in another "
            "hydra.sweep.dir"
        ) from error


def overrides_of(trial: Trial | FrozenTrial) -> list[str]:
    """Returns a trial's settings as overrides.

    Continuous values have six digits, since they become names of folders.
    """
    continuous = {n for n, d in trial.distributions.items() if isinstance(d, FloatDistribution)}
    return [
        f"{name}={value:.6g}" if name in continuous else f"{name}={value}"
        for name, value in trial.params.items()
    ]


def tell(study: Study, trial: Trial, job: JobReturn) -> None:
    """Stores the result of a trial; it has failed if it raised or returned no number."""
    try:
        value = float(job.return_value)
    except Exception as error:  # whatever a job may raise
        log.warning("trial %d: %s", trial.number, error)
        value = math.nan
    if study.trials[trial.number].user_attrs.get(PRUNED):
        study.tell(trial, state=TrialState.PRUNED)
    elif math.isnan(value):
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, value)
    told = study.trials[trial.number]
    shown = "" if told.value is None else f", valid perplexity {told.value:.2f}"
    log.info("trial %d: %s%s", trial.number, told.state.name.lower(), shown)


def report(study: Study, fixed: Sequence[str]) -> None:
    """Logs the best trial, and the arguments that repeat it."""
    try:
        best = study.best_trial
    except ValueError:  # there is none
        log.warning("no trial was completed")
        return
    found = overrides_of(best)
    shown = " ".join(found)
    log.info("best: trial %d, valid perplexity %.2f: %s", best.number, best.value, shown)
    log.info("to repeat it: %s", shlex.join([*fixed, *found]))
