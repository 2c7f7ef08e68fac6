"""Windows: what a model sees before each target, and that each word is a target once."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patentlm.batch import IGNORE
from patentlm.data.windows import (
    RUNNING,
    EveryWord,
    ManyToOne,
    Stream,
    abstract_starts,
    contexts,
    evaluation_windows,
    loader,
)
from patentlm.data.words import END

X = IGNORE


def join_abstracts(abstracts):
    """`<end> w1 … wn <end> …` as a corpus holds it."""
    ids = [END]
    for abstract in abstracts:
        ids += [*abstract, END]
    return np.array(ids, dtype=np.uint16)


THREE = join_abstracts([[11, 12, 13], [21], [31, 32]])
ABSTRACTS = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=12), min_size=1, max_size=8)
SPLITS = ABSTRACTS.map(join_abstracts)


def numbered(lengths):
    """A corpus in which every word has an id of its own."""
    words = iter(range(1, sum(lengths) + 1))
    return join_abstracts([[next(words) for _ in range(length)] for length in lengths])


# Every word differs, so that a window that took a word from the wrong place is found out.
NUMBERED = st.lists(st.integers(1, 12), min_size=1, max_size=8).map(numbered)


def batches(windows, seed=None):
    """The batches of an epoch as lists."""
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in loader(windows, seed=seed)]


def all_targets(windows, seed=None):
    """All targets of an epoch, in the order they are asked."""
    kept = [targets[targets != IGNORE] for _, targets in loader(windows, seed=seed)]
    return torch.cat(kept).tolist()


def test_contexts_stay_in_the_abstract_and_are_filled_from_the_left():
    positions = np.array([1, 2, 4, 5, 6, 9])
    assert contexts(THREE, positions, 3).tolist() == [
        [0, 0, 0],
        [0, 0, 11],
        [11, 12, 13],
        [0, 0, 0],
        [0, 0, 21],
        [0, 31, 32],
    ]
    starts = abstract_starts(THREE)
    assert starts.tolist() == [0, 4, 6, 9]
    assert contexts(THREE, positions[:2], 1, starts).tolist() == [[0], [11]]


def test_many_to_one_asks_for_the_word_after_the_window():
    windows = ManyToOne(THREE, length=2, stride=1, batch_size=5)
    assert batches(windows) == [
        (
            [[0, 0], [0, 11], [11, 12], [12, 13], [0, 0]],
            [[X, 11], [X, 12], [X, 13], [X, 0], [X, 21]],
        ),
        (
            [[0, 21], [0, 0], [0, 31], [31, 32]],
            [[X, 0], [X, 31], [X, 32], [X, 0]],
        ),
    ]


def test_many_to_one_with_a_stride_leaves_targets_out():
    windows = ManyToOne(THREE, length=2, stride=4, batch_size=3)
    assert batches(windows) == [([[0, 0], [0, 0], [31, 32]], [[X, 11], [X, 21], [X, 0]])]
    assert all_targets(ManyToOne(THREE, length=2, stride=5, batch_size=3)) == [11, 0]


def test_every_word_cuts_abstracts_into_pieces_longest_first():
    windows = EveryWord(THREE, length=3, batch_size=2)
    assert batches(windows) == [
        ([[0, 11, 12], [0, 31, 32]], [[11, 12, 13], [31, 32, 0]]),
        ([[0, 21], [13, 13]], [[21, 0], [0, X]]),
    ]


def test_every_word_without_a_length_keeps_abstracts_whole():
    windows = EveryWord(THREE, length=None, batch_size=3)
    assert batches(windows) == [
        (
            [[0, 11, 12, 13], [0, 31, 32, 32], [0, 21, 21, 21]],
            [[11, 12, 13, 0], [31, 32, 0, X], [21, 0, X, X]],
        )
    ]


def test_a_stream_reads_rows_side_by_side():
    windows = Stream(THREE, length=2, batch_size=2, random_length=False, running_text=False)
    assert batches(windows) == [
        ([[0, 11], [0, 21]], [[11, 12], [21, 0]]),
        ([[12, 13], [0, 31]], [[13, 0], [31, 32]]),
        ([[0], [32]], [[X], [0]]),
    ]


def test_only_a_stream_carries_its_state_and_each_names_its_context():
    many = ManyToOne(THREE, length=2, stride=1, batch_size=1)
    pieces = EveryWord(THREE, length=2, batch_size=1)
    stream = Stream(THREE, length=2, batch_size=1, random_length=False, running_text=False)
    running = Stream(THREE, length=2, batch_size=1, random_length=False, running_text=True)
    cuts = (many, pieces, stream, running)
    assert [windows.carry_state for windows in cuts] == [False, False, True, True]
    assert [windows.context for windows in cuts] == [2, None, None, RUNNING]


def all_windowings(ids, length, batch_size):
    return [
        ManyToOne(ids, length=length, stride=1, batch_size=batch_size),
        EveryWord(ids, length=length, batch_size=batch_size),
        EveryWord(ids, length=None, batch_size=batch_size),
        Stream(ids, length=length, batch_size=batch_size, random_length=False, running_text=False),
        *(
            evaluation_windows(ids, context=context, batch_size=batch_size)
            for context in (length, None, RUNNING)
        ),
    ]


@given(SPLITS, st.integers(1, 15), st.integers(1, 9), st.none() | st.integers(0, 99))
def test_every_word_and_end_is_a_target_exactly_once(ids, length, batch_size, seed):
    for windows in all_windowings(ids, length, batch_size):
        assert sorted(all_targets(windows, seed)) == sorted(ids[1:].tolist()), windows


@given(NUMBERED, st.integers(1, 15), st.integers(1, 9))
def test_a_target_follows_its_input(ids, length, batch_size):
    following = set(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    for windows in all_windowings(ids, length, batch_size):
        for inputs, targets in loader(windows, seed=1):
            asked = targets != IGNORE
            pairs = zip(inputs[asked].tolist(), targets[asked].tolist(), strict=True)
            assert following.issuperset(pairs), windows


@given(SPLITS, st.integers(1, 15), st.integers(1, 9))
def test_batches_keep_the_contract(ids, length, batch_size):
    for windows in all_windowings(ids, length, batch_size):
        some = list(loader(windows, seed=1))
        assert len(some) == len(loader(windows, seed=1))
        for inputs, targets in some:
            assert inputs.dtype == targets.dtype == torch.int64
            assert inputs.shape == targets.shape
            assert (targets != IGNORE).any()
            assert inputs.min() >= 0


@given(SPLITS, st.integers(1, 15), st.integers(1, 9))
def test_many_to_one_inputs_are_the_words_before_in_the_same_abstract(ids, length, batch_size):
    windows = ManyToOne(ids, length=length, stride=1, batch_size=batch_size)
    rows = [row for inputs, _ in loader(windows, seed=None) for row in inputs.tolist()]
    before = []
    for at, target in enumerate(ids.tolist()):
        if at:
            assert rows[at - 1] == ([END] * length + before)[-length:]
        before = [] if target == END else [*before, target]


@given(SPLITS, st.integers(1, 15))
def test_a_piece_goes_on_where_the_one_before_it_in_its_abstract_stopped(ids, length):
    windows = EveryWord(ids, length=length, batch_size=4)
    pieces = [windows[np.array([row])] for row in range(len(windows))]
    assert all(inputs.shape[1] <= length for inputs, _ in pieces)
    assert all((inputs[0, 1:] != END).all() for inputs, _ in pieces)
    assert torch.cat([inputs[0] for inputs, _ in pieces]).tolist() == ids[:-1].tolist()
    assert torch.cat([targets[0] for _, targets in pieces]).tolist() == ids[1:].tolist()


@given(SPLITS, st.integers(1, 7), st.integers(1, 5), st.booleans())
def test_a_stream_row_goes_on_where_it_stopped_in_the_batch_before(
    ids, length, batch_size, running_text
):
    windows = Stream(
        ids, length=length, batch_size=batch_size, random_length=False, running_text=running_text
    )
    rows = [[] for _ in range(batch_size)]
    for inputs, targets in loader(windows, seed=1):
        assert inputs.shape[1] <= length
        for row, words, asked in zip(rows, inputs.tolist(), targets.tolist(), strict=True):
            some = [(x, y) for x, y in zip(words, asked, strict=True) if y != IGNORE]
            assert IGNORE not in asked[: len(some)]
            row += some
    joined = [pair for row in rows for pair in row]
    assert joined == list(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


@pytest.mark.parametrize(("targets", "full"), [(1, False), (3, False), (4, True), (5, True)])
def test_a_split_smaller_than_a_batch_says_so(targets, full):
    ids = join_abstracts([[7]] * 5)[: targets + 1]
    ids[-1] = END
    many = ManyToOne(ids, length=3, stride=1, batch_size=4)
    stream = Stream(ids, length=3, batch_size=4, random_length=False, running_text=False)
    assert (many.full, stream.full) == (full, full)


def test_pieces_smaller_than_a_batch_say_so():
    assert EveryWord(THREE, length=2, batch_size=5).full
    assert not EveryWord(THREE, length=2, batch_size=6).full
    assert EveryWord(THREE, length=None, batch_size=3).full
    assert not EveryWord(THREE, length=None, batch_size=4).full


def test_windows_are_cut_from_the_mapped_file_itself(tmp_path):
    np.save(tmp_path / "train.npy", THREE)
    mapped = np.load(tmp_path / "train.npy", mmap_mode="r")
    for windows in all_windowings(mapped, 2, 2):
        assert windows.ids is mapped
        held = [value for value in vars(windows).values() if isinstance(value, np.ndarray)]
        assert all(len(value) < len(mapped) for value in held if value is not mapped)
        assert sorted(all_targets(windows)) == sorted(THREE[1:].tolist())


def test_a_stream_of_random_lengths_reads_all_of_its_rows():
    ids = np.array([0, *range(2, 100), 0], dtype=np.uint32)
    windows = Stream(ids, length=8, batch_size=2, random_length=True, running_text=False)
    asked = torch.cat([targets for _, targets in loader(windows, seed=1)], dim=1)
    assert sorted(asked[asked != IGNORE].tolist()) == [0, *range(2, 100)]
