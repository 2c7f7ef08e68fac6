"""Interim corpora: texts come back from their provisional ids word for word."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.leak import words_of
from patentlm.data.interim import SHARD_TEXTS, number_words, write_interim

TEXTS = st.lists(st.lists(st.sampled_from("abcdef") | st.text(max_size=3), max_size=6), max_size=6)


def written(batches, folder):
    return write_interim(map(number_words, batches), Path(folder) / "interim")


def test_words_are_numbered_as_they_first_appear(tmp_path):
    interim = written([[["b", "a", "b"], []], [["c", "b"]]], tmp_path)
    assert interim.words == ["b", "a", "c"]
    assert interim.lengths.tolist() == [3, 0, 2]
    [(start, ids, lengths)] = interim.shards("Reading texts")
    assert (start, ids.tolist(), lengths.tolist()) == (0, [0, 1, 0, 2, 0], [3, 0, 2])


def test_a_batch_has_numbers_of_its_own():
    words, ids, lengths = number_words([["b", "a"], [], ["a", "c"]])
    assert (words, ids.tolist(), lengths.tolist()) == (["b", "a", "c"], [0, 1, 1, 2], [2, 0, 2])


@given(st.lists(TEXTS, max_size=8))
@example([])
@example([[], [[]], [], [["a"], [], []], []])
def test_texts_come_back_from_disk(batches):
    texts = [words for batch in batches for words in batch]
    with TemporaryDirectory() as folder:
        interim = written(batches, folder)
        assert words_of(interim) == texts
    assert interim.words == list(dict.fromkeys(word for words in texts for word in words))
    assert interim.lengths.tolist() == list(map(len, texts))


@given(st.lists(TEXTS, max_size=4), st.randoms(use_true_random=False))
def test_words_are_counted_in_the_texts_chosen(batches, rng):
    texts = [words for batch in batches for words in batch]
    chosen = np.array([rng.random() < 0.5 for _ in texts], np.bool_)
    with TemporaryDirectory() as folder:
        interim = written(batches, folder)
        counts = interim.word_counts(chosen).tolist()
    expected = Counter(
        word for words, is_chosen in zip(texts, chosen, strict=True) if is_chosen for word in words
    )
    assert counts == [expected[word] for word in interim.words]


def test_many_texts_come_in_shards_and_in_order(tmp_path):
    texts = [[str(n), "and", str(n // 2)][: n % 4] for n in range(2 * SHARD_TEXTS + 5)]
    interim = written([texts[:100], texts[100:9000], texts[9000:]], tmp_path)
    shards = list(interim.shards("Reading texts"))
    assert [shard.start for shard in shards] == [0, SHARD_TEXTS, 2 * SHARD_TEXTS]
    assert [len(shard.lengths) for shard in shards] == [SHARD_TEXTS, SHARD_TEXTS, 5]
    assert words_of(interim) == texts
    odd = np.arange(len(texts)) % 2 == 1
    expected = Counter(word for words in texts[1::2] for word in words)
    assert interim.word_counts(odd).tolist() == [expected[word] for word in interim.words]
