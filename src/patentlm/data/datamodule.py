"""The LightningDataModule: prepares a corpus once and yields batches."""

from collections.abc import Callable
from functools import cached_property

from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from patentlm.batch import Batch
from patentlm.data.arrays import Ids
from patentlm.data.corpus import Corpus
from patentlm.data.preparation import prepare
from patentlm.data.sources import Source
from patentlm.data.windows import Windows, evaluation_windows, loader
from patentlm.data.words import Tokenizer
from patentlm.errors import DataError


class PatentData(LightningDataModule):
    """Batches of a corpus: train in windows, valid and test with each word a target once.

    The batches are the same for any number of processes; each process gets its share of the rows.

    Args:
        source: source of the texts.
        tokenizer: how the vocabulary is chosen.
        cut: makes the training windows from the ids of train.
        evaluation_batch_size: texts in a batch of valid and test.
        seed: random seed for the order of training batches; None for a fixed order.
    """

    def __init__(
        self,
        source: Source,
        tokenizer: Tokenizer,
        *,
        cut: Callable[[Ids], Windows],
        evaluation_batch_size: int,
        seed: int | None,
    ) -> None:
        super().__init__()
        self.source, self.tokenizer = source, tokenizer
        self.cut, self.evaluation_batch_size, self.seed = cut, evaluation_batch_size, seed

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, prepared on first use.

        Raises:
            DataError: if it can't be prepared.
        """
        return prepare(self.source, self.tokenizer)

    @cached_property
    def windows(self) -> Windows:
        """The training windows.

        Raises:
            DataError: if train does not fill one batch.
        """
        windows = self.cut(self.corpus.ids("train"))
        if not windows.full:
            raise DataError(
                f"{self.corpus.label}: train ({self.corpus.counts['train_targets']:,} words) is "
                "smaller than one batch; set windows.batch_size lower or use more patents"
            )
        return windows

    def prepare_data(self) -> None:
        _ = self.corpus

    def train_dataloader(self) -> DataLoader[Batch]:
        """Returns the batches of train, shuffled anew for each epoch."""
        return self._share(self.windows, seed=self.seed)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._share(self.evaluation_windows("valid"), seed=None)

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._share(self.evaluation_windows("test"), seed=None)

    def _share(self, windows: Windows, *, seed: int | None) -> DataLoader[Batch]:
        """Loads this process's share of the batches; all of them if there is no trainer."""
        if self.trainer is None:
            return loader(windows, seed=seed)
        return loader(
            windows,
            seed=seed,
            rank=self.trainer.global_rank,
            processes=self.trainer.world_size,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )

    def batches(self) -> dict[str, int]:
        """Returns the number of batches in an epoch of train, val and test."""
        loaders = (self.train_dataloader(), self.val_dataloader(), self.test_dataloader())
        return {
            name: len(part) for name, part in zip(("train", "val", "test"), loaders, strict=True)
        }

    def evaluation_windows(self, split: str) -> Windows:
        """Returns windows in which every word and every end of a text is a target once."""
        ids, context = self.corpus.ids(split), self.windows.context
        return evaluation_windows(ids, context=context, batch_size=self.evaluation_batch_size)
