"""Sources: which texts they hand on, what they count, and what they say when there are none."""

import string
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from patentlm.data.records import Patent, Records
from patentlm.data.sources import CorpusSource, FileSource, SampleSource
from patentlm.data.splits import SPLITS, ClusterSplit
from patentlm.errors import ConfigError, DataError
from tests.made_up import CLEANING, ListSource, texts_by_split

PATENTS = {
    "query": None,
    "cleaning": CLEANING,
    "split": ClusterSplit(valid=0.3, test=0.3, shingle=5, overlap=0.5, exact_up_to=10_000),
}
FOUND = {
    **dict.fromkeys(["column", "language", "delimiter", "quoting", "skip_lines"]),
    "encoding": "utf-8",
    "encoding_errors": "strict",
}
SAMPLE = SampleSource(count=60, seed=1, **PATENTS)
ABSTRACTS = [f"Claim {name} has a network." for name in string.ascii_lowercase[:12]]
WORDS = [f"claim {name} has a network ." for name in string.ascii_lowercase[:12]]
EMPTY = ["", " ", "(FIGURE 12)"]


@pytest.fixture
def patents_file(tmp_path):
    """Writes a file with one abstract a row and makes it a source."""

    def write(abstracts, *, name="patents.csv", **changed):
        path = tmp_path / name
        rows = ["id,abstract,other\n", *(f'{n},"{text}",x\n' for n, text in enumerate(abstracts))]
        path.write_text("".join(rows), "utf-8")
        return FileSource(**PATENTS | FOUND | {"path": str(path)} | changed)

    return write


@pytest.fixture
def corpus_folder(tmp_path):
    """Writes a folder of tokenised texts and makes it a source."""

    def write(*, name="corpus", encoding="utf-8", **texts):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for split, text in texts.items():
            (folder / f"{split}.txt").write_bytes(text.encode(encoding))
        return CorpusSource(path=str(folder), encoding="utf-8", encoding_errors="strict")

    return write


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def all_texts(source):
    texts, _ = texts_by_split(source)
    return sorted(text for name in SPLITS for text in texts[name])


def test_all_patents_are_cleaned_and_handed_on(patents_file):
    source = patents_file([*ABSTRACTS, " A  net&#44; (10) of ##EQU1## layers. "])
    assert all_texts(source) == sorted([*WORDS, "a net , of layers ."])


def test_very_many_patents_are_read_like_a_few():
    # so many that processes share the reading
    rows = [Patent(f"Net {n}" * (n % 5 > 0), str(n), "", "") for n in range(12_000)]
    split = replace(PATENTS["split"], valid=0, test=0)
    source = ListSource(rows=rows, **PATENTS | {"split": split, "query": "1"})
    texts, counts = texts_by_split(source)
    assert texts["train"] == [f"net {n}" for n in range(12_000) if n % 5 and "1" in str(n)]
    assert counts["rows"] == 12_000
    assert counts["without_text"] == 2_400
    assert counts["outside_query"] == 9_600 - len(texts["train"])


def test_the_query_is_searched_in_the_text_whatever_its_case_and_blanks(patents_file):
    hits = ["A Deep   network is here %s.", "DEEP\nNETWORK %s", "Some deep network, no %s"]
    abstracts = [text % n for text in hits for n in ["one", "two", "three", "four", "five"]]
    misses = ["A deep, network.", "A deep neural network.", "Deepnetwork."]
    source = patents_file([*abstracts, *misses], query="deep  Network")
    assert len(all_texts(source)) == 15
    assert texts_by_split(source)[1]["outside_query"] == 3
    assert len(all_texts(replace(source, query=None))) == 18


def test_of_several_phrases_all_or_any_are_searched(patents_file):
    source = patents_file([*ABSTRACTS, "A net.", "A layer."])
    either = {"any": ["claim a", "a NET."]}
    assert all_texts(replace(source, query=either)) == ["a net .", WORDS[0]]
    assert all_texts(replace(source, query=either | {"all": ["has", "network"]})) == WORDS[:1]


