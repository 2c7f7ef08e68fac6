"""Which windows make which batch: pure functions of seed and epoch."""

import numpy as np
import pytest

from patentlm.data.samplers import BPTTSampler, LengthBucketSampler


@pytest.mark.parametrize("lengths", [None, np.arange(1000) % 37 + 1])
def test_batches_are_a_permutation_that_seed_and_epoch_choose(lengths):
    def order(seed, epoch):
        sampler = LengthBucketSampler(1000, batch_size=16, lengths=lengths, seed=seed)
        sampler.set_epoch(epoch)
        some = list(sampler)
        assert len(some) == len(sampler) == 63
        assert sorted(map(len, some)) == [8] + [16] * 62
        return np.concatenate(some).tolist()

    orders = [order(1, 0), order(1, 1), order(2, 0), order(2, 1)]
    assert all(sorted(some) == list(range(1000)) for some in orders)
    assert len({tuple(some) for some in orders}) == 4
    assert order(1, 1) == orders[1]


def test_an_epoch_does_not_hang_on_the_ones_before_it():
    resumed = LengthBucketSampler(100, batch_size=7, lengths=None, seed=5)
    resumed.set_epoch(3)
    whole = LengthBucketSampler(100, batch_size=7, lengths=None, seed=5)
    for epoch in range(4):
        whole.set_epoch(epoch)
        last = [rows.tolist() for rows in whole]
    assert [rows.tolist() for rows in resumed] == last


def test_without_a_seed_the_order_is_fixed():
    plain = LengthBucketSampler(5, batch_size=2, lengths=None, seed=None)
    assert [rows.tolist() for rows in plain] == [[0, 1], [2, 3], [4]]
    lengths = np.array([2, 7, 2, 9, 7])
    longest_first = LengthBucketSampler(5, batch_size=2, lengths=lengths, seed=None)
    for epoch in range(2):
        longest_first.set_epoch(epoch)
        assert [rows.tolist() for rows in longest_first] == [[3, 1], [4, 0], [2]]


@pytest.mark.parametrize("seed", [None, 1])
def test_windows_of_about_the_same_length_share_a_batch(seed):
    lengths = np.random.default_rng(0).integers(1, 200, size=3000)
    sampler = LengthBucketSampler(3000, batch_size=16, lengths=lengths, seed=seed)
    places = sum(len(rows) * lengths[rows].max() for rows in sampler)
    assert places < 1.03 * lengths.sum()  # shuffled alone, almost half would be padding


def test_shuffled_batches_do_not_come_longest_first():
    lengths = np.arange(2000)
    sampler = LengthBucketSampler(2000, batch_size=10, lengths=lengths, seed=1)
    longest = [lengths[rows].max() for rows in sampler]
    assert abs(np.corrcoef(longest, np.arange(200))[0, 1]) < 0.3


def test_steps_of_a_stream_are_of_one_length_or_of_random_ones():
    assert list(BPTTSampler(7, length=3, seed=None)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    steps = BPTTSampler(10_000, length=35, seed=1)
    found = [list(steps), list(steps)]
    steps.set_epoch(1)
    assert found[0] == found[1] != list(steps)
    lengths = np.array([step.stop - step.start for step in steps])
    assert lengths.sum() == 10_000
    assert len(steps) == len(lengths)
    assert lengths[:-1].min() >= BPTTSampler.SHORTEST
    assert 31 < np.median(lengths) < 37
    assert 0 < np.mean(lengths < 24) < 0.15
