"""Splits: exact copies removed, clusters of near-duplicates on one side, shares as asked."""

import logging
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.ingest import digest, fold
from patentlm.data.minhash import likely_pairs
from patentlm.data.near_duplicates import connected, exact_pairs
from patentlm.data.preparation import prepare, read
from patentlm.data.records import Patent
from patentlm.data.shares import assign_clusters
from patentlm.data.splits import REMOVED, SPLITS, ClusterSplit, DateSplit
from patentlm.data.words import WordTokenizer
from patentlm.errors import ConfigError, DataError
from tests.made_up import CLEANING, SPLIT, ListSource, texts_by_split

# Small texts get to all sides.
HALF = ClusterSplit(valid=0.25, test=0.25, shingle=2, overlap=0.5, exact_up_to=10_000)
LIKELY = replace(HALF, exact_up_to=0)

SMALL_TEXTS = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)


def shingles(text, length):
    words = text.split()
    runs = {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}
    return runs or {tuple(words)}


def clusters_by_brute_force(texts, shingle, overlap):
    """The smallest member of each text's connected component, from sets of shingles."""
    sets = [shingles(text, shingle) for text in texts]
    labels = list(range(len(texts)))
    for a, b in combinations(range(len(texts)), 2):
        common = len(sets[a] & sets[b])
        if common and common >= overlap * min(len(sets[a]), len(sets[b])):
            low, high = sorted((labels[a], labels[b]))
            labels = [low if label == high else label for label in labels]
    return labels


def patent(abstract, id="", date=""):
    return Patent(abstract=abstract, id=id, date=date, title="")


def divided(patents, split=SPLIT):
    """The texts of each side, and what was found."""
    return texts_by_split(ListSource(rows=patents, query=None, cleaning=CLEANING, split=split))


def sides_of(patents, split=HALF):
    """The side of each text."""
    texts, _ = divided(patents, split)
    return {text: name for name in SPLITS for text in texts[name]}


def test_exact_copies_are_removed_and_counted():
    rows = [
        patent("a small NET, with layers", "3", "2003-01-07"),
        patent("something else is claimed here", "2", "2002-01-01"),
        patent("A small net with layers.", "1", "2001-01-02"),
    ]
    assert sorted(sides_of(rows)) == ["a small net with layers .", "something else is claimed here"]
    _, counts = divided(rows)
    assert (
        counts.items()
        >= {
            "rows": 3,
            "exact_duplicates": 1,
            "near_duplicate_clusters": 0,
            "near_duplicates": 0,
        }.items()
    )


@pytest.mark.parametrize("exact_up_to", [10_000, 0])
def test_near_copies_are_counted_and_stay_together(exact_up_to):
    parent = "one two three four five six seven eight nine ten"
    child = f"{parent} and more"
    grandchild = f"{child} than ever there was to tell before them"
    rows = [patent(some) for some in (parent, "a b c d e f g", grandchild, child)]
    split = replace(SPLIT, exact_up_to=exact_up_to)
    _, counts = divided(rows, split)
    assert (
        counts.items()
        >= {"exact_duplicates": 0, "near_duplicate_clusters": 1, "near_duplicates": 3}.items()
    )
    sides = sides_of(rows, split)
    assert sides[parent] == sides[child] == sides[grandchild]


def test_texts_keep_the_order_of_the_rows():
    rows = [patent(f"text number {n}", str(n), f"20{99 - n}-01-01") for n in range(30)]
    texts, _ = divided(rows, HALF)
    order = {row.abstract: n for n, row in enumerate(rows)}
    assert all(texts[name] == sorted(texts[name], key=order.__getitem__) for name in SPLITS)
    assert sum(map(len, texts.values())) == 30


def test_of_copies_the_row_of_the_earliest_stays():
    rows = [
        patent("A net.", "3", "2003-01-07"),
        patent("something else", "2", "2002-01-01"),
        patent("A NET!", "1", "2001-01-02"),
        patent("yet another", "4", "2004-01-06"),
        patent("a net", "5", "2005-01-04"),
    ]
    texts, _ = divided(rows, replace(HALF, valid=0, test=0))
    assert texts["train"] == ["something else", "a net !", "yet another"]


