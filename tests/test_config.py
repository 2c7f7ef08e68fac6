"""Every option of every config group composes and can be made."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf

from patentlm.checkpoint import build_network
from patentlm.data.windows import loader
from patentlm.data.words import Tokenizer
from patentlm.generation.sampling import check_sampling
from patentlm.settings.hooks import check_config
from patentlm.training.length import Length, schedule
from patentlm.training.trainer import make_trainer

CONF = Path(__file__).parent.parent / "conf"
GROUPS = (
    "data", "tokenizer", "windows", "model", "model/cell", "model/head", "optimizer", "scheduler",
    "subwords", "distillation", "trainer", "callbacks", "logger", "sampling", "experiment", "debug",
    "profiler", "hydra/sweeper",
)  # fmt: skip
ELSEWHERE = ("trainer=gpu", "trainer=mps", "logger=wandb", "logger=mlflow")
"""What needs another machine or further packages."""
NEEDED = {
    "data=file": ["data.path=x.csv"],
    "data=corpus": ["data.path=x"],
    "distillation=teacher": ["distillation.teacher=x"],
}


def options() -> list[str]:
    return [f"{group}={p.stem}" for group in GROUPS for p in sorted((CONF / group).glob("*.yaml"))]


@pytest.fixture
def composed(tmp_path):
    """Composes a config the way the script does, with a run folder."""

    def compose_(name, *overrides):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose(
                name,
                [*overrides, f"hydra.runtime.output_dir={tmp_path}"],
                return_hydra_config=True,
            )
        HydraConfig.instance().set_config(config)
        return config

    return compose_


def test_every_folder_of_options_is_listed():
    folders = {p.parent.relative_to(CONF).as_posix() for p in CONF.rglob("*.yaml")}
    others = {
        ".",
        "base",
        "data/base",
        "data/split",
        "data/split/base",
        "callbacks/parts",
        "hydra/help",
        "hydra/job_logging",
        "hydra/launcher",
        "cache",
        "adaptation",
        "mixture",
        "report",
    }
    assert folders - others == set(GROUPS)


@pytest.mark.parametrize("option", options())
def test_an_option_composes_and_can_be_made(composed, option):
    config = composed("train", option, "trainer.precision=32-true", *NEEDED.get(option, ()))
    check_config("train", config)
    assert instantiate(config.data).split
    assert isinstance(instantiate(config.tokenizer), Tokenizer)
    windows = instantiate(config.windows)(np.array([0, 2, 3, 4, 0, 5, 6, 0], np.uint16))
    inputs, targets, *_ = next(iter(loader(windows, seed=None)))
    assert inputs.shape == targets.shape
    network = build_network(OmegaConf.to_container(config.model, resolve=True), vocabulary=10)
    assert network.embedding.num_embeddings == 10
    optimizer = instantiate(config.optimizer)(network.named_parameters())
    assert {group["lr"] for group in optimizer.param_groups} >= {config.optimizer.lr}
    make_schedule, _ = schedule(config.scheduler, Length.of(config.trainer, batches=5))
    assert make_schedule(optimizer).optimizer is optimizer
    check_sampling(OmegaConf.to_container(config.sampling))
    if option not in ELSEWHERE:
        trainer = make_trainer(config)
        assert trainer.max_epochs == config.trainer.max_epochs


@pytest.mark.parametrize(
    ("name", "accelerator"), [("gpu", "gpu"), ("mps", "mps"), ("cpu", "cpu"), ("ddp_cpu", "cpu")]
)
def test_a_trainer_asks_for_its_accelerator(composed, name, accelerator):
    assert composed("train", f"trainer={name}").trainer.accelerator == accelerator


@pytest.mark.parametrize("name", ["ddp", "ddp_cpu", "slurm"])
def test_several_processes_are_asked_for_as_in_lightning(composed, name):
    trainer = composed("train", f"trainer={name}", "trainer.devices=4", "trainer.num_nodes=2")
    assert trainer.trainer.strategy == "ddp"
    assert (trainer.trainer.devices, trainer.trainer.num_nodes) == (4, 2)


def test_in_a_job_of_slurms_there_are_as_many_processes_as_tasks(composed, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "3")
    monkeypatch.setenv("SLURM_NNODES", "2")
    trainer = composed("train", "trainer=slurm").trainer
    assert (trainer.devices, trainer.num_nodes) == (3, 2)


def test_the_default_is_the_missions_set_up(composed):
    config = composed("train")
    assert (config.model.embedding_size, config.model.hidden_size, config.model.layers) == (
        100,
        128,
        1,
    )
    assert config.model.cell._target_ == "patentlm.model.cells.LSTM"
    assert config.windows._target_.endswith("ManyToOne")
    assert (config.windows.length, config.windows.stride, config.windows.batch_size) == (50, 1, 128)
    assert config.optimizer._target_ == "torch.optim.Adam"


OWN_PARTS = ("tune", "specialise")
"""Experiments that are made for one sweeper, or change a setting of one schedule."""
PRESETS = sorted({p.stem for p in (CONF / "experiment").glob("*.yaml")} - {*OWN_PARTS})


@pytest.mark.parametrize("name", PRESETS)
def test_a_part_of_a_preset_gives_way_to_any_other(composed, name):
    others = ("scheduler=constant", "distillation=none", "callbacks=default", "subwords=none")
    check_config("train", composed("train", f"experiment={name}", *others))
    teacher = ("distillation=teacher", "distillation.teacher=x", "scheduler=plateau")
    config = composed("train", f"experiment={name}", *teacher)
    check_config("train", config)
    assert set(config.distillation) == {"teacher", "weight"}


@pytest.mark.parametrize("name", ["evaluate", "generate", "export"])
def test_the_other_scripts_compose(composed, name):
    assert composed(name, "checkpoint=x").checkpoint == "x"


@pytest.mark.parametrize("name", ["evaluate", "generate"])
def test_nothing_is_added_to_a_model_unasked(composed, name):
    config = composed(name, "checkpoint=x")
    assert not config.cache
    assert not config.adaptation
    assert not config.get("mixture")


@pytest.mark.parametrize("sampling", [p.stem for p in (CONF / "sampling").glob("*.yaml")])
def test_every_sampling_fits_generate(composed, sampling):
    check_sampling(
        OmegaConf.to_container(
            composed("generate", "checkpoint=x", f"sampling={sampling}").sampling
        )
    )
