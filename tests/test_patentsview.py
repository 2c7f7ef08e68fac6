"""The source `patentsview`: patents from tables in the cache, filtered once."""

import json
import multiprocessing
import string
from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from patentlm.data.patentsview.source import PatentsViewSource
from patentlm.data.preparation import read
from patentlm.data.splits import ClusterSplit
from patentlm.errors import DataError
from tests.made_up import CLEANING
from tests.test_tables import grants_table, one_line, table, zipped

RELEASE = "2026-04-10"
ABSTRACTS = [(f"{n}", f"Claim {letter} has a network.") for n, letter in enumerate("abcdefghijkl")]
SOURCE = PatentsViewSource(
    api_url="http://localhost:9/never-asked",
    release="cached",
    granted_from=None,
    granted_to=None,
    titles=False,
    query=None,
    cleaning=CLEANING,
    split=ClusterSplit(valid=0.3, test=0.3, shingle=5, overlap=0.5, exact_up_to=1000),
)


@pytest.fixture
def release(cache):
    """Puts tables into the cache, as if they had been downloaded."""

    def put(rows, *, date=RELEASE, grants=None):
        zipped(cache / "patentsview" / date / "g_patent_abstract.tsv.zip", table(rows))
        if grants:
            zipped(cache / "patentsview" / date / "g_patent.tsv.zip", grants_table(grants))

    return put


def test_the_source_hands_on_what_the_filter_keeps(release):
    release([*ABSTRACTS, ("D1", ""), ("99", "A lamp.")])
    source = replace(SOURCE, query="A  Network")
    patents = list(source.records())
    assert [(patent.id, patent.abstract) for patent in patents] == ABSTRACTS
    assert {(patent.date, patent.title) for patent in patents} == {("", "")}
    assert {reason: count for reason, count in source.records().counts.items() if count} == {
        "without_text": 1,
        "outside_query": 1,
    }
    assert source.label == "PatentsView 2026-04-10"
    assert source.resolved() == {"release": "2026-04-10"}


def test_the_source_becomes_a_corpus(release, tmp_path):
    release([*ABSTRACTS, ("D1", ""), ("99", "A lamp.")])
    source = replace(SOURCE, query={"any": ["network", "carburettor"]})
    texts = read(source, tmp_path / "interim")
    assert len(texts.interim.lengths) == 12
    assert texts.counts["rows"] == 14
    assert texts.counts["without_text"] == 1
    assert texts.counts["outside_query"] == 1


def test_dates_and_titles_reach_the_source(release):
    release(ABSTRACTS, grants=[(id, f"20{int(id):02}-01-01", f"No. {id}") for id, _ in ABSTRACTS])
    source = replace(SOURCE, granted_to="2002-12-31")
    assert [(patent.date, patent.title) for patent in source.records()] == [
        ("2000-01-01", ""),
        ("2001-01-01", ""),
        ("2002-01-01", ""),
    ]
    assert source.records().counts["outside_dates"] == 9
    titles = [patent.title for patent in replace(source, titles=True).records()]
    assert titles == ["No. 0", "No. 1", "No. 2"]


def test_the_same_filter_is_not_run_again(release, cache):
    release(ABSTRACTS)
    first = list(replace(SOURCE, query="claim A").records())
    (made,) = cache.glob("patentsview/*/filtered/*.parquet")
    inode = made.stat().st_ino
    (cache / "patentsview" / RELEASE / "g_patent_abstract.tsv.zip").write_bytes(b"not read again")
    assert list(replace(SOURCE, query=" claim\nA").records()) == first
    assert list(cache.glob("patentsview/*/filtered/*.parquet")) == [made]
    assert made.stat().st_ino == inode
    with pytest.raises(DataError, match="is damaged"):
        list(replace(SOURCE, query="claim B").records())


def test_the_identity_tells_what_the_texts_depend_on(release):
    release(ABSTRACTS)
    release(ABSTRACTS, date="2025-01-01")
    identity = SOURCE.identity()
    assert json.loads(json.dumps(identity))["release"] == RELEASE
    same = [
        replace(SOURCE, release=RELEASE),
        replace(SOURCE, api_url="http://localhost:9/elsewhere"),
    ]
    assert all(source.identity() == identity for source in same)
    composed = OmegaConf.create({"query": {"any": ["a network"]}})
    assert json.loads(json.dumps(replace(SOURCE, query=composed.query).identity()))
    others = [
        replace(SOURCE, release="2025-01-01"),
        replace(SOURCE, query="a network"),
        replace(SOURCE, query={"any": "a network"}),
        replace(SOURCE, granted_from="2000-01-01"),
        replace(SOURCE, granted_to="2000-01-01"),
        replace(SOURCE, titles=True),
        replace(SOURCE, split=replace(SOURCE.split, shingle=4)),
        replace(SOURCE, cleaning=replace(SOURCE.cleaning, markers=())),
    ]
    assert len({repr(source.identity()) for source in [SOURCE, *others]}) == 9


def test_a_filter_that_keeps_nothing_tells_why(release):
    release([*ABSTRACTS, ("D1", "")])
    with pytest.raises(DataError) as error:
        list(replace(SOURCE, query="carburettor").records())
    assert one_line(error) == (
        "PatentsView 2026-04-10: none of 13 patents is kept (1 without text, 12 outside query); "
        "try a shorter phrase in data.query, or a longer range of dates"
    )


def test_an_empty_table_says_so(release):
    release([])
    with pytest.raises(DataError, match=r"none of 0 patents is kept \(the table is empty\)"):
        list(SOURCE.records())


def filter_together(barrier, source, answers):
    """What each of several processes does: waits until all are there, then filters."""
    barrier.wait(60)
    answers.put([patent.id for patent in source.records()])


def test_processes_that_ask_at_once_get_one_whole_table(release, cache):
    release([(n, f"Text {string.ascii_letters[n % 52]}") for n in range(60_000)])
    source = replace(SOURCE, query="text A")
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(2), spawn.Queue()
    asking = [
        spawn.Process(target=filter_together, args=(barrier, source, answers)) for _ in range(2)
    ]
    for process in asking:
        process.start()
    got = [answers.get(timeout=60) for _ in asking]
    for process in asking:
        process.join(60)
    assert [process.exitcode for process in asking] == [0, 0]
    assert got == [[str(n) for n in range(60_000) if n % 26 == 0]] * 2
    (made,) = cache.glob("patentsview/*/filtered/*.parquet")
    assert {path.suffix for path in made.parent.iterdir()} <= {".parquet", ".lock"}
