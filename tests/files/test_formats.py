"""Every format gives the same patents, and every file that cannot be used says why."""

import csv
import gzip
import io
import json
import re
import zipfile
from random import Random

import pyarrow as pa
import pyarrow.parquet
import pytest

from patentlm.data.records import Patent
from patentlm.errors import ConfigError, DataError
from tests.files.conftest import read_path

PATENTS = [
    Patent('A "neural"\tnetwork,\nin two lines.', "D0939806", "2021-12-28", "Network"),
    Patent("", "5535303", "1996-07-09", ""),
    Patent("Θ is a threshold.", "", "", "'Threshold'"),
]
ROWS = [
    {
        "patent_number": patent.id,
        "patent_title": patent.title,
        "patent_abstract": patent.abstract,
        "patent_date": patent.date,
    }
    for patent in PATENTS
]


def delimited(rows, delimiter):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet(rows):
    content = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), content)
    return content.getvalue()


def json_lines(rows):
    return "\n\n".join(json.dumps(row) for row in rows).encode()


CONTENTS = {
    "json": json.dumps(ROWS).encode(),
    "csv": delimited(ROWS, ","),
    "tsv": delimited(ROWS, "\t"),
    "jsonl": json_lines(ROWS),
    "ndjson": json_lines(ROWS),
    "parquet": parquet(ROWS),
}


def zipped(**contents):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in contents.items():
            members.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize("kind", CONTENTS)
def test_every_format_gives_the_same_patents(read, kind):
    assert read(f"patents.{kind}", CONTENTS[kind]).patents == PATENTS


@pytest.mark.parametrize("kind", CONTENTS)
def test_compressed_tables_read_as_plain_ones(read, kind):
    name = f"Patents.{kind.upper()}"
    assert read(f"{name}.GZ", gzip.compress(CONTENTS[kind])).patents == PATENTS
    archive = {name: CONTENTS[kind], f"__MACOSX/._{name}": b"", "readme.txt": b"Terms of use"}
    assert read("patents.zip", zipped(**archive)).patents == PATENTS


@pytest.mark.parametrize(
    ("header", "column", "abstract"),
    [
        ("text,abstract", None, "second"),
        ("Abstract,title", None, "first"),
        ("summary, TEXT ", None, "second"),
        ("claims,abstract", "claims", "first"),
        ("claims,abstract", "Claims", "first"),
        ("Claims,claims", "Claims", "first"),
        (",text", None, "second"),
    ],
)
def test_the_abstract_is_found_by_name(read, header, column, abstract):
    [text] = read("patents.csv", f"{header}\nfirst,second\n", column=column).texts
    assert text == abstract


def test_fields_without_a_column_are_empty(read):
    found = read("patents.csv", ",abstract\n7,A network.\n")
    assert found.patents == [Patent("A network.", "", "", "")]


def test_huge_fields_are_read(read):
    [text] = read("patents.csv", b"abstract\n" + b"a" * 200_000).texts
    assert len(text) == 200_000


@pytest.mark.parametrize(("kind", "encode"), [("jsonl", json_lines), ("parquet", parquet)])
def test_values_become_text(read, kind, encode):
    rows = [{"abstract": None, "id": 5535303}, {"abstract": "A network.", "id": None}]
    assert read(f"patents.{kind}", encode(rows)).patents == [
        Patent("", "5535303", "", ""),
        Patent("A network.", "", "", ""),
    ]


def test_rows_before_a_mistake_are_given(tmp_path):
    path = tmp_path / "patents.csv"
    path.write_bytes(b"abstract\n" + b"A network.\n" * 30_000 + b"\xff\n")
    with pytest.raises(DataError, match="line 30002, byte 330,009"):
        read_path(path)


