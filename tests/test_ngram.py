from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patentlm.data.windows import contexts
from patentlm.errors import ConfigError, DataError
from patentlm.evaluation.ngram import KneserNey

END = 0
VOCABULARY = 7

abstracts = st.lists(
    st.lists(st.integers(1, VOCABULARY - 2), min_size=1, max_size=12), min_size=1, max_size=8
)
orders = st.integers(1, 5)


def flat(texts):
    """A split: `<end> w1 … wn <end> …`."""
    return np.array([END, *(word for text in texts for word in (*text, END))], dtype=np.uint32)


def windows(ids, length):
    return contexts(ids, np.arange(1, len(ids)), length)


class Reference:
    """Kneser-Ney as its recursion is written, with a dict for each order."""

    def __init__(self, texts, vocabulary, order):
        self.vocabulary, self.order = vocabulary, order
        longest = Counter()
        for text in texts:
            padded = [END] * (order - 1) + text + [END]
            longest.update(tuple(padded[at : at + order]) for at in range(len(text) + 1))
        self.counts = {order: longest}
        for shorter in range(order - 1, 0, -1):
            self.counts[shorter] = Counter(gram[1:] for gram in self.counts[shorter + 1])

    def discount(self, order, count):
        of = Counter(self.counts[order].values())
        single = of[1] / (of[1] + 2 * of[2]) if of[1] else 0.5
        step = min(count, 3)
        if step == 0 or of[step] == 0:
            return single if step else 0.0
        return max(single, step - (step + 1) * single * of[step + 1] / of[step])

    def probability(self, context, word):
        order = len(context) + 1
        lower = self.probability(context[1:], word) if context else 1 / self.vocabulary
        followers = {g: n for g, n in self.counts[order].items() if g[:-1] == context}
        if not followers:
            return lower
        total = sum(followers.values())
        left = sum(self.discount(order, n) for n in followers.values())
        count = followers.get((*context, word), 0)
        return (count - self.discount(order, count) + left * lower) / total


def test_unigram_by_hand():
    ids = flat([[1, 1, 1, 2, 2, 3]])  # 1 thrice, 2 twice, 3 and <end> once, 4 never
    # n1 = 2, n2 = n3 = 1, n4 = 0: the discounts are 0.5, 0.5 and 3, so 4.5 of 7 is shared out.
    expected = np.array([[0.5 + 0.9, 0.9, 1.5 + 0.9, 0.5 + 0.9, 0.9]]) / 7
    model = KneserNey(ids, vocabulary=5, order=1)
    np.testing.assert_allclose(model.probabilities(np.zeros((1, 0), dtype=np.int64)), expected)


def test_lower_order_counts_the_words_followed_not_occurrences():
    """Word 2 is frequent but only ever follows 1; 3 is rarer and follows five words."""
    ids = flat([[1, 2] * 8, [4, 3], [5, 3], [1, 3], [6, 3], [7, 3]])
    after_unseen = KneserNey(ids, vocabulary=9, order=2).probabilities(np.array([[8]]))[0]
    assert after_unseen[3] > after_unseen[2]


