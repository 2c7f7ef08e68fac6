"""Figures of texts: literal ones, those of a naive count, and the table of the script."""

import math
from statistics import mean, median_low

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.errors import ConfigError
from patentlm.evaluation.memorisation import joined
from patentlm.reports.text_quality import choose, judge

UNK = 1
texts = st.lists(st.lists(st.integers(1, 4), max_size=25), min_size=1, max_size=6)


def grams(text, n):
    runs = [tuple(text[at : at + n]) for at in range(len(text) - n + 1)]
    return [run for run in runs if UNK not in run]


def share(values):
    values = list(values)
    return mean(values) if values else math.nan


def test_figures_of_a_few_texts():
    train = joined([[*range(10, 20)], [2, 3, 2, 3]])
    found = judge([[2, 3, 2, 3, 2, 3], [*range(11, 21)], [2, UNK]], train, unfinished=1)
    assert found.words == 6
    assert found.quantiles == (2, 6, 10)
    assert found.unfinished == pytest.approx(1 / 3)
    assert found.distinct == pytest.approx((2 + 9) / (5 + 9))
    assert found.repeated == pytest.approx((1 / 3 + 0) / 2)  # the third has no 4-gram
    assert found.longest.tolist() == [4, 9, 1]
    assert found.copied == pytest.approx(2 / 3)


def test_what_cannot_be_counted_has_no_figure():
    figures = judge([[], [2]], joined([[2]])).figures()
    assert (
        figures["distinct-2"] == figures["repeated 4-grams"] == figures["8-grams in train"] == "–"
    )
    assert figures["words, 10 / 50 / 90 %"] == "0 / 0 / 1"
    assert figures["longest run in train, most"] == "1"


@given(texts=texts, train=texts)
def test_figures_are_those_of_a_naive_count(texts, train):
    found = judge(texts, joined(train))
    pairs = [pair for text in texts for pair in grams(text, 2)]
    repeated = [
        share(g in grams(text, 4)[:at] for at, g in enumerate(grams(text, 4)))
        for text in texts
        if grams(text, 4)
    ]
    seen = {gram for text in train for gram in grams(text, 8)}
    expected = {
        "words": mean(map(len, texts)),
        "distinct": len(set(pairs)) / len(pairs) if pairs else math.nan,
        "repeated": share(repeated),
        "copied": share(gram in seen for text in texts for gram in grams(text, 8)),
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, nan_ok=True), name
    runs = [{gram for t in train for gram in grams(t, n)} for n in range(1, 26)]
    longest = [
        max((n for n, seen in enumerate(runs, 1) if seen & set(grams(text, n))), default=0)
        for text in texts
    ]
    assert found.longest.tolist() == longest
    assert found.quantiles[1] == median_low(map(len, texts))


def test_real_texts_are_chosen_by_seed_and_each_once():
    ids = joined([[word] * 2 for word in range(2, 52)])
    first = [text.tolist() for text in choose(ids, 10, seed=1)]
    assert first == [text.tolist() for text in choose(ids, 10, seed=1)]
    assert first != [text.tolist() for text in choose(ids, 10, seed=2)]
    assert len({tuple(text) for text in first}) == 10
    everything = choose(ids, 99, seed=1)
    assert np.array_equal(joined(everything), ids)


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_a_number_of_texts_that_cannot_be(count):
    with pytest.raises(ConfigError, match=r"samples\.count"):
        choose(joined([[2]]), count, seed=1)


def test_a_table_of_what_models_write_beside_real_abstracts(
    run_script, small_run, tied_run, capsys
):
    asked = (
        f"checkpoint={small_run},{tied_run}", "report=text", "samples.count=3",
        "samples.max_words=20", "split=train",
    )  # fmt: skip
    capsys.readouterr()
    run_script("evaluate", *asked)
    table = capsys.readouterr().out
    assert "patents.csv: 3 abstracts each, seed 1" in table
    assert f"{small_run}: temperature" in table
    cells = {line[:30].strip(): line[30:].split() for line in table.splitlines()[4:]}
    assert cells[""] == [str(small_run), str(tied_run), "real", "(train)"]
    assert cells["8-grams in train"][2] == "100.0%"
    assert cells["unfinished"][2] == "0.0%"
    run_script("evaluate", *asked)
    assert capsys.readouterr().out == table
    run_script("evaluate", *asked, "sampling=greedy")
    assert f"{tied_run}: temperature 0," in capsys.readouterr().out
