"""PatentsView's tables: what the filter keeps, what it counts, and what it joins."""

import csv
import io
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.patentsview.filtering import PatentFilter, filter_tables, read_counts
from patentlm.data.patentsview.tables import Grants
from patentlm.data.query import Query
from patentlm.errors import ConfigError, DataError

HEADER = ("patent_id", "patent_abstract")
GRANTS_HEADER = ("patent_id", "patent_type", "patent_date", "patent_title", "num_claims")
EVERYTHING = PatentFilter(query=Query((), ()), granted_from=None, granted_to=None, titles=False)
TITLED = replace(EVERYTHING, titles=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\t\r\n,ab'))


def table(rows, *, header=HEADER, end="\n"):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator=end)
    writer.writerows([header, *rows])
    return text.getvalue()


def grants_table(rows):
    return table(
        [(id, "utility", date, title, 3) for id, date, title in rows], header=GRANTS_HEADER
    )


def zipped(path, text, *, member="table.tsv"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return path


def filtered(folder, text, *, grants=None, keep=EVERYTHING):
    """What the filter makes of tables: its rows as tuples, and its counts that are not zero."""
    target = Path(folder) / "filtered.parquet"
    grants_zip = grants and zipped(Path(folder) / "grants.zip", grants)
    filter_tables(zipped(Path(folder) / "abstracts.zip", text), grants_zip, target, keep=keep)
    result = pyarrow.parquet.read_table(target)
    assert result.column_names == ["patent_id", "patent_date", "patent_title", "patent_abstract"]
    counts = read_counts(target)
    rows = [tuple(row.values()) for row in result.to_pylist()]
    return rows, {reason: count for reason, count in counts.items() if count}


def ids(rows):
    return [row[0] for row in rows]


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


@given(
    rows=st.lists(st.tuples(TEXT, TEXT.map("Text {}".format))),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_texts_come_back_exactly(rows, end):
    with tempfile.TemporaryDirectory() as folder:
        kept, counts = filtered(folder, table(rows, end=end))
    assert kept == [(id, "", "", text) for id, text in rows]
    assert counts == {}


@given(st.lists(st.sampled_from(["", " ", "\n\t", "a net", "a Deep\nNET", "deep&nbsp;net"])))
def test_every_row_is_kept_or_counted(texts):
    keep = replace(EVERYTHING, query=Query.parse("deep net"))
    with tempfile.TemporaryDirectory() as folder:
        kept, counts = filtered(folder, table(enumerate(texts)), keep=keep)
    assert [text for *_, text in kept] == [text for text in texts if "eep" in text]
    assert counts.get("without_text", 0) == sum(not text.strip() for text in texts)
    assert counts.get("outside_query", 0) == texts.count("a net")
    assert len(kept) + sum(counts.values()) == len(texts)


def test_words_for_nothing_are_missing_values(tmp_path):
    texts = ["NA", "N/A", "null", " NaN ", "None", r"\N", "-", "", " \n", "NA is sodium.", "nano"]
    rows, counts = filtered(tmp_path, table(enumerate(texts)))
    assert [row[3] for row in rows] == ["NA is sodium.", "nano"]
    assert counts == {"without_text": 9}


def test_damage_far_into_a_table_costs_its_row(tmp_path):
    texts = [f"Text {n} {'has many words ' * 40}" for n in range(24_000)]  # several blocks
    whole = table(enumerate(texts))
    for stray in ('sec"ond', 'second" x', 'two"\t"'):
        rows, counts = filtered(tmp_path, whole.replace("Text 9000 ", stray))
        assert [row[3] for row in rows] == texts[:9000] + texts[9001:]
        assert counts == {"damaged": 1}


def test_a_table_that_unpacks_too_far_is_refused(tmp_path):
    path = zipped(tmp_path / "abstracts.zip", table([("1", "x" * 2**26)]))
    with pytest.raises(DataError) as error:
        filter_tables(path, None, tmp_path / "out.parquet", keep=EVERYTHING)
    assert f"{path} unpacks to more than 100 times its" in one_line(error)


def test_damaged_rows_are_counted_and_the_others_kept(tmp_path):
    text = (
        '"patent_id"\t"patent_abstract"\n'
        '"1"\t"one"\n'
        '"2"\t"two"\t"more"\n'
        '"3"\n'
        "\n"
        '"4"\t"fo"ur"\n'
        '"5"\t"five"\n'
        '"6"\t"never closed\n'
        '"7"\t"swallowed"\n'
        "8\tunquoted\n"
        '"9"\t"at the end'
    )
    rows, counts = filtered(tmp_path, text)
    assert ids(rows) == ["1", "5", "8"]
    assert counts == {"damaged": 5}


def test_a_stray_quote_costs_two_rows_where_all_are_quoted(tmp_path):
    for stray in ['sec"ond', '"second', 'second"', 'second""']:
        text = table([(n, f"row {n}") for n in range(50)]).replace("row 20", stray)
        rows, counts = filtered(tmp_path, text)
        assert ids(rows)[:20] == [str(n) for n in range(20)]
        assert ids(rows)[-28:] == [str(n) for n in range(22, 50)]
        assert counts.get("damaged", 0) <= 1


def test_a_stray_quote_costs_few_rows_where_none_are_quoted(tmp_path):
    lines = [f"{n}\t{'x' * 990}" for n in range(1000)]
    lines[100] = '100\t"never closed'
    rows, counts = filtered(tmp_path, "\n".join(["patent_id\tpatent_abstract", *lines]))
    assert ids(rows)[:100] == [str(n) for n in range(100)]
    assert ids(rows)[100:] == [str(n) for n in range(1000 - len(rows) + 100, 1000)]
    assert 1000 - len(rows) < 2**17 / 990 + 2
    assert counts == {"damaged": 1}


def test_the_limit_of_fields_is_left_as_it_was(tmp_path):
    before = csv.field_size_limit(12345)
    try:
        filtered(tmp_path, table([("1", "x" * 20_000)]))
        assert csv.field_size_limit() == 12345
    finally:
        csv.field_size_limit(before)


def test_bytes_that_are_no_text_are_replaced(tmp_path):
    rows, counts = filtered(tmp_path, table([("1", "caf\xe9 \x00")]).encode("latin-1"))
    assert rows == [("1", "", "", "caf\ufffd \x00")]
    assert counts == {}


def test_columns_are_found_by_name(tmp_path):
    text = table([("x", "a text", "1")], header=("other", "patent_abstract", "patent_id"))
    assert filtered(tmp_path, text)[0] == [("1", "", "", "a text")]


@pytest.mark.parametrize("backwards", [False, True])
def test_dates_and_titles_are_joined_by_id(tmp_path, backwards):
    grants = [
        ("D1", "1999-12-31", "A  lamp\n\twith ü"),
        ("2", "2000-01-01", ""),
        ("unknown", "2001-01-01", "Of no abstract"),
        ("RE3", "2002-01-01", 'The "third"'),
    ]
    text = table([("2", "two"), ("RE3", "three"), ("4", "four"), ("D1", "one")])
    grants = grants_table(reversed(grants) if backwards else grants)
    rows, counts = filtered(tmp_path, text, grants=grants, keep=TITLED)
    assert rows == [
        ("2", "2000-01-01", "", "two"),
        ("RE3", "2002-01-01", 'The "third"', "three"),
        ("4", "", "", "four"),
        ("D1", "1999-12-31", "A lamp with ü", "one"),
    ]
    assert counts == {}
    rows, _ = filtered(tmp_path, text, grants=grants, keep=replace(TITLED, titles=False))
    assert {title for _, _, title, _ in rows} == {""}


@pytest.mark.parametrize(
    ("granted_from", "granted_to", "kept"),
    [
        ("2000-01-01", None, "bcd"),
        (None, "2000-01-01", "ab"),
        ("2000-01-01", "2000-02-29", "bc"),
        ("2000-02-29", "2000-02-29", "c"),
        ("2000-01-02", "2000-01-03", ""),
    ],
)
def test_dates_of_grant_are_kept_from_first_to_last(tmp_path, granted_from, granted_to, kept):
    dates = {
        "a": "1999-12-31",
        "b": "2000-01-01",
        "c": "2000-02-29",
        "d": "2000-03-01",
        "e": "",
        "f": "unknown",
        "g": "2000",
    }
    grants = grants_table((id, date, "") for id, date in dates.items())
    text = table([(id, f"text {id}") for id in [*dates, "absent"]])
    keep = replace(EVERYTHING, granted_from=granted_from, granted_to=granted_to)
    rows, counts = filtered(tmp_path, text, grants=grants, keep=keep)
    assert rows == [(id, dates[id], "", f"text {id}") for id in kept]
    assert counts == {"outside_dates": 8 - len(kept)}


@given(
    known=st.dictionaries(TEXT, st.tuples(st.dates().map(str), st.text("abc ü"))),
    others=st.lists(TEXT),
)
def test_grants_are_found_by_id_and_no_others(known, others):
    table = grants_table((id, *grant) for id, grant in known.items())
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as lines:
        path = zipped(Path(folder) / "grants.zip", table)
        grants = Grants.read(path, lines, wanted=lambda _: True, titles=True)
        asked = [*others, *reversed(known)]
        expected = [known.get(id, ("", "")) for id in asked]
        assert grants.find(asked) == [
            (granted, " ".join(title.split())) for granted, title in expected
        ]


@pytest.mark.parametrize("value", ["2000", "2000-1-1", "2000-02-30", "yesterday", "", 2000])
def test_a_date_that_is_none_is_refused(value):
    for name in ("granted_from", "granted_to"):
        with pytest.raises(ConfigError) as error:
            replace(EVERYTHING, **{name: value})
        assert one_line(error) == f"data.{name}={value} is no date: write YYYY-MM-DD"


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(ConfigError) as error:
        replace(EVERYTHING, granted_from="2001-01-01", granted_to="2000-12-31")
    assert one_line(error) == (
        "data.granted_from=2001-01-01 lies behind data.granted_to=2000-12-31: swap them"
    )


@pytest.mark.parametrize(
    ("member", "text", "told"),
    [
        ("readme.txt", "", "holds readme.txt, where one .tsv should be: "),
        ("t.tsv", "", "has no column patent_id, only none: "),
        ("t.tsv", "patent_id\ttext\n", "has no column patent_abstract, only patent_id, text: "),
    ],
)
def test_another_layout_is_named(tmp_path, member, text, told):
    path = zipped(tmp_path / "abstracts.zip", text, member=member)
    with pytest.raises(DataError) as error:
        filter_tables(path, None, tmp_path / "out.parquet", keep=EVERYTHING)
    assert one_line(error) == f"{path} {told}try an earlier data.release"


def test_a_damaged_zip_leaves_nothing_behind(tmp_path):
    path = zipped(tmp_path / "abstracts.zip", table([(n, f"text {n}") for n in range(40_000)]))
    content = path.read_bytes()
    middle, last = len(content) // 2, content.index(b"PK\x01\x02")
    changed = [bytearray(content) for _ in range(3)]
    changed[0][middle] ^= 0xFF
    changed[1][last + 8] |= 1  # the flag that says a password is needed
    changed[2][last + 10] = 99  # a compression that nobody has
    for damaged in (*changed, content[:middle], b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError) as error:
            filter_tables(path, None, tmp_path / "out.parquet", keep=EVERYTHING)
        assert one_line(error).startswith(f"{path} is damaged (")
        assert one_line(error).endswith("): delete it, and it will be fetched anew")
        assert list(tmp_path.iterdir()) == [path]
