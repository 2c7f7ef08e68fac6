"""The generator of large synthetic tables: its shape, its copies, and how its words grow."""

import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.patentsview_table import (
    MEMBER,
    blocks,
    text_lengths,
    texts_as_ranks,
    word,
    write_table,
)
from patentlm.data.text import tokenize
from tests.files.conftest import read_path

Rows = list[tuple[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return [row for block in blocks(6000, seed=4) for row in block]


@pytest.fixture(scope="module")
def originals(rows: Rows) -> list[list[str]]:
    return [tokenize(text) for text in dict.fromkeys(text for _, text in rows) if text]


def test_the_zip_holds_the_table_alone_and_every_field_quoted(tmp_path: Path) -> None:
    path = tmp_path / "table.zip"
    write_table(path, rows=50, seed=1)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [MEMBER]
        lines = archive.read(MEMBER).decode().split("\n")
    assert lines[0] == '"patent_id"\t"patent_abstract"'
    assert lines[1].startswith('"3930000"\t"')
    assert lines[-2].endswith('"')
    assert lines[-1] == ""


def test_what_was_made_is_read_back_with_its_quotes_tabs_and_line_breaks(
    tmp_path: Path, rows: Rows
) -> None:
    path = tmp_path / "table.tsv.zip"
    write_table(path, rows=3000, seed=4)
    patents = read_path(path).patents
    assert [(patent.id, patent.abstract) for patent in patents] == rows[:3000]
    for mark in ('"', "\t", "\n", "##EQU1##", " (10) ", "&amp;", "°"):
        assert any(mark in text for _, text in rows), mark


def test_equal_seeds_make_equal_files(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        write_table(tmp_path / name, rows=20, seed=seed)
    one, same, other = ((tmp_path / name).read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


@pytest.mark.parametrize("count", [1, 1999, 2000, 2001])
def test_the_first_rows_are_the_same_however_many_follow(count: int, rows: Rows) -> None:
    assert [row for block in blocks(count, seed=4) for row in block] == rows[:count]


def test_ids_differ_and_tell_designs_and_reissues(rows: Rows) -> None:
    assert len({id for id, _ in rows}) == len(rows)
    assert all(id.startswith("D") == (not text) for id, text in rows)
    assert [id for id, _ in rows if id.startswith("RE")][:2] == ["RE28999", "RE29999"]


def test_shares_of_copies_and_of_empty_rows_are_as_documented(rows: Rows) -> None:
    counts = Counter(text for _, text in rows)
    assert 0.06 < counts.pop("") / len(rows) < 0.10
    assert 0.08 < sum(number - 1 for number in counts.values()) / len(rows) < 0.12


def test_lengths_are_those_of_abstracts(originals: list[list[str]]) -> None:
    lengths = sorted(map(len, originals))
    assert 135 < sum(lengths) / len(lengths) < 153
    assert 50 < lengths[len(lengths) // 20] < 80
    assert 240 < lengths[-len(lengths) // 20] < 280


def test_different_words_grow_by_heaps_law(originals: list[list[str]]) -> None:
    few, many = originals[:1000], originals[:4000]
    growth = len({w for text in many for w in text}) / len({w for text in few for w in text})
    assert 4**0.5 < growth < 4**0.72  # the power falls towards 0.56 in tables of full size
    assert 33_000 < len({w for text in originals[:3500] for w in text}) < 45_000


def test_unrelated_abstracts_share_hardly_any_runs_of_five_words(
    originals: list[list[str]],
) -> None:
    runs = [{tuple(text[at : at + 5]) for at in range(len(text) - 4)} for text in originals]
    pairs = [random.Random(number).sample(runs, 2) for number in range(3000)]
    common = [len(one & other) for one, other in pairs]
    assert sum(map(bool, common)) < 30


def test_some_abstracts_are_near_duplicates() -> None:
    texts = dict.fromkeys(text for block in blocks(2000, seed=4) for _, text in block)
    sentences = Counter(part for text in texts for part in text.split(". ") if len(part) > 60)
    assert 0.01 < sum(number > 1 for number in sentences.values()) / len(texts) < 0.3


@given(st.lists(st.integers(0, 2**62), unique=True, min_size=2, max_size=2))
def test_no_two_ranks_have_one_word(ranks: list[int]) -> None:
    assert word(ranks[0]) != word(ranks[1])


def test_the_most_frequent_words_are_all_different_as_tokens() -> None:
    words = [word(rank) for rank in range(200_000)]
    assert len(set(words)) == len(words)
    assert words[:3] == ["the", "a", "of"]
    assert all(tokenize(some) == [some] for some in words[:20_000])


def test_texts_as_ranks_have_the_lengths_that_are_told_before() -> None:
    told = [lengths.tolist() for _, lengths in text_lengths(2500, seed=1)]
    found = list(texts_as_ranks(2500, seed=1))
    assert [lengths.tolist() for _, lengths in found] == told
    assert [len(lengths) for lengths in told] == [2000, 500]
    assert [len(ranks) for ranks, _ in found] == [sum(lengths) for lengths in told]
