"""Delimited texts as people have them: found layouts, repaired rows, damage that is counted."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.errors import ConfigError
from tests.files.conftest import read_path

CONTROLS = ["\0", *map(chr, range(0x80, 0xA0))]  # a text full of them is refused
TEXT = st.text(st.characters(codec="utf-8", exclude_characters=CONTROLS))
HEADER = "patent_id,patent_abstract\n"


def rows(*texts):
    return "".join(f"{number},{text}\n" for number, text in enumerate(texts))


@given(
    texts=st.lists(TEXT, min_size=1),
    kind=st.sampled_from([(".csv", ","), (".csv", ";"), (".csv", "|"), (".tsv", "\t")]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_survives_quoting(tmp_path_factory, texts, kind, quoting, end):
    suffix, delimiter = kind
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["id", "title", "abstract"])
    writer.writerows([f"US{number}A", "T", f"Text {text}"] for number, text in enumerate(texts))
    path = tmp_path_factory.getbasetemp() / f"quoted{suffix}"
    path.write_bytes(out.getvalue().encode())
    assert read_path(path).texts == [f"Text {text}" for text in texts]


@given(st.lists(st.lists(st.sampled_from(["a", "b,", '"', ",", "\n", "\r", " "])), max_size=6))
def test_damaged_rows_cost_no_other(tmp_path_factory, middle):
    head = rows("The first pump.", "The second pump.", "The third pump.", "The fourth pump.")
    broken = "".join("".join(signs) + "\n" for signs in middle)
    path = tmp_path_factory.getbasetemp() / "middle.csv"
    path.write_text(
        f"{HEADER}{head}{broken}{'8,The last pump.'}\n" + rows(*["Pump"] * 9), newline=""
    )
    texts = read_path(path).texts
    assert texts[:3] == ["The first pump.", "The second pump.", "The third pump."]
    assert texts[-9:] == ["Pump"] * 9


def test_unquoted_commas_stay_in_the_text(read):
    found = read("a.csv", HEADER + rows("A pump, a valve, and a seal.", "A lamp,of 1,000 W."))
    assert found.texts == ["A pump, a valve, and a seal.", "A lamp,of 1,000 W."]
    assert found.warnings == ["a.csv: 2 records repaired (first in line 2)"]


@pytest.mark.parametrize(
    ("header", "row", "abstract"),
    [
        ("id,abstract,date", "1,A pump,a valve,2001-01-01", "A pump,a valve"),
        ("id,abstract,date", "1,A pump, a valve,", "A pump, a valve"),
        ("id,title,abstract", "1,Pump,A pump, with valves", "A pump, with valves"),
        ("id,title,abstract", "1,A pump,It pumps, and stops", "It pumps, and stops"),
        ("id,title,abstract", "1,A valve, a pump,It pumps", "It pumps"),
        ("abstract,id", "A pump,a valve,1", "A pump,a valve"),
        ("abstract", "A pump, a valve,1", "A pump, a valve,1"),
        ("id,abstract", "1, A pump,with valves", " A pump,with valves"),
        ("id,abstract", "1,A pump.,,", "A pump."),
        ("id;abstract", "1;A pump; a valve", "A pump; a valve"),
    ],
)
def test_surplus_delimiters_are_joined_where_one_row_fits(read, header, row, abstract):
    assert read("a.csv", f"{header}\n{row}\n").texts == [abstract]


def test_rows_that_fit_in_several_ways_are_left_out_and_counted(read):
    good = "1,The title,The text\n2,The title,The text\n"
    found = read("a.csv", f"id,title,abstract\n{good}3,One thing,or another thing,or a third\n")
    assert found.texts == ["The text"] * 2
    assert found.counts == {"damaged": 1}
    assert found.warnings == [
        "a.csv: 1 damaged records left out (it has wrong quotes or delimiters in line 4)"
    ]


def test_a_table_that_is_damaged_by_half_is_refused(refusal):
    broken = "3,One thing,or another thing,or a third\n" * 2
    assert refusal("a.csv", f"id,title,abstract\n1,The title,The text\n{broken}") == (
        "has wrong quotes or delimiters in line 3; 2 of its 3 records are damaged: "
        "mend or export it again"
    )


def test_quotes_of_an_unquoted_table_swallow_no_rows(read):
    texts = [f"Pump number {number}." for number in range(40)]
    texts[5], texts[31] = '"Open loop pump', 'A valve of 3"'
    texts[12], texts[20] = '"Smart" pump', 'A "smart" "pump"'
    lines = "".join(f"{n}\tutility\t{text}\t1998-01-01\n" for n, text in enumerate(texts))
    assert read("a.tsv", f"id\ttype\tabstract\tdate\n{lines}").texts == texts


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_quotes_of_a_table_without_numbers_swallow_no_rows(read, delimiter):
    texts = ["A lamp.", '"A pump', "A valve.", 'Three 3"', "A seal."]
    lines = "".join(f"Title{delimiter}{text}\n" for text in texts)
    assert read("a.csv", f"title{delimiter}abstract\n{lines}").texts == texts


def test_texts_of_several_lines_are_one_field(read):
    text = "A pump\nwith a valve, open\nand 1,seal"
    found = read("a.csv", f'id,abstract\n1,"{text}"\n2,"{text}"\n')
    assert found.texts == [text, text]
    assert found.warnings == []


def test_a_quote_that_is_never_closed_costs_its_row(read):
    found = read("a.csv", 'id,abstract\n"1","one"\n"2","two"\n"3","three\n"4","four"\n"5","five"\n')
    assert found.texts == ["one", "two", "four", "five"]
    assert found.counts == {"damaged": 1}


def test_a_file_cut_in_a_quoted_text_loses_that_text_alone(read):
    found = read("a.csv", 'id,abstract\n1,"A pump."\n2,"A valve."\n3,"A se')
    assert found.texts == ["A pump.", "A valve."]
    assert found.counts == {"damaged": 1}


@pytest.mark.parametrize(
    ("row", "abstract"),
    [
        ('"4","fo"ur"', 'fo"ur'),
        ('"4","the "smart" pump"', 'the "smart" pump'),
        ('4,"a "b" c, d"', 'a "b" c, d'),
        ('"4" ,"four" ', "four"),
        ('4,"say ""no"" to "this""', 'say "no" to "this"'),
    ],
)
def test_quotes_that_are_not_doubled_are_kept(read, row, abstract):
    found = read("a.csv", f'id,abstract\n"1","one"\n{row}\n"5","five"\n')
    assert found.texts == ["one", abstract, "five"]
    assert found.warnings == ["a.csv: 1 records repaired (first in line 3)"]


def test_quotes_behind_backslashes_are_quotes(read):
    rows = [r'1,"say \"no\", and stop"', r'2,"a 3\" valve"', r'3,"\"Smart\" pump"']
    found = read("a.csv", "id,abstract\n" + "\n".join(rows) + "\n")
    assert found.texts == ['say "no", and stop', 'a 3" valve', '"Smart" pump']


def test_rows_that_are_quoted_once_more_are_rows(read):
    row = '"1,""A pump, with """"valves"""".""",\n'.replace('",\n', '"\n')
    for header in ("id,abstract", '"id,abstract"', '"id,""abstract"""'):
        assert read("a.csv", f"{header}\n{row}").texts == ['A pump, with "valves".']


