"""Values that are no plain text: the text where it is plain which one, otherwise one line."""

import io
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.files.values import abstract_text, follow, plain_text
from patentlm.errors import DataError
from tests.files.conftest import text_or_line


def json_lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def parquet(table):
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content)
    return content.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        "A pump.",
        {"text": "A pump.", "language": "en"},
        {"language": ["en"], "text": ["A pump."]},
        {"lang": "EN", "truncated": False, "text": "A pump."},
        [{"lang": "en", "text": "A pump."}],
        [{"lang": "en", "text": ["A", "pump."]}],
        {"en": "A pump."},
        {"en": "A pump.", "fr": None},
        ["A", "pump."],
        [{"p": "A"}, {"p": "pump."}],
        {"p": [{"@num": "0001", "#text": "A pump."}]},
        {"abstract": "A pump.", "id": 5},
        ["A pump.", None, ""],
        b"A pump.",
        [[{"text": {"value": "A pump."}}]],
    ],
)
def test_the_text_is_taken_where_it_is_plain_which(value):
    assert abstract_text(value, "abstract", None) == "A pump."
    assert abstract_text(value, "abstract", "en") == "A pump."


@pytest.mark.parametrize("value", [None, float("nan"), "", [], {}, [None], {"text": None}])
@pytest.mark.parametrize("language", [None, "en"])
def test_missing_values_are_empty(value, language):
    assert abstract_text(value, "abstract", language) == ""


TWO = [{"lang": "fr", "text": "Une pompe."}, {"lang": "en", "text": "A pump."}]


@pytest.mark.parametrize(
    "value",
    [
        TWO,
        {"fr": "Une pompe.", "en": "A pump."},
        {"language": ["fr", "en"], "text": ["Une pompe.", "A pump."]},
        {"fr-FR": {"text": "Une pompe."}, "en-US": {"text": "A pump."}},
    ],
)
def test_of_several_languages_one_is_asked_for(value):
    assert abstract_text(value, "abstract", "en") == "A pump."
    assert abstract_text(value, "abstract", "FR") == "Une pompe."
    assert abstract_text(value, "abstract", "de") == ""
    with pytest.raises(DataError) as error:
        abstract_text(value, "abstract", None)
    assert "has texts in abstract in en" in str(error.value)
    assert "set data.language to one of them" in str(error.value)


def test_codes_of_two_and_three_letters_mean_one_language():
    assert abstract_text([{"lang": "eng", "text": "A pump."}], "abstract", "en") == "A pump."
    assert abstract_text([{"lang": "en", "text": "A pump."}], "abstract", "eng") == "A pump."


def test_several_fields_are_named():
    with pytest.raises(DataError) as error:
        abstract_text({"problem": "Noise", "solution": "A pump."}, "abstract", None)
    assert str(error.value) == (
        "has several fields in abstract: "
        "set data.column=abstract.problem or data.column=abstract.solution"
    )


@pytest.mark.parametrize("value", [5, 1.5, True, [5], {"text": 7}])
def test_numbers_are_no_abstracts(value):
    with pytest.raises(DataError, match=r"has a (number|truth value) in abstract.*text is due"):
        abstract_text(value, "abstract", None)


@pytest.mark.parametrize("nested", [["text"], {"text": "x"}])
def test_values_nested_without_end_are_refused(nested):
    for _ in range(500):
        nested = [nested]
    with pytest.raises(DataError, match="where a text is due"):
        abstract_text(nested, "abstract", None)