def test_the_shares_are_those_of_the_clusters():
    rows = [patent(f"text number {n} of many", str(n)) for n in range(4000)]
    texts, _ = divided(rows, replace(SPLIT, valid=0.2, test=0.1))
    assert [len(texts[name]) / 4000 for name in SPLITS] == pytest.approx([0.7, 0.2, 0.1], abs=0.03)


def test_the_side_of_a_cluster_depends_on_the_digest_of_its_earliest_member():
    parents = [patent(f"x{n} y{n} z{n} v{n}", str(n), f"{2000 + n % 90}-01-01") for n in range(400)]
    rows = [patent(f"{parent.abstract} more", "99", "2099-01-01") for parent in parents[:5]]
    sides = sides_of([*rows, *parents])
    places = {parent.abstract: digest(parent.abstract) / 2**64 for parent in parents}
    expected = {
        text: "test" if place < 0.25 else "valid" if place < 0.5 else "train"
        for text, place in places.items()
    }
    assert sides == expected | {row.abstract: expected[row.abstract[:-5]] for row in rows}


@st.composite
def dated_patents(draw):
    """Patents of few words in order of grant, so that many are copies of others."""
    texts = draw(st.lists(SMALL_TEXTS.filter(bool), min_size=1, max_size=15))
    return [patent(text, str(n), f"{2000 + n}-01-01") for n, text in enumerate(texts)]


@given(dated_patents())
def test_every_text_is_on_one_side_and_no_cluster_on_two(patents):
    texts, counts = divided(patents, HALF)
    kept = [fold(text) for name in SPLITS for text in texts[name]]
    assert sorted(kept) == sorted({fold(some.abstract) for some in patents})
    assert counts["rows"] == len(patents)
    assert counts["exact_duplicates"] == len(patents) - len(kept)
    labels = clusters_by_brute_force(kept, HALF.shingle, HALF.overlap)
    sides = [name for name in SPLITS for _ in texts[name]]
    assert len(set(zip(labels, sides, strict=True))) == len(set(labels))


@pytest.mark.parametrize(("split", "find"), [(HALF, exact_pairs), (LIKELY, likely_pairs)])
@given(dated_patents())
def test_what_is_found_decides_alone_who_stays_together(split, find, patents):
    source = ListSource(rows=patents, query=None, cleaning=CLEANING, split=split)
    with TemporaryDirectory() as folder:
        texts = read(source, Path(folder) / "interim")
        sides, counts = split.divide(texts, split.distinct(texts))
        kept = np.flatnonzero(sides != REMOVED)
        ranks = np.full(len(sides), -1)
        ranks[kept] = np.arange(len(kept))
        pairs = find(texts.interim, ranks, length=split.shingle, overlap=split.overlap)
    assert (
        len(kept)
        == len({some.abstract for some in patents})
        == len(patents) - counts["exact_duplicates"]
    )
    labels = connected(pairs, len(kept)).tolist()
    # the rows are in order of grant: the label is the place of the earliest
    heads = sorted(set(labels))
    places = np.array([digest(patents[kept[head]].abstract) / 2**64 for head in heads])
    sizes = np.array([labels.count(head) for head in heads])
    of_heads = assign_clusters(places, sizes, valid=split.valid, test=split.test).tolist()
    by_head = dict(zip(heads, of_heads, strict=True))
    assert sides[kept].tolist() == [by_head[label] for label in labels]
    assert counts["near_duplicates"] == sum(labels.count(label) > 1 for label in labels)


