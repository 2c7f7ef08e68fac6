"""Families and splits: nothing of the test texts has been seen in training."""

from itertools import combinations
from pathlib import Path

import pytest
from hydra.utils import instantiate
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from benchmarks.leak import leaks
from patentlm.data.families import families, fold
from patentlm.data.patents import Patent
from patentlm.data.sample import sample_patents
from patentlm.data.splits import SPLITS, FamilySplit

SETTINGS = OmegaConf.load(Path(__file__).parents[1] / "conf/data/base/patents.yaml")
SPLIT = instantiate(SETTINGS.split)
HALF = FamilySplit(valid=0.25, test=0.25, shingle=2, overlap=0.5)  # small texts get to all sides

SMALL_TEXTS = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)


def shingles(text, length):
    words = text.split()
    runs = {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}
    return runs or {tuple(words)}


def families_by_brute_force(texts, shingle, overlap):
    """The smallest member of each text's connected component, from sets of shingles."""
    sets = [shingles(text, shingle) for text in texts]
    labels = list(range(len(texts)))
    for a, b in combinations(range(len(texts)), 2):
        common = len(sets[a] & sets[b])
        if common and common >= overlap * min(len(sets[a]), len(sets[b])):
            low, high = sorted((labels[a], labels[b]))
            labels = [low if label == high else label for label in labels]
    return labels


@given(
    st.lists(SMALL_TEXTS, min_size=1, max_size=12),
    st.integers(1, 4),
    st.sampled_from([0.25, 0.5, 0.75, 1.0]),
)
@example(["a b c d", "c d e f", "e f g h", "x y z"], 2, 0.3)  # ends meet through the middle alone
@example(["", "a", "a", "", "b a"], 2, 0.5)
def test_families_are_what_near_copies_connect(texts, shingle, overlap):
    labels = families(texts, shingle=shingle, overlap=overlap)
    assert labels.tolist() == families_by_brute_force(texts, shingle, overlap)


def test_families_of_the_sample_are_those_of_brute_force():
    patents = sample_patents(count=150, seed=1)
    texts = list(dict.fromkeys(fold(some.abstract) for some in patents))
    labels = families(texts, shingle=5, overlap=0.5).tolist()
    assert labels == families_by_brute_force(texts, 5, 0.5)
    assert len(set(labels)) < len(texts)


def test_copies_are_found_whatever_their_case_and_punctuation():
    assert fold("A “Neural” network; (the 2nd one)!") == "a neural network the 2nd one"
    assert fold("STRASSE.") == fold("straße") == "strasse"
    assert fold(" . ") == ""


def patent(abstract, id="", date=""):
    return Patent(abstract=abstract, id=id, date=date, title="")


def side_of(texts):
    """The split of each text."""
    return {text: name for name in SPLITS for text in texts[name]}


def test_exact_copies_are_removed_and_counted():
    texts, counts = SPLIT(
        [
            patent("a small NET, with layers", "3", "2003-01-07"),
            patent("something else is claimed here", "2", "2002-01-01"),
            patent("A small net with layers.", "1", "2001-01-02"),
        ]
    )
    assert sorted(side_of(texts)) == ["A small net with layers.", "something else is claimed here"]
    assert counts == {"copies": 1, "families": 0, "near_copies": 0}


def test_near_copies_are_counted_and_stay_together():
    parent = "one two three four five six seven eight nine ten"
    child = f"{parent} and more"
    grandchild = f"{child} than ever there was to tell before them"
    other = "a b c d e f g"
    texts, counts = SPLIT([patent(some) for some in (parent, other, grandchild, child)])
    assert counts == {"copies": 0, "families": 1, "near_copies": 3}
    sides = side_of(texts)
    assert sides[parent] == sides[child] == sides[grandchild]


def test_texts_keep_the_order_of_the_rows():
    rows = [patent(f"text number {n}", str(n), f"20{99 - n}-01-01") for n in range(30)]
    texts, _ = HALF(rows)
    order = {row.abstract: n for n, row in enumerate(rows)}
    assert all(texts[name] == sorted(texts[name], key=order.__getitem__) for name in SPLITS)
    assert sum(map(len, texts.values())) == 30