def test_blanks_before_quotes_are_no_part_of_the_text(read):
    found = read("a.csv", 'id, abstract\n1, "A pump, and ""valves""."\n2, "A seal, a lid."\n')
    assert found.texts == ['A pump, and "valves".', "A seal, a lid."]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_headers_in_the_middle_are_no_patents(read, mark):
    part = f"{mark}{HEADER}{rows('A pump.', 'A valve.')}"
    found = read("a.csv", part * 3)
    assert found.texts == ["A pump.", "A valve."] * 3
    assert found.counts == {"repeated_headers": 2}
    assert found.warnings == ["a.csv: 2 repeated headers left out (first in line 4)"]


def test_a_return_in_a_row_is_a_blank_and_rows_ended_by_one_are_rows(read):
    assert read("a.csv", "id,abstract\n1,A pump\rwith a valve\n").texts == ["A pump with a valve"]
    assert read("b.csv", "id,abstract\r1,A pump\r2,A valve\r").texts == ["A pump", "A valve"]
    assert read("c.csv", "id,abstract\n1,A pump\r2,A valve\n").texts == ["A pump", "A valve"]
    assert read("d.csv", 'id,abstract\r\n1,"A\rB\nC"\r\n').texts == ["A\rB\nC"]


def test_rows_that_are_broken_in_two_are_joined(read):
    found = read("a.csv", "id,abstract\n1,A pump\nwith a valve\n2,A seal\n")
    assert found.texts == ["A pump with a valve", "A seal"]
    found = read("b.csv", "id,abstract,date\n1,A pump\nwith a valve,2001\n2,A seal,2002\n")
    assert [(one.abstract, one.date) for one in found.patents] == [
        ("A pump with a valve", "2001"),
        ("A seal", "2002"),
    ]


