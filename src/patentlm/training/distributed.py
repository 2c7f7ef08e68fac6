"""Trains in several processes of this machine.

Lightning's own way restarts the script for each further process, which in a Hydra application
composes the config again: further output folders, and sweeps that hang. Here the process that
composed the config passes it to processes that PyTorch's elastic agent starts and watches; for
Lightning they look as if `torchrun` had started them.
"""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log, setup_globals
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from omegaconf import DictConfig
from pytorch_lightning import Trainer
from pytorch_lightning.strategies import ParallelStrategy
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from patentlm import errors
from patentlm.signals import Interrupted, listening

SHUTDOWN = 30
"""Seconds in which processes can save a checkpoint after a signal."""

Task = Callable[[DictConfig], float]


def is_alone(trainer: Trainer) -> bool:
    """True if a trainer needs further processes that nobody has started."""
    strategy = trainer.strategy
    if trainer.world_size == 1 or not isinstance(strategy, ParallelStrategy):
        return False
    environment = strategy.cluster_environment
    return environment is not None and not environment.creates_processes_externally


def launch(task: Task, config: DictConfig, trainer: Trainer) -> float:
    """Runs a task in as many processes as a trainer needs on this machine.

    Args:
        task: importable function that each process calls.
        config: config of the run, passed to all of them.
        trainer: trainer made from that config.

    Returns:
        The result of the first process.

    Raises:
        RuntimeError: if one fails; the others are ended.
    """
    threads = max(1, torch.get_num_threads() // trainer.num_devices)
    settings = LaunchConfig(
        min_nodes=trainer.num_nodes,
        max_nodes=trainer.num_nodes,
        nproc_per_node=trainer.num_devices,
        run_id="patentlm",  # the same on all machines
        max_restarts=0,
        start_method="spawn",
        shutdown_timeout=SHUTDOWN,
        **_rendezvous(trainer.num_nodes),
    )
    logging.getLogger("torch.distributed.elastic").setLevel(logging.ERROR)
    with _signals_as_before():
        try:
            results = elastic_launch(settings, _work)(
                task, config, HydraConfig.instance().cfg, threads
            )
        except SignalException as stopped:
            raise Interrupted(int(stopped.sigval)) from None
        except ChildFailedError as failed:
            rank, failure = failed.get_first_failure()
            told: Any = failure.message  # a dictionary if the process could still report
            reason = told["message"] if isinstance(told, dict) else told
            raise _mistake(reason) or RuntimeError(f"process {rank}: {reason}") from None
    first = results[min(results)]
    if isinstance(first, errors.PatentLMError):
        raise first
    return float(first)


def _mistake(reason: str) -> errors.PatentLMError | None:
    """Returns the user's mistake that ended a process, from the error's name and text."""
    name, _, text = reason.partition(": ")
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.PatentLMError):
        return kind(text)
    return None


def _rendezvous(nodes: int) -> dict[str, Any]:
    """Returns where the processes meet.

    On this machine, or as for Lightning by MASTER_ADDR, MASTER_PORT and NODE_RANK.
    """
    if nodes == 1:
        return {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    environment = LightningEnvironment()
    return {
        "rdzv_backend": "static",
        "rdzv_endpoint": f"{environment.main_address}:{environment.main_port}",
        "rdzv_configs": {"rank": environment.node_rank()},
    }


def _work(task: Task, config: DictConfig, hydra: Any, threads: int) -> float | errors.PatentLMError:
    """Runs the task in one process, with Hydra's settings and logging."""
    setup_globals()
    HydraConfig.instance().cfg = hydra
    settings: Any = HydraConfig.get()
    configure_log(settings.job_logging, settings.verbose)
    torch.set_num_threads(threads)
    with listening(patient=True):  # whoever started it ends it where it waits for too long
        try:
            return task(config)
        except errors.PatentLMError as mistake:
            if torch.distributed.is_initialized():
                raise
            return mistake  # before training, all processes find the same one


@contextmanager
def _signals_as_before() -> Iterator[None]:
    """Restores the handlers of Ctrl-C and others, which the elastic agent replaces."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {name: signal.getsignal(name) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