def test_what_is_left_out_is_counted(patents_file):
    near = "the very same words in the same order as here"
    abstracts = [*ABSTRACTS, near, f"{near} again", ABSTRACTS[0].upper(), *EMPTY, "Not it."]
    source = patents_file(abstracts, query="e")
    texts, counts = texts_by_split(source)
    assert counts == {
        "rows": 19,
        "without_text": 3,
        "outside_query": 1,
        "exact_duplicates": 1,
        "near_duplicate_clusters": 1,
        "near_duplicates": 2,
    }
    assert sum(map(len, texts.values())) == 14


def test_the_sample_is_a_source_like_any_other():
    texts, counts = texts_by_split(SAMPLE)
    assert counts["rows"] == 60
    assert counts["without_text"] + counts["exact_duplicates"] + sum(map(len, texts.values())) == 60
    assert texts_by_split(SAMPLE) == (texts, counts)


def test_rows_that_a_source_leaves_out_itself_are_counted():
    @dataclass(frozen=True, kw_only=True)
    class Choosy(ListSource):
        def records(self):
            return Records(self.rows, Counter(outside_dates=4, not_utility=3))

    rows = [Patent(text, "", "", "") for text in [*ABSTRACTS, ""]]
    _, counts = texts_by_split(Choosy(rows=rows, **PATENTS))
    left_out = {"without_text": 1, "outside_query": 0, "outside_dates": 4, "not_utility": 3}
    assert counts == {
        "rows": 20,
        **left_out,
        "exact_duplicates": 0,
        "near_duplicate_clusters": 0,
        "near_duplicates": 0,
    }


def test_a_corpus_is_taken_as_it_is(corpus_folder):
    train, valid = "The net.\n\n  \nthe  net .\n", "a  <unk>\r\n<end> x-y\n"
    source = corpus_folder(train=train, valid=valid, test="é b")
    texts, counts = texts_by_split(source)
    assert texts == {
        "train": ["The net.", "the net ."],
        "valid": ["a <unk>", "x-y"],
        "test": ["é b"],
    }
    assert counts == {"rows": 5, "without_text": 0, "outside_query": 0}


def test_sources_are_called_what_people_call_them(patents_file, corpus_folder):
    assert patents_file([], name="nets.csv").label == "nets.csv"
    assert corpus_folder(name="wikitext").label == "wikitext"
    assert "synthetic" in SAMPLE.label


def test_a_corpus_in_the_working_folder_has_its_name(corpus_folder, monkeypatch):
    monkeypatch.chdir(corpus_folder(name="wikitext").path)
    assert CorpusSource(path=".", encoding="utf-8", encoding_errors="strict").label == "wikitext"


