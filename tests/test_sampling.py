import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patentlm.errors import ConfigError
from patentlm.generation.sampling import (
    FILTERS,
    apply_filters,
    check_sampling,
    min_p,
    no_repeat_ngram,
    repetition_penalty,
    temperature,
    top_k,
    top_p,
)

NEVER = -math.inf
NONE = torch.zeros(1, 0, dtype=torch.int64)

rows = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=12).map(
    lambda row: torch.tensor([row])
)
histories = st.lists(st.lists(st.integers(0, 3), min_size=14, max_size=14), min_size=1, max_size=4)


def logits_of(*probabilities):
    return torch.tensor([probabilities], dtype=torch.float64).log()


def possible(logits):
    """Words of the one row that can still be drawn."""
    return (logits[0] > NEVER).nonzero().flatten().tolist()


def words(*row):
    return torch.tensor([row])


def test_temperature():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    halved = temperature(logits, NONE, 0.5).softmax(dim=1)
    torch.testing.assert_close(halved, (logits * 2).softmax(dim=1))
    torch.testing.assert_close(temperature(logits, NONE, 0), torch.tensor([[NEVER, 3.0, NEVER]]))


def test_greedy_keeps_the_first_of_equals():
    assert possible(temperature(torch.tensor([[1.0, 2.0, 2.0]]), NONE, 0)) == [1]


@pytest.mark.parametrize("value", [1e-320, 1e-12, 1e-6, 1000.0])
def test_extreme_temperatures_stay_numbers(value):
    logits = torch.tensor([[90.0, NEVER, -90.0]])
    probabilities = temperature(logits, NONE, value).softmax(dim=1)
    assert probabilities.isfinite().all()
    assert probabilities[0, 1] == 0


def test_top_k():
    logits = torch.tensor([[1.0, 4.0, 2.0, 3.0]])
    expected = torch.tensor([[NEVER, 4.0, NEVER, 3.0]])
    torch.testing.assert_close(top_k(logits, NONE, 2), expected)
    torch.testing.assert_close(top_k(logits, NONE, 99), logits)


def test_top_k_keeps_equals_of_the_last():
    assert possible(top_k(torch.tensor([[2.0, 1.0, 2.0, 2.0]]), NONE, 2)) == [0, 2, 3]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0.01, [1]), (0.5, [1]), (0.51, [0, 1]), (0.81, [0, 1, 3]), (1, [0, 1, 2, 3])],
)
def test_top_p(value, kept):
    assert possible(top_p(logits_of(0.25, 0.5, 0.0625, 0.1875), NONE, value)) == kept


@pytest.mark.parametrize(
    ("value", "kept"), [(0, [0, 1, 2]), (0.24, [0, 1, 2]), (0.4, [0, 1]), (1, [1])]
)
def test_min_p(value, kept):
    assert possible(min_p(logits_of(0.3, 0.56, 0.14), NONE, value)) == kept


def test_repetition_penalty():
    logits = torch.tensor([[2.0, -2.0, 1.0, -1.0]])  # their mean is 0
    penalised = repetition_penalty(logits, words(0, 1, 0), 2)
    torch.testing.assert_close(penalised, torch.tensor([[1.0, -4.0, 1.0, -1.0]]))


