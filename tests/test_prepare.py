"""prepare.py: what was read is shown before anything is trained."""

import json
import string

import pytest

from patentlm.data.checks import warnings_of
from patentlm.data.preparation import prepare
from patentlm.data.records import Patent
from patentlm.data.splits import ClusterSplit
from patentlm.data.words import WordTokenizer
from tests.made_up import CLEANING, ListSource

SENTENCES = [
    f"{a.upper()}n {b} net of {a}{b} layers reads {b}{a} signals and writes {a} tables of words."
    for a in string.ascii_lowercase
    for b in "vwxyz"
]


@pytest.fixture
def prepared(tmp_path, run_script, capsys):
    """Runs prepare.py on rows of a CSV file and returns its JSON."""

    def run(abstracts, *settings, column="abstract"):
        rows = [f'{n},"{text}"\n' for n, text in enumerate(abstracts)]
        (tmp_path / "patents.csv").write_text("".join([f"id,{column}\n", *rows]), "utf-8")
        path = ["data=file", f"data.path={tmp_path / 'patents.csv'}", "format=json"]
        run_script("prepare", *path, *settings)
        return json.loads(capsys.readouterr().out)

    return run


def test_json_is_one_object_that_holds_all(prepared):
    found = prepared(SENTENCES, "show=null")
    assert list(found) == ["label", "counts", "warnings", "vocabulary", "texts"]
    assert found["label"] == "patents.csv"
    assert found["counts"]["rows"] == len(SENTENCES)
    assert found["warnings"] == []
    assert found["vocabulary"][:2] == ["<end>", "<unk>"]
    assert {name: len(texts) for name, texts in found["texts"].items()} == {
        name: found["counts"][f"{name}_abstracts"] for name in ("train", "valid", "test")
    }
    words = {word for texts in found["texts"].values() for text in texts for word in text.split()}
    assert words <= set(found["vocabulary"])


def test_so_many_texts_are_shown_as_asked_for(prepared):
    assert [len(texts) for texts in prepared(SENTENCES)["texts"].values()] == [3, 3, 3]
    assert prepared(SENTENCES, "show=0")["texts"] == {"train": [], "valid": [], "test": []}


def test_text_shows_each_text_beside_its_source(prepared, run_script, capsys, tmp_path):
    prepared(SENTENCES)
    run_script("prepare", "data=file", f"data.path={tmp_path / 'patents.csv'}", "show=1")
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    sources = [line.removeprefix("  source: ") for line in lines if line.startswith("  source: ")]
    assert len(sources) == 3
    assert set(sources) <= set(SENTENCES)
    for part in ("near duplicates", "share (%)", "<unk> (%)", "train 1", "valid 1", "test 1"):
        assert part in shown


def test_pieces_are_shown_as_words(prepared):
    found = prepared(SENTENCES, "tokenizer=bpe", "tokenizer.vocabulary=300", "show=1")
    [text] = found["texts"]["train"]
    assert "net of" in text
    assert len(found["vocabulary"]) == found["counts"]["vocabulary"] == 300


def test_all_that_looks_wrong_is_warned_of(prepared):
    odd = [f"PAL w{n} x{n} y{n}" for n in range(60)]
    odd[7] += " na\xc3\xafve\x01"
    found = prepared(odd, "tokenizer.min_count=3")["warnings"]
    for part in ("<unk>", "begin with 'pal'", "control characters", "mojibake", "words on average"):
        assert len([line for line in found if part in line]) == 1
    assert not any("\n" in line for line in found)


COUNTS = {
    f"{name}_{counted}": number
    for name, texts in (("train", 80), ("valid", 10), ("test", 10))
    for counted, number in (("abstracts", texts), ("words", 50 * texts), ("targets", 51 * texts))
} | {"train_unknown": 0}
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


@pytest.mark.parametrize(
    ("changed", "opening", "warned"),
    [
        ({}, 0, []),
        ({"train_unknown": 816}, 76, []),
        ({"train_unknown": 817}, 0, ["20% of train is <unk>"]),
        ({}, 77, ["96% of the texts begin with 'a'"]),
        ({"test_abstracts": 23, "train_abstracts": 67}, 0, ["test has 23.0% of the texts"]),
        ({"valid_abstracts": 4, "train_abstracts": 86}, 0, ["valid has 4.0% of the texts"]),
        ({"with_mojibake": 1}, 0, ["1 texts have mojibake"]),
        ({"with_control_characters": 1200}, 0, ["1,200 texts have control characters"]),
        ({"train_words": 80, "train_targets": 160}, 0, []),
        ({"train_words": 80, "valid_words": 10, "test_words": 10}, 0, ["texts have 1.0 words"]),
    ],
)
def test_warnings_begin_where_they_are_due(changed, opening, warned):
    found = list(warnings_of(COUNTS | changed, SHARES, ("a", opening)))
    assert len(found) == len(warned)
    for line, beginning in zip(found, warned, strict=True):
        assert line.startswith(beginning)


def test_preparation_logs_the_warnings_whenever_the_corpus_is_asked_for(caplog):
    rows = [Patent(f"PAL w{n} x{n} y{n}", "", "", "") for n in range(60)]
    split = ClusterSplit(valid=0.1, test=0.1, shingle=5, overlap=0.5, exact_up_to=10_000)
    source = ListSource(rows=rows, query=None, cleaning=CLEANING, split=split)
    for _ in range(2):
        caplog.clear()
        corpus = prepare(source, WordTokenizer(min_count=3, max_words=None))
        assert len(corpus.warnings) == 3
        warned = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
        assert warned == [f"made up: {line}" for line in corpus.warnings]


@pytest.mark.parametrize("setting", ["show=-1", "show=some", "format=xml"])
def test_settings_that_can_not_work_end_in_a_line(run_script, capsys, setting):
    with pytest.raises(SystemExit):
        run_script("prepare", setting)
    assert capsys.readouterr().err.startswith(f"error: {setting.split('=')[0]}")