MISSING = ["NA", "N/A", "NULL", "null", "nan", "NaN", "None", "\\N", "-", " NA ", "#N/A", "<NA>"]
MISSING += ["(null)", "[NULL]", "n.a.", "NaT", "nil", "undefined", "—", "...", "?", "Not available"]
MISSING += ["No abstract available", "  No Abstract Available. ", "Abstract not available"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_words_for_nothing_are_missing_values(read, kind):
    words = [*MISSING, "NA is an element.", "none of them"]
    if kind == "jsonl":
        content = json_lines(*({"abstract": word, "title": word} for word in words))
    else:
        mark = {"csv": ",", "tsv": "\t"}[kind]
        content = f"title{mark}abstract\n" + "".join(f"{word}{mark}{word}\n" for word in words)
    found = read(f"a.{kind}", content)
    assert found.texts == [""] * len(MISSING) + words[-2:]
    assert [patent.title for patent in found.patents][:-2] == [""] * len(MISSING)


WRITTEN = [
    {"text": "A pump's valve.", "language": "en"},
    [{"lang": "en", "text": "A pump's valve."}],
    ["A pump's valve."],
    {"en": "A pump's valve."},
]


@pytest.mark.parametrize("value", WRITTEN)
@pytest.mark.parametrize("write", [json.dumps, repr])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_nested_values_that_were_written_as_text_are_read(read, value, write, kind):
    text = write(value)
    quoted = text.replace('"', '""')
    files = {"csv": f'abstract\n"{quoted}"\n', "jsonl": json_lines({"abstract": text})}
    assert read(f"a.{kind}", files[kind]).texts == ["A pump's valve."]
    if isinstance(value, dict) and "text" in value:
        found = read(f"a.{kind}", files[kind], column="abstract.text")
        assert found.texts == ["A pump's valve."]


@pytest.mark.parametrize(
    "text", ["[Problem] A pump.", "{a} pump [b]", "[[x]", '["A" or "B"] pump', "[0001] A.", "["]
)
def test_texts_that_begin_with_a_bracket_stay(read, text):
    assert read("a.jsonl", json_lines({"abstract": text})).texts == [text]


def test_a_dotted_column_leads_into_nested_values(read, refusal):
    rows = [{"id": n, "biblio": {"abstract": {"long": f"Pump {n}", "short": "P"}}} for n in (1, 2)]
    found = read("a.jsonl", json_lines(*rows), column="biblio.abstract.long")
    assert found.texts == ["Pump 1", "Pump 2"]
    told = refusal("a.jsonl", json_lines(*rows), column="biblio.abstract")
    assert "set data.column=biblio.abstract.long or data.column=biblio.abstract.short" in told


def test_a_dotted_column_keeps_languages_apart(read):
    rows = json_lines(
        {"abstract": TWO}, {"abstract": {"language": ["fr", "en"], "text": ["U", "A"]}}
    )
    assert read("a.jsonl", rows, column="abstract.text", language="en").texts == ["A pump.", "A"]


def test_a_name_with_a_dot_comes_before_a_path(read):
    row = json_lines({"a.b": "A pump.", "a": {"b": "A valve."}})
    assert read("a.jsonl", row, column="a.b").texts == ["A pump."]
    assert follow({"a": [{"b": 1}, {"b": 2}, {}]}, ["a", "b"]) == [1, 2, None]


def test_structs_and_lists_of_parquet_are_nested_values(read):
    texts = pa.array([[{"text": "A pump.", "language": "en"}], None, []])
    table = pa.table({"abstract_localized": texts, "publication_date": [20010102, 20010103, 0]})
    found = read("a.parquet", parquet(table))
    assert found.texts == ["A pump.", "", ""]
    assert [patent.date for patent in found.patents] == ["20010102", "20010103", "0"]
    assert found.warnings == []


def test_numbers_in_some_records_are_left_out_and_counted(read, refusal):
    rows = [{"abstract": "A pump."}] * 3
    found = read("a.jsonl", json_lines(*rows, {"abstract": 7}))
    assert found.texts == ["A pump."] * 3
    assert found.counts == {"damaged": 1}
    assert found.warnings == [
        "a.jsonl: 1 damaged records left out "
        "(it has a number in abstract, where a text is due (in record 4))"
    ]
    told = refusal("a.jsonl", json_lines(rows[0], {"abstract": 7}))
    assert told.startswith(
        "has a number in abstract, where a text is due (in record 2); 1 of its 2"
    )


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.float32(), pa.date32(), pa.bool_(), pa.duration("s")]
)
def test_parquet_columns_of_other_types_are_no_abstracts(refusal, kind):
    table = pa.table({"abstract": pa.array([1, 2], pa.int64()).cast(pa.int32()).view(pa.int32())})
    table = pa.table({"abstract": pa.nulls(2, kind), "id": table["abstract"]})
    assert f"holds {kind} in the column abstract, not text" in refusal("a.parquet", parquet(table))


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (pa.array([2**62], pa.timestamp("us")), ""),
        (pa.array([2**31 - 1], pa.date32()), ""),
        (pa.array([11_000], pa.date32()), "2000-02-13"),
        (pa.array([5], pa.duration("ns")), "5"),
        (pa.array([2**62], pa.duration("us")), "4611686018427387904"),
        (pa.array([5.0]), "5"),
        (pa.array([b"2001"]), "2001"),
        (pa.array(["2001"]).dictionary_encode(), "2001"),
    ],
)
def test_odd_dates_and_durations_of_parquet_are_read(read, array, shown):
    table = pa.table({"abstract": ["A pump."], "date": array})
    [patent] = read("a.parquet", parquet(table)).patents
    assert (patent.abstract, patent.date) == ("A pump.", shown)


def test_parquet_texts_in_another_encoding_are_replaced(read):
    array = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    assert read("a.parquet", parquet(pa.table({"abstract": array}))).texts == ["caf\ufffd"]


def test_lone_surrogates_are_replaced_in_every_field(read):
    [patent] = read(
        "a.jsonl", r'{"abstract": "A \ud83d x", "id": "\udc00", "title": "\ud83d\ude00"}'
    ).patents
    assert (patent.abstract, patent.id, patent.title) == ("A \ufffd x", "\ufffd", "😀")


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("abc<>&- ") | st.binary(),
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "lang", "en", "fr", "x", "p", "#text"]), some, max_size=3
        )
    ),
)


@given(value=NESTED, language=st.sampled_from([None, "en"]))
def test_any_value_is_a_text_or_one_line(value, language):
    assert isinstance(plain_text(value), str)
    assert text_or_line(abstract_text, value, "abstract", language)
