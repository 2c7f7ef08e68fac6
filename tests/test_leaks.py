"""Only a split by cluster keeps test texts out of training."""

import pytest

from benchmarks.leak import leaks
from patentlm.data.sources import SampleSource
from tests.made_up import CLEANING, SPLIT, configured


def assert_that_only_clusters_do_not_leak(source):
    windows, shuffled, without_copies, by_cluster, by_minhash = leaks(source).values()
    assert windows > 0.98
    assert shuffled > 0.1
    assert without_copies > 2 * max(by_cluster, by_minhash)
    assert by_cluster < 0.03
    assert by_minhash < 0.03


def test_only_splitting_by_cluster_keeps_test_out_of_training():
    assert_that_only_clusters_do_not_leak(
        SampleSource(count=300, seed=1, query=None, cleaning=CLEANING, split=SPLIT)
    )


@pytest.mark.real_data
def test_only_splitting_by_cluster_keeps_real_test_patents_out_of_training(real_data):
    path = real_data / "neural_network_patents.csv"
    assert_that_only_clusters_do_not_leak(configured("file", f"path={path}"))