def test_the_shares_are_those_of_the_families():
    rows = [patent(f"text number {n} of many", str(n)) for n in range(4000)]
    texts, _ = FamilySplit(valid=0.2, test=0.1, shingle=5, overlap=0.5)(rows)
    assert [len(texts[name]) / 4000 for name in SPLITS] == pytest.approx([0.7, 0.2, 0.1], abs=0.03)


@st.composite
def dated_patents(draw):
    """Patents of few words in order of grant, so that many are copies of others."""
    texts = draw(st.lists(SMALL_TEXTS.filter(bool), min_size=1, max_size=15))
    return [patent(text, str(n), f"{2000 + n}-01-01") for n, text in enumerate(texts)]


@given(dated_patents())
def test_every_text_is_on_one_side_and_no_family_on_two(patents):
    texts, counts = HALF(patents)
    kept = [fold(text) for name in SPLITS for text in texts[name]]
    assert sorted(kept) == sorted({fold(some.abstract) for some in patents})
    assert counts["copies"] == len(patents) - len(kept)
    labels = families_by_brute_force(kept, HALF.shingle, HALF.overlap)
    sides = [name for name in SPLITS for _ in texts[name]]
    assert len(set(zip(labels, sides, strict=True))) == len(set(labels))


@given(dated_patents(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_moves_nobody(patents, rng):
    shuffled = rng.sample(patents, len(patents))
    assert side_of(HALF(shuffled)[0]) == side_of(HALF(patents)[0])
    assert HALF(shuffled)[1] == HALF(patents)[1]


@given(dated_patents(), st.integers(1990, 2030))
def test_unrelated_patents_move_nobody(patents, year):
    unrelated = [patent(f"x{n} y{n} z{n}", f"9{n}", f"{year}-06-01") for n in range(3)]
    before, after = side_of(HALF(patents)[0]), side_of(HALF([*unrelated, *patents])[0])
    assert before.items() <= after.items()


def test_a_later_continuation_moves_nobody_and_joins_its_parent():
    parents = [patent(f"x{n} y{n} z{n}", str(n), f"{2000 + n}-01-01") for n in range(40)]
    before = side_of(HALF(parents)[0])
    assert set(before.values()) == set(SPLITS)
    for parent in parents:
        continuation = patent(f"now {parent.abstract}", "99", "2040-01-01")
        after = side_of(HALF([continuation, *parents])[0])
        assert after == before | {continuation.abstract: before[parent.abstract]}


def test_of_patents_granted_on_one_day_the_lower_number_is_the_earlier():
    low, high = patent("A net.", "999", "2001-01-02"), patent("a net", "1000", "2001-01-02")
    for rows in ([low, high], [high, low]):
        assert list(side_of(SPLIT(rows)[0])) == ["A net."]


def assert_that_only_families_do_not_leak(patents):
    windows, shuffled, without_copies, by_family = leaks(patents, SPLIT).values()
    assert windows > 0.98
    assert shuffled > 0.1
    assert without_copies > 2 * by_family
    assert by_family < 0.03


def test_only_splitting_by_family_keeps_test_out_of_training():
    assert_that_only_families_do_not_leak(
        [some for some in sample_patents(count=300, seed=1) if some.abstract]
    )


@pytest.mark.real_data
def test_only_splitting_by_family_keeps_real_test_patents_out_of_training(real_data):
    source = instantiate(
        SETTINGS,
        _target_="patentlm.data.sources.FileSource",
        path=str(real_data / "neural_network_patents.csv"),
        column=None,
        encoding="utf-8",
    )
    cleaned = [(some, source.cleaning(some.abstract)) for some in source.patents()]
    assert_that_only_families_do_not_leak(
        [patent(text, some.id, some.date) for some, text in cleaned if text]
    )