def test_a_remark_behind_the_last_row_is_no_text(read):
    found = read("a.csv", "id,abstract\n1,A pump\n2,A seal\n\nSource: the office\n")
    assert found.texts == ["A pump", "A seal"]
    assert found.counts == {"damaged": 1}


def test_short_rows_have_empty_fields_and_blank_lines_are_no_rows(read):
    found = read("a.csv", "\nid,abstract\n\n1\n   \n2,A network.\n")
    assert [(one.id, one.abstract) for one in found.patents] == [("1", ""), ("2", "A network.")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "txt"])
def test_delimiters_are_found(read, delimiter, kind):
    lines = [["id", "title", "abstract"], ["1", "Pump", "It pumps."], ["2", "Seal", "It seals."]]
    content = "".join(delimiter.join(line) + "\n" for line in lines)
    assert read(f"a.{kind}", content).texts == ["It pumps.", "It seals."]


def test_lines_before_the_header_are_skipped(read):
    content = 'search URL:,https://x.org/?q=(a)\n\nid,title,abstract,\nUS-1,"A",It pumps.,\n'
    found = read("a.csv", content)
    assert found.texts == ["It pumps."]
    assert found.warnings == ["a.csv: 2 lines before the header were skipped"]
    assert read("b.csv", "sep=;\nid;abstract\n1;A, b\n").texts == ["A, b"]


def test_values_are_not_taken_for_a_header(read):
    content = "pub,section,content\n1,abstract,The pump pumps.\n2,text,It stops\n"
    assert read("a.csv", content, column="content").texts == ["The pump pumps.", "It stops"]


def test_settings_win(read, refusal):
    content = "id|x,abstract\n1,a|b,A pump\n"
    assert "one of id, x,abstract" in refusal("a.csv", content, delimiter="pipe", column="claims")
    content = "title,abstract\nid,abstract\n1,A pump\n"
    assert len(read("a.csv", content, skip_lines=1).texts) == 1
    content = 'id\tabstract\n1\t"A pump"\n'
    assert read("a.tsv", content, quoting="none").texts == ['"A pump"']
    content = 'id\tabstract\n1\t"A pump\n2\tA valve"\n'
    assert read("a.tsv", content, quoting="minimal").texts == ["A pump\n2\tA valve"]
    assert read("a.tsv", content).texts == ['"A pump', 'A valve"']


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("delimiter", "xx", "data.delimiter='xx' is not a delimiter: write comma, semicolon"),
        ("delimiter", "\n", "is not a delimiter"),
        ("quoting", "all", "data.quoting='all' is unknown: write minimal, none or null"),
        ("skip_lines", -1, "data.skip_lines=-1 is not a number of lines"),
        ("skip_lines", "2", "data.skip_lines='2' is not a number of lines"),
    ],
)
def test_impossible_settings_are_named(read, setting, value, told):
    with pytest.raises(ConfigError) as error:
        read("a.csv", "abstract\nx\n", **{setting: value})
    assert told in str(error.value)
