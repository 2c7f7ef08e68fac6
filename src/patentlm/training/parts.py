"""Makes every part of a run before its corpus is prepared, so that mistakes are found early."""

from collections.abc import Callable
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from patentlm.checkpoint import build_data, build_network, find
from patentlm.errors import ConfigError, DataError
from patentlm.paths import expanded
from patentlm.training import teachers
from patentlm.training.length import Length, schedule

WORDS = 10
"""Size of the vocabulary that the network is tested with."""


def check_parts(config: DictConfig, *, new: bool) -> None:
    """Checks that the parts of a run can be made, and that the files it starts from exist.

    Args:
        config: config of the run.
        new: False if it resumes from a checkpoint, and so needs no file to start from.

    Raises:
        PatentLMError: in one line that names the part.
    """
    plain: Any = OmegaConf.to_container(config, resolve=True)
    if new and plain["init_from"]:
        find(plain["init_from"])
    vectors = plain["word_vectors"]
    if new and vectors and not expanded(vectors).is_file():
        raise DataError(f"{vectors}: no such file; check word_vectors")
    teachers.check(config)
    build_data(plain["data"])
    build_data(plain["tokenizer"])
    # On the meta device no memory is allocated and no random number drawn.
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        network = _made("model", lambda: build_network(plain["model"], vocabulary=WORDS))
        named = network.named_parameters()
        optimizer = _made("optimizer", lambda: instantiate(config.optimizer)(named))
        length = Length.of(config.trainer, batches=100)
        _made("scheduler", lambda: schedule(config.scheduler, length)[0](optimizer))


def _made(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (InstantiationException, TypeError, ValueError, AssertionError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ConfigError(f"{name}: {reason}") from error
