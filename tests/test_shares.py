"""Clusters are assigned to splits by their shares."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.shares import assign_clusters

SIZES = st.lists(st.integers(1, 40), min_size=3, max_size=80)


@given(SIZES, st.integers(0, 2**32), st.floats(0.05, 0.3), st.floats(0.05, 0.3))
def test_no_side_is_empty_and_only_large_clusters_may_miss_the_shares(sizes, seed, valid, test):
    places, every = np.random.default_rng(seed).random(len(sizes)), np.array(sizes)
    sides = assign_clusters(places, every, valid=valid, test=test)
    assert set(sides.tolist()) <= {0, 1, 2}
    assert (sides == 0).any()
    if every.max() == 1:
        for side, share in ((1, valid), (2, test)):
            texts = (sides == side).sum()
            assert texts >= 1
            assert share * len(sizes) / 2 - 1 <= texts <= 2 * share * len(sizes) + 1
