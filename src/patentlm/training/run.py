"""The steps of `train.py`: config → trainer → data → network → weights → report."""

import logging
import os
import platform
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything

from patentlm import runtime
from patentlm.checkpoint import CheckpointMetadata, build_network, read
from patentlm.data.datamodule import PatentData
from patentlm.errors import ConfigError
from patentlm.generation.sampling import check_sampling
from patentlm.sweeps.run_folder import RECORD, RunFolder
from patentlm.training import distributed, flags, resuming, teachers
from patentlm.training.checkpoints import Checkpoints
from patentlm.training.length import Length, schedule
from patentlm.training.lightning_module import LanguageModel
from patentlm.training.parts import check_parts
from patentlm.training.report import report
from patentlm.training.subwords import Subwords
from patentlm.training.trainer import choose_precision, make_trainer
from patentlm.training.warm_start import warm_start

log = logging.getLogger(__name__)


class TrainingRun:
    """One run in its folder: an interrupted run is resumed, a complete one left as it is.

    Args:
        config: config of the run; settings that depend on the machine are filled in.

    Raises:
        ConfigError: if the folder holds another run, or settings do not work.
    """

    trainer: Trainer
    resume: resuming.Found | None = None
    data: PatentData
    metadata: CheckpointMetadata
    model: LanguageModel

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self.folder = RunFolder(Path(HydraConfig.get().runtime.output_dir))
        self.folder.check_same(list(HydraConfig.get().overrides.task))

    @property
    def is_complete(self) -> bool:
        """True if an earlier start has completed the run."""
        return self.folder.metrics is not None

    @property
    def result(self) -> float:
        """The best valid perplexity of a complete run; nan if it had no validation."""
        log.info("%s is complete", os.path.relpath(self.folder.path))
        perplexity = (self.folder.metrics or {}).get("valid/perplexity")
        return float("nan") if perplexity is None else float(perplexity)

    def begin(self) -> None:
        """Checks the settings, finds the checkpoint to resume from, makes the trainer."""
        config = self.config
        self.folder.sweep()
        prepare_process(config.seed)
        flags.settle(config)
        check_sampling(OmegaConf.to_container(config.sampling, resolve=True))  # type: ignore[arg-type]
        config.trainer.precision = choose_precision(
            config.trainer.precision, config.trainer.accelerator
        )
        self.resume = resuming.find_checkpoint(self.folder, config.ckpt_path)
        check_parts(config, new=self.resume is None)
        self.trainer = make_trainer(config, purge_step=self.resume.step if self.resume else None)

    def train_teacher(self) -> None:
        """Trains the run's own teacher first, if it has one."""
        experiment = teachers.experiment_of(self.config)
        if experiment:
            if self.resume is not None and self.resume.given:
                teachers.copy_earlier(self.resume.path, self.folder)
            with teachers.own(self.config, self.folder) as config:
                log.info("Its teacher first, experiment=%s", experiment)
                log.info("Its teacher is trained: valid perplexity %.1f", train(config))
            prepare_process(self.config.seed)

    @property
    def starts_processes(self) -> bool:
        """True if the run needs several processes, which this one has to start."""
        return distributed.is_alone(self.trainer)

    def in_processes(self) -> float:
        """Does the rest in as many processes as the trainer needs; see `train_share`."""
        return distributed.launch(train_share, self.config, self.trainer)

    def go(self) -> float:
        """Does the rest in this process; returns the best valid perplexity."""
        self.prepare()
        self.fit()
        self.test()
        return self.report()

    def prepare(self) -> None:
        """Makes data and network, new or from a checkpoint."""
        if not self.trainer.is_global_zero:
            logging.disable(logging.WARNING)  # only the first process logs
        self.data = make_data(self.config)
        flags.check_limits(self.config.trainer, self.data.batches())
        self.trainer.val_check_interval = self.config.trainer.val_check_interval
        self.metadata = make_metadata(self.config, self.data)
        self.model = make_model(self.config, self.data, self.metadata, self.resume)
        if self.resume is None:
            starts = {name: self.config[name] for name in ("init_from", "word_vectors")}
            warm_start(self.model.network, self.metadata, **starts)

    def fit(self) -> None:
        """Trains, and restores the best weights."""
        if self.trainer.is_global_zero:
            _record(self.metadata, self.data, self.folder)
        self._say_what_is_trained()
        checkpoints = self.trainer.checkpoint_callback
        if self.resume is not None:
            log.info("Going on from %s", os.path.relpath(self.resume.path))
            if isinstance(checkpoints, Checkpoints):
                checkpoints.goes_on_from = self.resume.path
        path = self.resume.path if self.resume else None
        try:
            self.trainer.fit(self.model, datamodule=self.data, ckpt_path=path, weights_only=True)
        except MisconfigurationException as error:
            raise ConfigError(f"trainer: {str(error).splitlines()[0]}") from error
        kept = checkpoints.tested if isinstance(checkpoints, Checkpoints) else None
        if kept is not None:
            self.model.load_state_dict(read(kept)["state_dict"])

    def _say_what_is_trained(self) -> None:
        processes = self.trainer.world_size
        log.info(
            "%s: %s parameters, %s words, precision %s, %s, run folder %s",
            HydraConfig.get().runtime.choices["model"],
            f"{self.model.network.size:,}",
            f"{len(self.metadata.vocabulary):,}",
            self.trainer.precision,
            f"{processes} process{'es' if processes > 1 else ''}",
            os.path.relpath(self.folder.path),
        )

    def test(self) -> None:
        """Scores the best weights on test."""
        if self.config.trainer.limit_test_batches != 0:
            self.trainer.test(self.model, datamodule=self.data, verbose=False)

    def report(self) -> float:
        """Prints and stores the results; returns the best valid perplexity."""
        return report(
            self.trainer, self.model, self.data, self.metadata, self.folder,
            self.config.samples.count, page=self.config.page,
        )  # fmt: skip


