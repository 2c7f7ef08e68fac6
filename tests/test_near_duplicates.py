"""Near-duplicates: shingles and their pairs, exact or by MinHash, against sets of words."""

from collections import defaultdict
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patentlm.data.ingest import fold
from patentlm.data.interim import number_words, write_interim
from patentlm.data.minhash import likely_pairs
from patentlm.data.near_duplicates import Pairs, connected, exact_pairs
from patentlm.data.sample import sample_patents
from patentlm.data.shingles import hash_words, shingles
from patentlm.data.text import tokenize

TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=8), min_size=1, max_size=12)
MARKED = st.lists(st.lists(st.sampled_from("ab,.-_"), max_size=8), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def sample():
    """The words of 561 different texts."""
    texts = [patent.abstract for patent in sample_patents(count=600, seed=1) if patent.abstract]
    return list({fold(text): tokenize(text) for text in texts}.values())


def runs(words, length):
    """All shingles of a text, in their order."""
    whole = [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
    return whole or [tuple(words)] * bool(words)


def is_near(one, other, length, overlap):
    sets = set(runs(one, length)), set(runs(other, length))
    common = len(sets[0] & sets[1])
    return common > 0 and common >= overlap * min(map(len, sets))


def near_by_brute_force(texts, length, overlap):
    places = combinations(range(len(texts)), 2)
    return [(a, b) for a, b in places if is_near(texts[a], texts[b], length, overlap)]


def pairs_of(texts, ranks=None, *, find=exact_pairs, length=5, overlap=0.5):
    """The pairs that are found among texts, the smaller number first, and no pair twice."""
    ranks = np.arange(len(texts)) if ranks is None else np.array(ranks)
    with TemporaryDirectory() as folder:
        interim = write_interim([number_words(texts)], Path(folder) / "interim")
        pairs = find(interim, ranks, length=length, overlap=overlap)
    found = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    return sorted({(min(pair), max(pair)) for pair in found})


def hashes_of(texts):
    """The words of texts, all in one shard."""
    with TemporaryDirectory() as folder:
        [words] = hash_words(write_interim([number_words(texts)], Path(folder) / "interim"))
    return words


def labels_of(pairs, texts):
    """The cluster of each text."""
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    return connected(Pairs(left, right), texts).tolist()


@given(TEXTS, st.integers(1, 5))
@example([[]], 1)
def test_shingles_are_all_runs_of_words_and_equal_where_their_words_are(texts, length):
    found = shingles(hashes_of(texts), length)
    expected = [runs(words, length) for words in texts]
    assert found.counts.tolist() == list(map(len, expected))
    every = [run for some in expected for run in some]
    named = set(zip(every, found.hashes.tolist(), strict=True))
    assert len(named) == len(set(every)) == len(set(found.hashes.tolist()))


@given(MARKED)
def test_punctuation_is_left_out_of_each_text(texts):
    hashes, lengths = hashes_of(texts)
    expected = [[word for word in words if word in "ab_"] for words in texts]
    assert lengths.tolist() == list(map(len, expected))
    named = dict(zip((word for words in expected for word in words), hashes.tolist(), strict=True))
    assert hashes.tolist() == [named[word] for words in expected for word in words]
    assert len(set(named.values())) == len(named)


def test_a_words_hash_does_not_depend_on_the_words_before_it():
    assert hashes_of([["net"]]).hashes.tolist() == hashes_of([["a", "net"]]).hashes.tolist()[1:]


def test_a_hyphenated_word_is_one_word():
    texts = [
        tokenize(text) for text in ("a feed-forward net", "a feed forward net", "A (net).", "a net")
    ]
    assert pairs_of(texts, length=2, overlap=0.1) == [(2, 3)]
    assert pairs_of(texts, length=1, overlap=1.0) == [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


@given(TEXTS, st.integers(1, 4), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
@example([list("abcd"), list("cdef"), list("efgh"), list("xyz")], 2, 0.3)
@example([[], ["a"], ["a"], [], ["b", "a"]], 2, 0.5)
def test_exact_pairs_are_those_of_brute_force(texts, length, overlap):
    found = pairs_of(texts, length=length, overlap=overlap)
    assert found == near_by_brute_force(texts, length, overlap)


def test_exact_pairs_of_the_sample_are_those_of_brute_force(sample):
    found = pairs_of(sample[:150])
    words = [[word for word in text if fold(word)] for text in sample[:150]]
    assert found == near_by_brute_force(words, 5, 0.5) != []


@pytest.mark.parametrize("find", [exact_pairs, likely_pairs])
def test_texts_are_called_by_their_ranks_and_some_are_left_out(find):
    texts = [list("abcdefg"), list("tuvwxyz"), list("abcdefg"), list("abcdefg"), list("tuvwxyz")]
    assert pairs_of(texts, [2, 0, -1, 1, 3], find=find) == [(0, 3), (1, 2)]
    assert pairs_of(texts, [0, 1, -1, -1, -1], find=find) == []


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(
    st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=15)
)))  # fmt: skip
@example((4, [(2, 3), (1, 2)]))
@example((3, []))
def test_clusters_are_what_pairs_connect(case):
    texts, pairs = case
    labels = list(range(texts))
    for a, b in pairs:
        low, high = sorted((labels[a], labels[b]))
        labels = [low if label == high else label for label in labels]
    assert labels_of(pairs, texts) == labels


@given(TEXTS, st.integers(1, 5), st.sampled_from([0.25, 0.5, 1.0]))
@example([[]], 5, 0.5)
@example([["a"]], 5, 0.5)
def test_minhash_brings_equal_texts_together(texts, length, overlap):
    pairs = pairs_of(texts, find=likely_pairs, length=length, overlap=overlap)
    clusters = defaultdict(set)
    for words, label in zip(texts, labels_of(pairs, len(texts)), strict=True):
        clusters[tuple(words)].add(label)
    assert all(len(labels) == 1 for words, labels in clusters.items() if words)


@given(TEXTS, st.integers(1, 3), st.sampled_from([0.1, 0.5, 1.0]))
def test_minhash_never_pairs_texts_that_have_no_shingle_in_common(texts, length, overlap):
    for a, b in pairs_of(texts, find=likely_pairs, length=length, overlap=overlap):
        assert set(runs(texts[a], length)) & set(runs(texts[b], length))


def test_minhash_finds_most_clusters_of_the_sample_and_no_others(sample):
    exact, likely = pairs_of(sample), pairs_of(sample, find=likely_pairs)
    labels = labels_of(likely, len(sample))
    together = [labels[a] == labels[b] for a, b in exact]
    assert len(exact) > 40
    assert sum(together) / len(together) > 0.9
    exact_labels = labels_of(exact, len(sample))
    apart = [exact_labels[a] != exact_labels[b] for a, b in likely]
    assert sum(apart) / len(apart) < 0.05
