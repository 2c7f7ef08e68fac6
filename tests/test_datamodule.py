"""The datamodule: batches of the contract from a prepared corpus, and every word tested once."""

from functools import partial

import pytest
import torch

from patentlm.batch import IGNORE
from patentlm.data.datamodule import PatentData
from patentlm.data.sources import CorpusSource, SampleSource
from patentlm.data.splits import ClusterSplit
from patentlm.data.windows import EveryWord, ManyToOne, Stream
from patentlm.data.words import WordTokenizer
from patentlm.errors import DataError
from tests.made_up import CLEANING

KEEP_ALL = WordTokenizer(min_count=1, max_words=None)
SAMPLE = SampleSource(
    count=40,
    seed=1,
    query=None,
    cleaning=CLEANING,
    split=ClusterSplit(valid=0.2, test=0.2, shingle=5, overlap=0.5, exact_up_to=10_000),
)
CUTS = {
    "many_to_one": partial(ManyToOne, length=7, stride=1, batch_size=32),
    "every_word": partial(EveryWord, length=7, batch_size=8),
    "abstract": partial(EveryWord, length=None, batch_size=4),
    "stream": partial(Stream, length=7, batch_size=4, random_length=False, running_text=False),
    "running_text": partial(Stream, length=7, batch_size=4, random_length=False, running_text=True),
}
X = IGNORE


def data(source=SAMPLE, *, cut=CUTS["many_to_one"], size=4, seed=1):
    return PatentData(source, KEEP_ALL, cut=cut, evaluation_batch_size=size, seed=seed)


def lists(batches):
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in batches]


def targets_of(batches):
    return sorted(target for _, targets in batches for target in targets[targets != X].tolist())


@pytest.fixture
def tiny(tmp_path):
    """A corpus of five abstracts in which a, b and c have the ids 2, 3 and 4."""
    texts = {"train": "a b c\na\na b\n", "valid": "a\nb a\n", "test": "c b d a\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    return CorpusSource(path=str(tmp_path), encoding="utf-8", encoding_errors="strict")


def test_train_is_cut_by_the_chosen_windows(tiny):
    stream = partial(Stream, length=5, batch_size=2, random_length=False, running_text=False)
    assert lists(data(tiny, cut=stream).train_dataloader()) == [
        ([[0, 2, 3, 4, 0], [0, 2, 0, 2, 3]], [[2, 3, 4, 0, X], [2, 0, 2, 3, 0]]),
    ]


def test_valid_and_test_are_cut_for_the_context_of_the_windows(tiny):
    many = data(tiny, cut=partial(ManyToOne, length=2, stride=4, batch_size=1), size=1)
    assert lists(many.test_dataloader()) == [
        (
            [[0, 0], [0, 4], [4, 3], [3, 1], [1, 2]],
            [[X, 4], [X, 3], [X, 1], [X, 2], [X, 0]],
        )
    ]
    pieces = data(tiny, cut=partial(EveryWord, length=2, batch_size=1))
    assert lists(pieces.val_dataloader()) == [([[0, 3, 2], [0, 2, 2]], [[3, 2, 0], [2, 0, X]])]
    assert lists(pieces.test_dataloader()) == [([[0, 4, 3, 1, 2]], [[4, 3, 1, 2, 0]])]
    running = data(
        tiny, cut=partial(Stream, length=1, batch_size=1, random_length=False, running_text=True)
    )
    assert lists(running.val_dataloader()) == [([[0, 2, 0, 3, 2]], [[2, 0, 3, 2, 0]])]


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_batches_keep_the_contract(cut):
    module = data(cut=cut)
    words = len(module.corpus.vocabulary)
    for batches in (module.train_dataloader(), module.val_dataloader(), module.test_dataloader()):
        for inputs, targets in batches:
            assert inputs.dtype == targets.dtype == torch.int64
            assert inputs.shape == targets.shape
            assert 0 <= inputs.min() <= inputs.max() < words
            assert 0 <= targets[targets != IGNORE].min() <= targets.max() < words


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_every_word_and_end_is_learned_and_tested_once(cut):
    module = data(cut=cut)
    corpus = module.corpus
    assert targets_of(module.train_dataloader()) == sorted(corpus.ids("train")[1:].tolist())
    assert targets_of(module.val_dataloader()) == sorted(corpus.ids("valid")[1:].tolist())
    assert targets_of(module.test_dataloader()) == sorted(corpus.ids("test")[1:].tolist())


@pytest.mark.parametrize("name", ["many_to_one", "every_word", "abstract"])
def test_seed_and_epoch_choose_the_order_of_training(name):
    def epoch(seed, number):
        batches = data(cut=CUTS[name], seed=seed).train_dataloader()
        batches.sampler.set_epoch(number)
        return lists(batches)

    first = epoch(1, 0)
    assert epoch(1, 0) == first
    assert epoch(1, 1) != first
    assert epoch(2, 0) != first


@pytest.mark.parametrize("name", CUTS)
def test_no_seed_changes_what_is_tested(name):
    one, other = (data(cut=CUTS[name], seed=seed) for seed in (1, 2))
    assert lists(one.val_dataloader()) == lists(one.val_dataloader())
    assert lists(one.test_dataloader()) == lists(other.test_dataloader())


def test_the_corpus_is_prepared_before_the_loaders_are_made(cache):
    module = data()
    assert list(cache.iterdir()) == []
    module.prepare_data()
    assert module.corpus.folder.is_relative_to(cache)
    assert module.corpus.folder.is_dir()


@pytest.mark.parametrize(
    "cut",
    [
        partial(ManyToOne, length=2, stride=1, batch_size=10),
        partial(EveryWord, length=None, batch_size=4),
        partial(Stream, length=2, batch_size=10, random_length=False, running_text=False),
    ],
)
def test_a_train_split_smaller_than_a_batch_is_refused(tiny, cut, tmp_path):
    with pytest.raises(DataError) as error:
        data(tiny, cut=cut).train_dataloader()
    assert str(error.value) == (
        f"{tmp_path.name}: train (9 words) is smaller than one batch; "
        "set windows.batch_size lower or use more patents"
    )


@pytest.mark.parametrize(
    "cut",
    [
        partial(ManyToOne, length=2, stride=1, batch_size=9),
        partial(EveryWord, length=None, batch_size=3),
        partial(Stream, length=2, batch_size=9, random_length=False, running_text=False),
    ],
)
def test_one_batch_is_enough(tiny, cut):
    assert len(data(tiny, cut=cut).train_dataloader()) == 1