@given(dated_patents(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_moves_nobody(patents, rng):
    shuffled = rng.sample(patents, len(patents))
    assert sides_of(shuffled) == sides_of(patents)
    assert divided(shuffled, HALF)[1] == divided(patents, HALF)[1]


@pytest.mark.parametrize("year", [1990, 2030])
def test_unrelated_patents_move_nobody(year):
    patents = [patent(f"x{n} y{n} z{n}", str(n), f"{2000 + n % 20}-01-01") for n in range(200)]
    unrelated = [patent(f"a{n} b{n} c{n}", f"9{n}", f"{year}-06-01") for n in range(100)]
    before = sides_of(patents, replace(HALF, valid=0.1, test=0.1))
    after = sides_of([*unrelated, *patents], replace(HALF, valid=0.1, test=0.1))
    assert before.items() <= after.items()


def test_a_large_cluster_goes_to_train_and_the_shares_are_kept():
    alike = [patent(f"the soybean variety {n} has seeds", str(n)) for n in range(300)]
    others = [patent(f"x{n} y{n} z{n}", f"9{n}") for n in range(300)]
    texts, counts = divided([*alike, *others], replace(SPLIT, shingle=2))
    assert counts["near_duplicates"] == 300
    assert all("soybean" not in text for name in ("valid", "test") for text in texts[name])
    assert [len(texts[name]) for name in SPLITS] == pytest.approx([480, 60, 60], abs=25)


def test_texts_that_are_one_cluster_are_said_to_be():
    rows = [patent(f"the soybean variety {n} has seeds", str(n)) for n in range(30)]
    split = replace(SPLIT, shingle=2)
    source = ListSource(rows=rows, query=None, cleaning=CLEANING, split=split)
    with pytest.raises(DataError) as error:
        prepare(source, WordTokenizer(min_count=1, max_words=None))
    assert str(error.value) == (
        "made up: all 30 texts are near-duplicates of one another, so none can be kept out of "
        "train; raise data.split.overlap, or add other patents"
    )


DATED = DateSplit(test_from="2010-01-01", valid=0.2, shingle=2, overlap=0.5, exact_up_to=10_000)


def test_a_split_by_date_trains_before_the_day_and_tests_from_then_on():
    rows = [patent(f"x{n} y{n} z{n}", str(n), f"{2000 + n % 20}-01-01") for n in range(200)]
    rows += [patent("no date here", "a"), patent("x3 y3 z3 again", "b", "2015-01-01")]
    rows += [patent("x15 y15 z15 again", "c", "2016-02-02")]
    texts, counts = divided(rows, DATED)
    years = {some.abstract: int(some.date[:4] or 0) for some in rows}
    assert {years[text] for text in texts["train"] + texts["valid"]} == set(range(2000, 2010))
    assert {years[text] for text in texts["test"]} == set(range(2010, 2020))
    assert "x15 y15 z15 again" in texts["test"]
    assert sum(map(len, texts.values())) == 201
    assert len(texts["valid"]) == pytest.approx(20, abs=8)
    assert (counts["without_date"], counts["late_near_duplicates"]) == (1, 1)


@pytest.mark.parametrize("day", ["2010", "June", "2010-13-01", None])
def test_a_day_that_is_not_a_date_is_refused_in_a_line(day):
    with pytest.raises(ConfigError, match=r"^data\.split\.test_from=.* write YYYY-MM-DD$"):
        replace(DATED, test_from=day)


def test_a_later_continuation_moves_nobody_and_joins_its_parent():
    parents = [patent(f"x{n} y{n} z{n}", str(n), f"{2000 + n}-01-01") for n in range(40)]
    before = sides_of(parents)
    assert set(before.values()) == set(SPLITS)
    for parent in parents:
        continuation = patent(f"now {parent.abstract}", "99", "2040-01-01")
        after = sides_of([continuation, *parents])
        assert after == before | {continuation.abstract: before[parent.abstract]}


def test_of_patents_granted_on_one_day_the_lower_number_is_the_earlier():
    low, high = patent("A net.", "999", "2001-01-02"), patent("a net", "1000", "2001-01-02")
    for rows in ([low, high], [high, low]):
        assert list(sides_of(rows)) == ["a net ."]


def test_patents_that_tell_nothing_of_their_age_are_divided_all_the_same():
    rows = [patent("a b c d"), patent("b c d e"), patent("A b c d!"), patent("x y z")]
    for some in (rows, rows[::-1]):
        texts, counts = divided(some, HALF)
        assert sum(map(len, texts.values())) == 3
        assert (counts["exact_duplicates"], counts["near_duplicates"]) == (1, 2)


def test_it_is_told_when_minhash_takes_over(caplog):
    rows = [patent(f"x{n} y{n} z{n}") for n in range(1001)]
    with caplog.at_level(logging.INFO):
        divided([*rows, rows[0]], replace(HALF, exact_up_to=1001))
        assert "MinHash" not in caplog.text
        divided(rows, replace(HALF, exact_up_to=1000))
    assert [record.getMessage() for record in caplog.records] == [
        "More than 1,000 texts: near-duplicates are found by MinHash, which misses a few"
    ]
