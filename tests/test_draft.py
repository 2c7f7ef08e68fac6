"""Drafts: texts come back from their provisional ids word for word."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.leak import texts_of
from patentlm.data.interim import TEXTS_IN_A_PIECE, number, write_draft

TEXTS = st.lists(st.lists(st.sampled_from("abcdef") | st.text(max_size=3), max_size=6), max_size=6)


def written(chunks, folder):
    return write_draft(map(number, chunks), Path(folder) / "draft")


def test_words_are_numbered_as_they_first_appear(tmp_path):
    draft = written([[["b", "a", "b"], []], [["c", "b"]]], tmp_path)
    assert draft.words == ["b", "a", "c"]
    assert draft.lengths.tolist() == [3, 0, 2]
    [(start, ids, lengths)] = draft.pieces("Reading texts")
    assert (start, ids.tolist(), lengths.tolist()) == (0, [0, 1, 0, 2, 0], [3, 0, 2])


def test_a_chunk_has_numbers_of_its_own():
    words, ids, lengths = number([["b", "a"], [], ["a", "c"]])
    assert (words, ids.tolist(), lengths.tolist()) == (["b", "a", "c"], [0, 1, 1, 2], [2, 0, 2])


@given(st.lists(TEXTS, max_size=8))
@example([])
@example([[], [[]], [], [["a"], [], []], []])
def test_texts_come_back_from_a_draft(chunks):
    texts = [words for chunk in chunks for words in chunk]
    with TemporaryDirectory() as folder:
        draft = written(chunks, folder)
        assert texts_of(draft) == texts
    assert draft.words == list(dict.fromkeys(word for words in texts for word in words))
    assert draft.lengths.tolist() == list(map(len, texts))


@given(st.lists(TEXTS, max_size=4), st.randoms(use_true_random=False))
def test_words_are_counted_in_the_texts_chosen(chunks, rng):
    texts = [words for chunk in chunks for words in chunk]
    chosen = np.array([rng.random() < 0.5 for _ in texts], np.bool_)
    with TemporaryDirectory() as folder:
        draft = written(chunks, folder)
        counts = draft.counts(chosen).tolist()
    expected = Counter(
        word for words, is_chosen in zip(texts, chosen, strict=True) if is_chosen for word in words
    )
    assert counts == [expected[word] for word in draft.words]


def test_many_texts_come_in_pieces_and_in_order(tmp_path):
    texts = [[str(n), "and", str(n // 2)][: n % 4] for n in range(2 * TEXTS_IN_A_PIECE + 5)]
    draft = written([texts[:100], texts[100:9000], texts[9000:]], tmp_path)
    pieces = list(draft.pieces("Reading texts"))
    assert [piece.start for piece in pieces] == [0, TEXTS_IN_A_PIECE, 2 * TEXTS_IN_A_PIECE]
    assert [len(piece.lengths) for piece in pieces] == [TEXTS_IN_A_PIECE, TEXTS_IN_A_PIECE, 5]
    assert texts_of(draft) == texts
    odd = np.arange(len(texts)) % 2 == 1
    expected = Counter(word for words in texts[1::2] for word in words)
    assert draft.counts(odd).tolist() == [expected[word] for word in draft.words]
