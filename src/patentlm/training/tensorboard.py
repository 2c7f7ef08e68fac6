"""What TensorBoard shows beside metrics: texts, word vectors, settings."""

from collections.abc import Mapping

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from patentlm.checkpoint import metadata_of
from patentlm.trained_model import TrainedModel
from patentlm.training.lightning_module import LanguageModel

Settings = Mapping[str, bool | int | float | str]


class SampleTexts(Callback):
    """Writes texts to TensorBoard after every validation, to see them improve.

    Args:
        count: number of texts.
        seed: random seed, the same every time, so that texts can be compared.
    """

    def __init__(self, *, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is None or trainer.sanity_checking:
            return
        model = trained(pl_module)
        texts = model.generate(count=self.count, seed=self.seed)
        heading = f"*after epoch {trainer.current_epoch + 1} on {model.metadata.label}*"
        shown = "\n\n".join([heading, *(f"{n}. {text}" for n, text in enumerate(texts, 1))])
        writer.add_text("samples", shown, trainer.global_step - 1)  # as metrics count steps


class WordVectors(Callback):
    """Gives TensorBoard's projector the embedding of the tested network, with its words.

    Args:
        words: number of words, the most frequent first.
    """

    def __init__(self, *, words: int) -> None:
        self.words = words

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is not None:
            model = trained(pl_module)
            vectors = model.network.embedding.weight.detach()[: self.words].cpu()
            names = [_label(token) for token in model.vocabulary.tokens[: self.words]]
            writer.add_embedding(vectors, metadata=names, tag="embedding")


class Hyperparameters(Callback):
    """Gives the run's settings to its loggers, and its overrides to TensorBoard's HParams tab.

    The tab shows them beside the last value of each metric.

    Args:
        settings: all settings.
        apart: overrides of the run.
    """

    def __init__(self, settings: Settings, *, apart: Settings) -> None:
        self.settings, self.apart = dict(settings), dict(apart)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in trainer.loggers:
            logger.log_hyperparams(self.settings)
        writer = tensorboard(trainer)
        if writer is not None and writer.file_writer is not None:
            # The first of the three would list the table's columns. TensorBoard uses one run's list
            # for all runs; without a list it shows all that the runs have.
            _, start, _ = hparams(self.apart, {})
            writer.file_writer.add_summary(start)


def trained(module: LightningModule) -> TrainedModel:
    """Returns the network in training as a model that generates; it shares the weights."""
    assert isinstance(module, LanguageModel)
    return TrainedModel(module.network, metadata_of(module.checkpoint_entry, "this run"))


def tensorboard(trainer: Trainer) -> SummaryWriter | None:
    """Returns the writer of the TensorBoard logger; None without one or in other processes."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
            return logger.experiment  # type: ignore[no-any-return]
    return None


def _label(token: str) -> str:
    """Returns the label of a word or piece, in a table with one label a line.

    The projector would skip a blank line and shift all later labels by one.
    """
    return token if token.isprintable() and token.strip() else repr(token)