JSON_START = b'{"abstract": "A network."}\n\n'
MISTAKES = {
    "unknown kind": ("patents.docx", b"", r"name it \.csv \.tsv \.jsonl"),
    "unknown kind in gzip": ("patents.gz", gzip.compress(b""), r"name it \.csv"),
    "nothing": ("patents.csv", b"", "is empty: it needs named columns"),
    "no rows": ("patents.tsv", b"id\tabstract\n", "is empty: it needs .* one patent in each row"),
    "no lines": ("patents.jsonl", b"\n\n", "is empty"),
    "no parquet rows": ("a.parquet", parquet([{}]), "is empty"),
    "no abstracts": ("a.csv", b"id,claims\n1,2\n", "data.column=NAME to one of id, claims"),
    "no such parquet column": ("a.parquet", parquet([{"id": 1}]), "to one of id$"),
    "other encoding": ("a.csv", b"abstract\ncaf\xe9\n", "data.encoding=cp1252"),
    "malformed JSON": ("a.jsonl", JSON_START + b'{"text": ', r"is not JSON in line 3 \(.*\)"),
    "JSON array": ("a.ndjson", JSON_START + b"[1]", "no JSON object in line 3: write one"),
    "no gzip": ("a.csv.gz", b"abstract\n", r"damaged or incomplete \(.*\): fetch or export"),
    "cut gzip": ("a.csv.gz", gzip.compress(b"abstract\na\n")[:-9], "damaged or incomplete"),
    "wrong gzip": ("a.csv.gz", gzip.compress(b"")[:10] + b"\xff" * 20, "damaged or incomplete"),
    "no zip": ("a.zip", b"abstract\n", "damaged or incomplete"),
    "no parquet": ("a.parquet", b"abstract\n", "damaged or incomplete"),
    "cut parquet": ("a.parquet", CONTENTS["parquet"][:-20], "damaged or incomplete"),
    "empty zip": ("a.zip", zipped(), "holds nothing: leave exactly one table in it"),
    "no table": ("a.zip", zipped(**{"a.pdf": b""}), "holds 0 tables among a.pdf: leave"),
    "workbook": (
        "a.zip",
        zipped(**{"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
        "is a workbook or document: save it as CSV",
    ),
    "gzip that says it is large": (
        "a.csv.gz",
        gzip.compress(Random(1).randbytes(80_000))[:-4] + bytes([0, 0, 0, 5]),  # 80 MiB
        "unpacks to more than 100 times its",
    ),
    "two tables": (
        "a.zip",
        zipped(**{"a.csv": b"", "b.tsv": b"", "c.txt": b""}),
        "holds 2 tables among a.csv, b.tsv, c.txt: leave exactly one",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), MISTAKES.values(), ids=MISTAKES)
def test_unusable_files_say_why(tmp_path, read, name, content, message):
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / name))} .*{message}") as error:
        read(name, content)
    assert len(str(error.value).splitlines()) == 1


def test_a_protected_zip_says_to_unpack_it(read):
    archive = bytearray(zipped(**{"a.csv": b"abstract\n"}))
    archive[6] |= 1  # the flag that says a password is needed, in both of its places
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"cannot be unpacked \(.*password.*\): unpack it"):
        read("a.zip", archive)


def test_a_missing_column_is_named(read):
    with pytest.raises(DataError, match=r"has no column claims: .* one of id, abstract"):
        read("patents.csv", b"id,abstract\n1,2\n", column="claims")


@pytest.mark.parametrize("name", ["klingon", "hex", "utf\0-8", "rot13", "undefined", ""])
def test_an_unknown_encoding_is_named(read, name):
    with pytest.raises(ConfigError) as error:
        read("patents.csv", b"abstract\n", encoding=name)
    assert str(error.value).startswith(f"data.encoding={name!r} is not an encoding of text: write ")


@pytest.mark.parametrize("name", ["absent.csv", "absent.csv.gz", "absent.zip", "absent.parquet"])
def test_an_absent_file_is_named(tmp_path, name):
    with pytest.raises(DataError) as error:
        read_path(tmp_path / name)
    assert str(error.value) == f"{tmp_path / name}: no such file; check data.path"


@pytest.mark.real_data
def test_the_real_file_is_read_whole(real_data):
    patents, counts, warnings = read_path(real_data / "neural_network_patents.csv")
    assert len(patents) == 3522
    assert all(patent.abstract and patent.id and patent.title for patent in patents)
    assert (patents[0].id, patents[0].date) == ("5535303", "1996-07-09")
    assert (counts, warnings) == ({}, [])
