"""The LightningDataModule: prepares a corpus once and hands out batches."""

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
    """Training batches cut by the chosen windows; valid and test with every word a target once.

    A batch is the same for any number of processes, each of which gets its share of the rows.

    Args:
        source: where the texts come from.
        tokenizer: how their vocabulary is chosen.
        cut: makes the training windows from the ids of train.
        evaluation_batch_size: texts in a batch of valid and test.
        seed: of the order of the training batches; None for a fixed one.
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
        """Batches of train, shuffled anew for each epoch."""
        return self._share(self.windows, seed=self.seed)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._share(self.evaluation_windows("valid"), seed=None)

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._share(self.evaluation_windows("test"), seed=None)

    def _share(self, windows: Windows, *, seed: int | None) -> DataLoader[Batch]:
        """What this process has of the batches: all of each where there is no trainer yet."""
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
        """How many batches an epoch of train, val and test has."""
        loaders = (self.train_dataloader(), self.val_dataloader(), self.test_dataloader())
        return {
            name: len(part) for name, part in zip(("train", "val", "test"), loaders, strict=True)
        }

    def evaluation_windows(self, split: str) -> Windows:
        """Windows in which every word and every end of a split is a target once."""
        ids, context = self.corpus.ids(split), self.windows.context
        return evaluation_windows(ids, context=context, batch_size=self.evaluation_batch_size)