@settings(max_examples=40, deadline=None)
@given(abstracts, orders, st.data())
def test_equals_the_recursion(texts, order, data):
    context = data.draw(st.tuples(*[st.integers(0, VOCABULARY - 1)] * (order - 1)))
    rows = np.vstack([windows(flat(texts), order - 1)[:3], np.array([context], dtype=np.int64)])
    reference = Reference(texts, VOCABULARY, order)
    expected = [
        [reference.probability(tuple(row.tolist()), word) for word in range(VOCABULARY)]
        for row in rows
    ]
    model = KneserNey(flat(texts), vocabulary=VOCABULARY, order=order)
    np.testing.assert_allclose(model.probabilities(rows), expected, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(abstracts, orders)
def test_rows_sum_to_one_and_are_positive(texts, order):
    ids = flat(texts)
    model = KneserNey(ids, vocabulary=VOCABULARY, order=order)
    rows = model.probabilities(windows(ids, order - 1))
    assert rows.shape == (len(ids) - 1, VOCABULARY)
    assert rows.min() > 0
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(abstracts, st.integers(2, 5), st.data())
def test_unseen_context_backs_off(texts, order, data):
    """A word the split lacks hides all that stands before it."""
    unseen = VOCABULARY - 1
    at = data.draw(st.integers(0, order - 2))
    row, other = (np.array(data.draw(st.tuples(*[st.integers(0, 5)] * at))) for _ in range(2))
    tail = np.array(data.draw(st.tuples(*[st.integers(0, 5)] * (order - 2 - at))), dtype=np.int64)
    model = KneserNey(flat(texts), vocabulary=VOCABULARY, order=order)
    pair = np.array([[*before, unseen, *tail] for before in (row, other)], dtype=np.int64)
    first, second = model.probabilities(pair)
    np.testing.assert_array_equal(first, second)
    if at == order - 2:
        reference = Reference(texts, VOCABULARY, order)
        np.testing.assert_allclose(
            first, [reference.probability((), word) for word in range(VOCABULARY)]
        )


@given(abstracts)
def test_rows_do_not_depend_on_their_batch(texts):
    ids = flat(texts)
    model = KneserNey(ids, vocabulary=VOCABULARY, order=3)
    rows = windows(ids, 2)
    one_by_one = np.vstack([model.probabilities(row[None]) for row in rows])
    np.testing.assert_array_equal(model.probabilities(rows), one_by_one)


def test_every_ngram_seen_often_still_leaves_mass():
    """No single n-grams at all: Good-Turing's estimate is undefined, a fixed one stands in."""
    ids = flat([[1, 2, 3]] * 4)
    rows = KneserNey(ids, vocabulary=6, order=3).probabilities(windows(ids, 2))
    assert rows.min() > 0
    np.testing.assert_allclose(rows.sum(axis=1), 1)


def test_large_vocabulary_at_order_five_does_not_overflow():
    vocabulary = 100_000
    words = np.random.default_rng(0).integers(vocabulary - 50, vocabulary, size=2_000)
    ids = flat([words.tolist()] * 5)
    rows = windows(ids, 4)[[5, 1_500]]
    probabilities = KneserNey(ids, vocabulary=vocabulary, order=5).probabilities(rows)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), ids[[6, 1_501]])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_no_rows():
    model = KneserNey(flat([[1, 2]]), vocabulary=3, order=3)
    assert model.probabilities(np.zeros((0, 2), dtype=np.int64)).shape == (0, 3)


@pytest.mark.parametrize("order", [0, -1, 2.5])
def test_bad_order(order):
    with pytest.raises(ConfigError, match=rf"whole number of at least 1, not {order}"):
        KneserNey(flat([[1]]), vocabulary=2, order=order)


def test_empty_split():
    with pytest.raises(DataError, match="at least one word"):
        KneserNey(np.array([END], dtype=np.uint32), vocabulary=2, order=2)


def test_id_outside_the_vocabulary():
    with pytest.raises(DataError, match="word id 5 is outside a vocabulary of 5 words"):
        KneserNey(flat([[1, 5]]), vocabulary=5, order=2)


@pytest.mark.real_data
def test_perplexity_on_the_neural_network_split(real_data):
    """The fixed ruler: 48,633 targets, each abstract read from its own start."""
    folder = real_data / "neural_network_split"
    train, test = (
        [line.split() for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("train.txt", "test.txt")
    )
    vocabulary = {"<end>": END}
    for word in (word for text in train for word in text):
        vocabulary.setdefault(word, len(vocabulary))
    ids, wanted = (flat([[vocabulary[word] for word in text] for text in s]) for s in (train, test))
    model = KneserNey(ids, vocabulary=len(vocabulary), order=5)
    loss = 0.0
    for rows in np.array_split(np.arange(1, len(wanted)), 200):
        probabilities = model.probabilities(contexts(wanted, rows, 4))
        loss -= np.log(probabilities[np.arange(len(rows)), wanted[rows]]).sum()
    assert (len(vocabulary), len(wanted) - 1) == (5_963, 48_633)
    assert np.exp(loss / (len(wanted) - 1)) == pytest.approx(100.33, abs=0.01)
