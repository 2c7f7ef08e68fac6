"""What an export is made from: a trained model and the folder of its run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from patentlm.checkpoint import find
from patentlm.data.corpus import Corpus
from patentlm.paths import expanded
from patentlm.sweeps.run_folder import RunFolder
from patentlm.trained_model import TrainedModel


@dataclass(frozen=True, kw_only=True)
class ExportedRun:
    """A trained model and its run's folder.

    Args:
        checkpoint: file that the model was loaded from.
        model: the model, on the CPU.
        folder: the run's folder; empty if the checkpoint is alone.
        prepare_corpus: returns the corpus to measure on and to quote from; raises `DataError` if
            it is not available.
    """

    checkpoint: Path
    model: TrainedModel
    folder: RunFolder
    prepare_corpus: Callable[[], Corpus]

    @classmethod
    def of(
        cls, path: str, model: TrainedModel, prepare_corpus: Callable[[], Corpus]
    ) -> "ExportedRun":
        """Returns the run of a checkpoint file or of a run's folder.

        Raises:
            CheckpointError: if there is no checkpoint.
        """
        file = find(path)
        folder = file.parent.parent if file.parent.name == "checkpoints" else file.parent
        return cls(
            checkpoint=file,
            model=model,
            folder=RunFolder(folder),
            prepare_corpus=prepare_corpus,
        )

    def target(self, path: str | None, default: str) -> Path:
        """Returns where to write: the path if given, else `default` in the run's folder."""
        return expanded(path) if path else self.folder.path / default