def test_repetition_penalty_holds_for_a_word_as_good_as_certain():
    logits = torch.tensor([[12.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    before, after = (
        x.softmax(dim=1)[0, 1] for x in (logits, repetition_penalty(logits, words(0), 2))
    )
    assert after > 50 * before


@given(rows, st.floats(-5, 5), st.floats(0.5, 3))
def test_repetition_penalty_ignores_a_shift(logits, shift, value):
    logits = logits.double()
    penalised = [repetition_penalty(x, words(0, 1), value) for x in (logits, logits + shift)]
    torch.testing.assert_close(*(x.log_softmax(dim=1) for x in penalised))


@given(rows, st.floats(1, 3))
def test_repetition_penalty_never_helps_what_is_written(logits, value):
    before = logits.double().softmax(dim=1)
    after = repetition_penalty(logits.double(), words(0), value).softmax(dim=1)
    assert after[0, 0] <= before[0, 0] * (1 + 1e-9)


def test_repetition_penalty_of_low_precision_does_not_overflow():
    logits = torch.full((1, 3000), 30.0, dtype=torch.float16)  # their sum is no float16
    assert (repetition_penalty(logits, words(0), 2) == 0).all()


def test_repetition_penalty_keeps_impossible_words_impossible():
    logits = torch.tensor([[NEVER, 1.0, 0.0]])
    assert possible(repetition_penalty(logits, words(0, 2), 1.5)) == [1, 2]


def test_no_repeat_ngram():
    written = words(1, 2, 3, 1, 2)
    assert possible(no_repeat_ngram(torch.zeros(1, 5), written, 3)) == [0, 1, 2, 4]
    assert possible(no_repeat_ngram(torch.zeros(1, 5), written, 1)) == [0, 4]
    assert possible(no_repeat_ngram(torch.zeros(1, 5), written, 4)) == [0, 1, 2, 3, 4]
    assert possible(no_repeat_ngram(torch.zeros(1, 5), written, 0)) == [0, 1, 2, 3, 4]


def test_no_repeat_ngram_leaves_a_row_it_would_empty():
    logits = torch.tensor([[0.0, 1.0, NEVER], [0.0, 1.0, 2.0]])
    written = torch.tensor([[0, 1], [0, 1]])
    expected = torch.tensor([[0.0, 1.0, NEVER], [NEVER, NEVER, 2.0]])
    torch.testing.assert_close(no_repeat_ngram(logits, written, 1), expected)


def forbidden_slowly(written, n):
    """Words that complete an n-gram of `written`, found by looking at each."""
    grams = {tuple(written[at : at + n]) for at in range(len(written) - n + 1)}
    return {word for word in range(5) if tuple((*written, word)[-n:]) in grams}


@given(histories, st.integers(1, 6), st.integers(0, 14))
def test_no_repeat_ngram_equals_a_loop(history, n, length):
    written = [row[:length] for row in history]
    logits = no_repeat_ngram(torch.zeros(len(written), 5), torch.tensor(written).long(), n)
    for row, filtered in zip(written, logits, strict=True):
        assert set((filtered == NEVER).nonzero().flatten().tolist()) == forbidden_slowly(row, n)


@given(rows, st.floats(0.01, 1), st.integers(1, 12))
def test_truncations_keep_the_likeliest(logits, share, k):
    best = logits.max()
    for name, value in {"top_k": k, "top_p": share, "min_p": share, "temperature": share}.items():
        kept = possible(FILTERS[name](logits, NONE, value))
        assert any(logits[0, word] == best for word in kept)


def test_top_p_keeps_the_likelier_where_probabilities_round_to_the_same():
    assert possible(top_p(torch.tensor([[-1e-11, 0.0]]), NONE, 0.5)) == [1]


def test_top_p_keeps_the_first_of_equals():
    equals = torch.zeros(1, 8)
    assert possible(top_p(equals, NONE, 0.3)) == [0, 1, 2]
    tied_behind = logits_of(0.125, 0.5, 0.125, 0.125, 0.125)
    assert possible(top_p(tied_behind, NONE, 0.7)) == [0, 1, 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spread", [0.1, 2.0, 6.0])
def test_top_p_of_many_words_equals_a_walk_down_the_sorted_words(spread, dtype):
    logits = spread * torch.randn(3, 5000, generator=torch.Generator().manual_seed(0))
    filtered_rows = top_p(logits.to(dtype), NONE.expand(3, 0), 0.9)
    for row, filtered in zip(logits.double(), filtered_rows, strict=True):
        kept, mass = set(), 0.0
        for probability, word in zip(*row.softmax(dim=0).sort(descending=True), strict=True):
            if mass >= 0.9:
                break
            kept.add(int(word))
            mass += float(probability)
        assert set(possible(filtered[None])) == kept


@given(rows, st.floats(0.01, 0.99))
def test_top_p_is_enough_and_minimal(logits, value):
    logits = logits.double()
    kept = top_p(logits, NONE, value)[0] > NEVER
    probabilities = logits.softmax(dim=1)[0]
    mass = probabilities[kept].sum()
    assert mass >= value - 1e-12
    assert mass - probabilities[kept].min() < value + 1e-12
    assert kept.all() or probabilities[kept].min() >= probabilities[~kept].max()


@given(rows, st.floats(0, 1))
def test_min_p_is_a_threshold(logits, value):
    kept = min_p(logits, NONE, value)[0] > NEVER
    relative = (logits[0].double() - logits[0].max()).exp()
    assert (relative[kept] >= value - 1e-6).all()
    assert (relative[~kept] <= value + 1e-6).all()


@given(rows, st.integers(1, 3), st.data())
def test_a_word_always_stays_possible(logits, n, data):
    size = logits.shape[1]
    written = torch.tensor([data.draw(st.lists(st.integers(0, size - 1), min_size=20))])
    sampling = {"no_repeat_ngram": n, "repetition_penalty": 2, "top_k": 1, "top_p": 0.1, "min_p": 1}
    assert possible(apply_filters(logits, written, sampling))


def test_filters_apply_in_the_order_of_the_table():
    """Temperature before top_p: a hot row keeps more words, however the config is written."""
    assert [*FILTERS][:3] == ["repetition_penalty", "no_repeat_ngram", "temperature"]
    logits = logits_of(0.7, 0.2, 0.1)
    assert possible(apply_filters(logits, NONE, {"top_p": 0.6, "temperature": None})) == [0]
    assert possible(apply_filters(logits, NONE, {"top_p": 0.6, "temperature": 5})) == [0, 1]


def test_a_forbidden_word_is_not_the_greedy_one():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    assert possible(apply_filters(logits, words(1), {"temperature": 0, "no_repeat_ngram": 1})) == [
        2
    ]


def test_no_settings_change_nothing():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    torch.testing.assert_close(apply_filters(logits, NONE, dict.fromkeys(FILTERS)), logits)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("temperature", value) for value in (-0.1, 1001, math.nan, math.inf, "0.8", True)],
        *[("top_k", value) for value in (0, -1, 2.5, math.inf)],
        *[("top_p", value) for value in (0, -0.1, 1.1, math.nan)],
        *[("min_p", value) for value in (-0.1, 1.1)],
        *[("repetition_penalty", value) for value in (0, -1, math.inf)],
        *[("no_repeat_ngram", value) for value in (-1, 1.5, math.inf)],
    ],
)
def test_values_out_of_range(name, value):
    with pytest.raises(ConfigError, match=rf"^sampling\.{name} must be .+, not [^\n]+$"):
        check_sampling({name: value})


def test_unknown_name():
    known = "repetition_penalty, no_repeat_ngram, temperature, top_k, top_p, min_p"
    with pytest.raises(ConfigError, match=f"^sampling knows no 'topp', only {known}$"):
        check_sampling({"topp": None})


def test_sound_settings_pass():
    check_sampling({"temperature": 0, "top_k": 1, "top_p": 1, "min_p": 0, "no_repeat_ngram": 0})
    check_sampling({"temperature": 0.8, "top_p": 0.95, "no_repeat_ngram": 6, "top_k": None})