def train(config: DictConfig) -> float:
    """Trains, tests the best checkpoint, reports; returns the best valid perplexity."""
    run = TrainingRun(config)
    if run.is_complete:
        return run.result
    run.begin()
    run.train_teacher()
    if run.starts_processes:
        return run.in_processes()
    return run.go()


def train_share(config: DictConfig) -> float:
    """Runs one process's part of a run of several; returns the best valid perplexity."""
    run = TrainingRun(config)
    run.begin()
    return run.go()


def prepare_process(seed: int) -> None:
    """Seeds all random generators and hides warnings that no user can act on."""
    seed_everything(seed, verbose=False)
    runtime.prepare()
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Cutting a batch from memory-mapped ids takes microseconds; a worker would only add copies.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated.*")
    warnings.filterwarnings("ignore", ".*Experiment logs directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", ".*`srun` command is available.*")
    warnings.filterwarnings(
        "ignore", ".*number of training batches .* is smaller than the logging.*"
    )
    # Metrics of whole epochs are equal in all processes already.
    warnings.filterwarnings("ignore", ".*sync_dist=True.* when logging on epoch level.*")


def make_data(config: DictConfig) -> PatentData:
    """Makes the data module and prepares its corpus.

    Raises:
        DataError: if the corpus is not available or too small.
    """
    data = PatentData(
        instantiate(config.data),
        instantiate(config.tokenizer),
        cut=instantiate(config.windows),
        evaluation_batch_size=config.evaluation_batch_size,
        seed=config.seed if config.shuffle else None,
    )
    _ = data.windows
    return data


def make_metadata(config: DictConfig, data: PatentData) -> CheckpointMetadata:
    """Returns the metadata of the run's checkpoints."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return CheckpointMetadata(
        network=plain["model"],
        vocabulary=list(data.corpus.vocabulary.tokens),
        context=data.windows.context,
        data=plain["data"] | data.source.resolved(),
        tokenizer=plain["tokenizer"],
        label=data.corpus.label,
        fingerprint=data.corpus.fingerprint,
        sampling=plain["sampling"],
        max_words=plain["samples"]["max_words"],
        seed=plain["seed"],
        versions=versions(),
    )


def make_model(
    config: DictConfig,
    data: PatentData,
    metadata: CheckpointMetadata,
    resume: resuming.Found | None = None,
) -> LanguageModel:
    """Makes the network in its LightningModule, freshly initialised.

    Raises:
        PatentLMError: if settings do not fit together, or not to the checkpoint to resume from.
    """
    length = Length.of(config.trainer, data.batches()["train"])
    plain: Any = OmegaConf.to_container(config, resolve=True)
    settings = resuming.settings_to_keep(plain, length)
    changes = None
    if resume is not None:
        resuming.check(resume, metadata, settings, length)
        changes = resuming.changes(resume, config.scheduler, settings)
    scheduler, interval = schedule(config.scheduler, length)
    return LanguageModel(
        build_network(metadata.network, vocabulary=len(metadata.vocabulary)),
        optimizer=instantiate(config.optimizer),
        scheduler=scheduler,
        scheduler_interval=interval,
        penalty=config.penalty,
        carry_state=data.windows.carry_state,
        running_text=isinstance(metadata.context, str),
        seed=config.seed,
        checkpoint_entry=metadata.as_entry(),
        settings=settings,
        changes=changes,
        subwords=partial(Subwords, metadata.vocabulary, **config.subwords)
        if config.subwords
        else None,
        learner=teachers.make_learner(config, metadata),
    )


def versions() -> dict[str, str]:
    """Returns the versions of Python and the libraries that results depend on."""
    packages = ("patentlm", "torch", "pytorch-lightning", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _record(metadata: CheckpointMetadata, data: PatentData, folder: RunFolder) -> None:
    """Writes the resolved settings, versions and data of a run to `run.json`."""
    record = {name: value for name, value in vars(metadata).items() if name != "vocabulary"}
    record["overrides"] = list(HydraConfig.get().overrides.task)
    record["counts"] = data.corpus.counts
    folder.store_json(RECORD, record)
