"""Hydra's callback for sweeps: a failed job does not stop the others."""

import logging
import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from patentlm.errors import mistake_in
from patentlm.sweeps import leaderboard
from patentlm.sweeps.run_folder import ERROR, RunFolder
from patentlm.terminal import say

log = logging.getLogger(__name__)


class Sweep(Callback):
    """Writes the leaderboard after each job, records failures, and continues.

    A failed job returns nan. The sweep then ends with exit code 1.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        HydraConfig.instance().set_config(config)  # Hydra sets it only for jobs
        if config.hydra.runtime.choices["hydra/launcher"] == "slurm":
            _check_slurm()
        RunFolder(Path(config.hydra.sweep.dir)).sweep()
        for job in leaderboard.jobs_of(Path(config.hydra.sweep.dir)):
            (job.path / ERROR).unlink(missing_ok=True)  # from an earlier start in this folder

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        if job_return.status == JobStatus.FAILED:
            folder = RunFolder(Path(config.hydra.runtime.output_dir))
            # A completed job returns the error; a failed one would raise it.
            job_return.status = JobStatus.COMPLETED
            _note(job_return.return_value, folder)
            job_return.return_value = float("nan")
        leaderboard.write(Path(config.hydra.sweep.dir))

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        sweep = Path(config.hydra.sweep.dir)
        leaderboard.write(sweep)
        failed = [job for job in leaderboard.jobs_of(sweep) if job.error is not None]
        table = sweep / "leaderboard.md"
        log.info("\n%s\n%s", table.read_text("utf-8"), os.path.relpath(table))
        if failed:
            again = f"hydra.sweep.dir={os.path.relpath(sweep)}"
            log.error("failed: %d; the same command with %s runs them anew", len(failed), again)
            raise SystemExit(1)


def _check_slurm() -> None:
    """Ends the script with one line if jobs can't be submitted to Slurm."""
    if shutil.which("srun") is None:
        mistake = "there is no srun; start it on a machine of a Slurm cluster"
    elif find_spec("submitit") is None:
        mistake = "it needs pip install -e '.[slurm]'"
    else:
        return
    say(f"error: hydra/launcher=slurm: {mistake}")
    raise SystemExit(1)


def _note(error: Exception, folder: RunFolder) -> None:
    """Reports a failed job in its log and its folder, without traceback for a user's mistake."""
    name = os.path.relpath(folder.path)
    mistake = mistake_in(error)
    if mistake is not None:
        log.error("error: %s: %s", name, mistake)
    else:
        log.error("error: %s", name, exc_info=error)
    folder.store(ERROR, f"{mistake or f'{type(error).__name__}: {error}'}\n")