def test_a_path_may_start_at_home(patents_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    source = patents_file(ABSTRACTS)
    at_home = replace(source, path="~/patents.csv")
    assert texts_by_split(at_home) == texts_by_split(source)
    assert at_home.identity() == source.identity()


def test_a_file_is_known_by_its_content_and_settings_not_its_path(patents_file, tmp_path):
    source = patents_file(ABSTRACTS)
    moved = patents_file(ABSTRACTS, name="moved.csv")
    assert moved.identity() == source.identity()
    assert str(tmp_path) not in repr(source.identity())
    others = [
        patents_file([*ABSTRACTS, "One more."], name="other.csv"),
        replace(source, query="net"),
        replace(source, column="abstract"),
        replace(source, encoding="latin-1"),
        replace(source, split=replace(source.split, shingle=4)),
        replace(source, cleaning=replace(source.cleaning, markers=())),
        SAMPLE,
        replace(SAMPLE, seed=2),
        replace(SAMPLE, count=61),
    ]
    assert len({repr(some.identity()) for some in [source, *others]}) == 10


def test_a_corpus_is_known_by_its_content_not_its_path(corpus_folder):
    texts = {"train": "a", "valid": "b", "test": "c"}
    source = corpus_folder(**texts)
    identity = source.identity()
    assert corpus_folder(name="moved", **texts).identity() == identity
    assert replace(source, encoding="latin-1").identity() != identity
    for name in SPLITS:
        assert corpus_folder(name=f"other_{name}", **texts | {name: "d"}).identity() != identity
    swapped = corpus_folder(name="swapped", train="a", valid="c", test="b")
    assert swapped.identity() != identity


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "absent.csv"
    source = FileSource(path=str(path), **FOUND, **PATENTS)
    with pytest.raises(DataError) as error:
        source.identity()
    assert one_line(error) == f"{path}: no such file; check data.path"


def test_a_folder_without_tables_says_so(tmp_path):
    source = FileSource(path=str(tmp_path), **FOUND, **PATENTS)
    with pytest.raises(DataError) as error:
        source.identity()
    assert one_line(error).startswith(f"{tmp_path} has no file of a known kind (.csv .tsv ")
    assert one_line(error).endswith("with train.txt, valid.txt and test.txt is read by data=corpus")


def test_a_folder_of_shards_is_one_source(patents_file, tmp_path):
    whole = patents_file(ABSTRACTS, name="whole.csv")
    for number, part in enumerate([ABSTRACTS[:5], ABSTRACTS[5:]]):
        patents_file(part, name=f"shard{number}.csv")
    shards = replace(whole, path=str(tmp_path / "shard*.csv"))
    assert all_texts(shards) == all_texts(whole)
    assert shards.identity() != whole.identity()


def test_a_missing_part_of_a_corpus_is_named(corpus_folder, tmp_path):
    source = corpus_folder(train="a", test="c")
    with pytest.raises(DataError) as error:
        source.identity()
    path = tmp_path / "corpus" / "valid.txt"
    assert one_line(error) == f"{path}: no such file; check data.path"


def test_a_corpus_in_another_encoding_says_so(corpus_folder):
    source = corpus_folder(train="a", valid="caf\xe9 x", test="c", encoding="latin-1")
    with pytest.raises(DataError) as error:
        texts_by_split(source)
    told = (
        r"valid.txt is not utf-8 text: line 1, byte 3 (\xe9): set data.encoding=cp1252, which fits"
    )
    assert told in one_line(error)
    texts, _ = texts_by_split(replace(source, encoding="cp1252"))
    assert texts["valid"] == ["caf\xe9 x"]
    texts, _ = texts_by_split(replace(source, encoding_errors="replace"))
    assert texts["valid"] == ["caf\ufffd x"]
    with pytest.raises(ConfigError, match=r"encoding='klingon' is not an encoding of text"):
        replace(source, encoding="klingon")


def test_corpora_with_byte_order_marks_are_read(corpus_folder):
    texts = {"train": "caf\xe9", "valid": "b", "test": "c"}
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        found, _ = texts_by_split(corpus_folder(name=encoding, encoding=encoding, **texts))
        assert found == {split: [text] for split, text in texts.items()}


def test_marks_of_ends_are_taken_off_a_corpus_and_said(corpus_folder):
    source = corpus_folder(
        train="<start> the <unk> net . <end>\n<s> a net </s>\nplain\n",
        valid="one <eos> two <eos>",
        test="<end>\na < b",
    )
    records = source.records()
    texts = [(patent.split, patent.abstract) for patent in records]
    assert texts == [
        ("train", "the <unk> net ."),
        ("train", "a net"),
        ("train", "plain"),
        ("valid", "one"),
        ("valid", "two"),
        ("test", "a < b"),
    ]
    assert records.warnings == [
        "train.txt: 4 marks such as <end> taken off (first in line 1)",
        "valid.txt: 2 marks such as <end> taken off (first in line 1)",
        "test.txt: 1 marks such as <end> taken off (first in line 1)",
    ]


def test_a_file_without_abstracts_says_so(patents_file):
    source = patents_file(["", "(FIGURE 10)", " "], query="figure")
    with pytest.raises(DataError) as error:
        texts_by_split(source)
    expected = "patents.csv: none of 3 rows has an abstract; check data.column"
    assert one_line(error) == expected


def test_a_query_that_nothing_holds_is_named(patents_file):
    source = patents_file([*ABSTRACTS, ""], query="carburettor")
    with pytest.raises(DataError) as error:
        texts_by_split(source)
    assert one_line(error) == (
        "patents.csv: none of 12 abstracts holds data.query='carburettor'; "
        "try a shorter phrase, or data.query=null for all"
    )
