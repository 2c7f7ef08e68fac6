"""The last line of a run: how to look at the network at work."""

import logging
import os
import shlex

from patentlm.checkpoint import find
from patentlm.data.datamodule import PatentData
from patentlm.export.page import write
from patentlm.export.run import ExportedRun
from patentlm.sweeps.run_folder import RunFolder
from patentlm.trained_model import TrainedModel

log = logging.getLogger(__name__)


def show(folder: RunFolder, model: TrainedModel, data: PatentData, *, page: bool) -> None:
    """Logs how to look at the network at work, or exports its page.

    Args:
        folder: folder of the complete run.
        model: trained model, on the CPU.
        data: data it was trained on.
        page: export the page.
    """
    path = os.path.relpath(folder.path)
    if not page:
        command = f"python export.py checkpoint={shlex.quote(path)} format=page"
        log.info("To see it write, read and remember in a browser: %s", command)
        return
    run = ExportedRun(
        checkpoint=find(folder.path),
        model=model,
        folder=RunFolder(folder.path),
        prepare_corpus=lambda: data.corpus,
    )
    log.info("%s", write(run, path=f"{path}/page.html", weights="float32"))
