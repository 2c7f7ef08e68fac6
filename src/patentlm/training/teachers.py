"""The teacher of a run: given, or trained before it in its folder, as an experiment says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict

from patentlm.checkpoint import CheckpointMetadata, find
from patentlm.errors import ConfigError
from patentlm.model.network import Network
from patentlm.paths import members
from patentlm.settings.checking import hint
from patentlm.sweeps.run_folder import RunFolder
from patentlm.training.distillation import Learner, Student, load_teacher

FOLDER = "teacher"
"""The teacher's folder, in that of the run that it teaches."""
SHARED = ("data", "tokenizer", "shuffle", "evaluation_batch_size", "logger")
"""Settings that a teacher takes over from the run that it teaches."""
RECIPE = ("max_epochs", "max_steps", "accumulate_grad_batches", "gradient_clip_val")
"""Settings of the trainer that its experiment says; it takes over all others."""


def experiment_of(config: DictConfig) -> str | None:
    """Returns the experiment that a run's own teacher is trained by; None if it has none."""
    return config.distillation.get("experiment")  # type: ignore[no-any-return]


def check(config: DictConfig) -> None:
    """Checks a run's teacher: that it is there, or can be trained, its own teacher too.

    Args:
        config: config of the run.

    Raises:
        PatentLMError: if it is not there, there is no such experiment, or one teaches itself.
    """
    if "teacher" in config.distillation:
        if experiment_of(config):
            raise ConfigError(
                "distillation.teacher: this run trains its own teacher, distillation.experiment; "
                "choose distillation=teacher to give one"
            )
        for path in members(config.distillation.teacher):
            find(path)
    known: list[str] = []
    while name := experiment_of(config):
        if name in known:
            raise ConfigError(f"distillation.experiment={name}: this experiment teaches itself")
        known.append(name)
        config = _composed(config, Path())


def make_learner(config: DictConfig, metadata: CheckpointMetadata) -> Callable[[Network], Learner]:
    """Returns how a run's network learns: alone or from a teacher.

    Args:
        config: config of the run.
        metadata: metadata of its checkpoints.

    Raises:
        PatentLMError: if the teacher can't be loaded or knows other words.
    """
    if not config.distillation:
        return Learner
    place = Path(HydraConfig.get().runtime.output_dir, FOLDER)
    path = place if experiment_of(config) else config.distillation.teacher
    teacher = load_teacher(str(path), metadata)
    return partial(Student, teacher=teacher, weight=config.distillation.weight)


def copy_earlier(checkpoint: Path, folder: RunFolder) -> None:
    """Copies the trained teacher of a checkpoint's run, if it has one, to a run that goes on there.

    Args:
        checkpoint: in the `checkpoints` of its run.
        folder: folder of the run that goes on.
    """
    earlier, place = checkpoint.parent.parent / FOLDER, folder.path / FOLDER
    if place.exists() or RunFolder(earlier).metrics is None:
        return
    with TemporaryDirectory(dir=folder.path, prefix=f"{FOLDER}-") as part:
        copytree(earlier, part, dirs_exist_ok=True)
        try:
            Path(part).rename(place)
        except OSError:
            if not place.exists():  # otherwise another process of the run was first
                raise


@contextmanager
def own(config: DictConfig, folder: RunFolder) -> Iterator[DictConfig]:
    """Makes the folder of a run's own teacher; until the end Hydra knows the teacher's settings.

    Args:
        config: config of the run.
        folder: folder of the run.

    Yields:
        Config of the teacher.
    """
    before = HydraConfig.instance().cfg
    place = RunFolder(folder.path / FOLDER)
    composed = _composed(config, place.path)
    teacher = composed.copy()
    with open_dict(teacher):
        del teacher.hydra
    place.path.mkdir(exist_ok=True)
    place.store("config.yaml", OmegaConf.to_yaml(teacher))
    HydraConfig.instance().set_config(composed)
    try:
        yield teacher
    finally:
        HydraConfig.instance().cfg = before


def fit_seconds(folder: RunFolder) -> float:
    """Returns the seconds that the training of a run's own teacher took; 0 without one."""
    metrics = RunFolder(folder.path / FOLDER).metrics or {}
    return float(metrics.get("fit/seconds") or 0)


def _composed(config: DictConfig, folder: Path) -> DictConfig:
    """Composes the config of a run's own teacher with Hydra's part."""
    name, job = experiment_of(config), HydraConfig.get().job
    conf, others = _sources()
    changes = [f"experiment={name}", f"hydra.searchpath={others}"]
    hydra = GlobalHydra.instance()
    running, hydra.hydra = hydra.hydra, None  # there is one at a time
    try:
        with initialize_config_dir(conf, version_base="1.3", job_name=job.name):
            teacher = compose(job.config_name, changes, return_hydra_config=True)
    except MissingConfigException as error:
        near = hint(str(name), list(error.options or ()))
        raise ConfigError(f"distillation.experiment={name}: no such experiment; {near}") from None
    finally:
        hydra.hydra = running
    with open_dict(teacher):
        teacher.hydra.runtime.output_dir = str(folder.absolute())
        _take_over(config, teacher)
    return teacher


def _take_over(config: DictConfig, teacher: DictConfig) -> None:
    """Gives a teacher the settings that it has from its run; it is neither tested nor shown."""
    plain: Any = OmegaConf.to_container(config)
    for name in SHARED:
        teacher[name] = plain[name]
    teacher.seed = (plain["seed"] + 1) % 2**32  # what starts alike has less to tell
    taken = {name: value for name, value in plain["trainer"].items() if name not in RECIPE}
    teacher.trainer.update(taken)
    teacher.trainer.limit_test_batches = teacher.samples.count = 0


def _sources() -> tuple[str, list[str]]:
    """Returns the folder of the project's config files and where else Hydra looks for some."""
    found = HydraConfig.get().runtime.config_sources
    (conf,) = (source.path for source in found if source.provider == "main")
    known = ("hydra", "main", "schema")
    return conf, [f"{s.schema}://{s.path}" for s in found if s.provider not in known]
