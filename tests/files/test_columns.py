"""Columns are found over all records, and no other is taken in silence."""

import io
import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.files.conftest import read_path


def json_lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("key", ["abstract", "patent_abstract", "Abstract (English)", "text"])
def test_a_key_that_comes_late_is_found(read, key):
    early = [{"id": str(n), "title": "Bottle"} for n in range(1200)]
    late = [{"id": "x", "title": "X", key: "A pump."}] * 2
    assert read("a.jsonl", json_lines(*early, *late)).texts == [""] * 1200 + ["A pump."] * 2
    assert read("a.json", json.dumps(early + late)).texts == [""] * 1200 + ["A pump."] * 2


def test_a_column_that_is_set_is_trusted_over_all_records(read, refusal):
    early = [{"id": str(n), "abstract": "No."} for n in range(500)]
    rows = json_lines(*early, {"id": "x", "claims": "A pump."})
    found = read("a.jsonl", rows, column="claims")
    assert found.texts == [""] * 500 + ["A pump."]
    assert found.warnings == [
        "a.jsonl: abstracts are taken from the column 'claims', which is not a usual name"
    ]
    assert refusal("a.jsonl", rows, column="summary") == (
        "has no column summary: set data.column=NAME to one of id, abstract, claims"
    )


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["No", "Abstract (English)"], "Abstract (English)"),
        (["appln_id", "appln_abstract_lg", "my_abstract"], "my_abstract"),
        (["id", "abstract_length", "abstract-en"], "abstract-en"),
        (["text", "ABSTRACT TEXT ORIGINAL"], "ABSTRACT TEXT ORIGINAL"),
    ],
)
def test_an_unusual_column_is_taken_and_said(read, names, taken):
    values = ["A pump." if name == taken else "1" for name in names]
    found = read("a.csv", f"{','.join(names)}\n{','.join(values)}\n")
    assert found.texts == ["A pump."]
    assert found.warnings == [
        f"a.csv: abstracts are taken from the column {taken!r}, which is not a usual name"
    ]


@pytest.mark.parametrize("name", ["Abstract", " patent abstract ", "APPLN_ABSTRACT", "summary"])
def test_usual_columns_are_taken_without_a_word(read, name):
    found = read("a.csv", f"id,{name}\n1,A pump.\n")
    assert (found.texts, found.warnings) == (["A pump."], [])


def test_of_several_columns_one_is_asked_for(read, refusal):
    content = "id,abstract_en,abstract_fr\n1,A pump.,Une pompe.\n"
    assert refusal("a.csv", content) == (
        "has several columns of abstracts: set data.column to abstract_en, abstract_fr"
    )
    assert read("a.csv", content, language="fr").texts == ["Une pompe."]
    assert read("a.csv", content, column="abstract_en").texts == ["A pump."]


def test_names_that_many_columns_have_are_cut(refusal):
    names = [f"column {n} {'x' * 100}" for n in range(5000)]
    told = refusal("a.csv", ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert told.endswith("and 4,980 more")
    assert len(told) < 1500


def test_doubled_columns_of_abstracts_are_refused(refusal):
    content = io.BytesIO()
    table = pa.Table.from_arrays([pa.array(["1"])] * 3, names=["id", "abstract", "abstract"])
    pyarrow.parquet.write_table(table, content)
    for name, doubled in [
        ("a.parquet", content.getvalue()),
        ("a.csv", "id,abstract,abstract\n1,A,B\n"),
    ]:
        assert refusal(name, doubled) == "has 2 columns named abstract: leave or rename one"


def test_other_doubled_columns_do_no_harm(read):
    content = io.BytesIO()
    values = [pa.array(["1"]), pa.array(["2"]), pa.array(["A pump."])]
    table = pa.Table.from_arrays(values, names=["id", "id", "abstract"])
    pyarrow.parquet.write_table(table, content)
    [patent] = read("a.parquet", content.getvalue()).patents
    assert (patent.id, patent.abstract) == ("1", "A pump.")


def test_shards_share_their_columns(tmp_path):
    (tmp_path / "1.jsonl").write_text(json_lines({"id": "1"}))
    (tmp_path / "2.jsonl").write_text(json_lines({"id": "2", "abstract": "A pump."}))
    (tmp_path / "3.csv").write_text("abstract,id\nA valve.,3\n")
    found = read_path(tmp_path)
    assert [(one.id, one.abstract) for one in found.patents] == [
        ("1", ""),
        ("2", "A pump."),
        ("3", "A valve."),
    ]
