"""Which files a path means, what packs them, and what is stopped before it costs memory or time."""

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile

import pytest

from patentlm.data.files import limits
from patentlm.data.files.limits import require_record
from patentlm.data.files.opening import digest, find_files
from patentlm.errors import DataError
from tests.files.conftest import read_path, text_or_line

CSV = "id,abstract\n1,A pump.\n"
OBJECTS = [{"id": "1", "abstract": "A pump."}, {"id": "2", "abstract": "A [valve], {open}."}]
TEXTS = ["A pump.", "A [valve], {open}."]


def one_line(error):
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=2),
        "\ufeff \n" + json.dumps(OBJECTS, indent=2) + "\n\n",
        json.dumps({"count": 2, "patents": OBJECTS}),
        json.dumps({"patents": OBJECTS, "count": 2}, indent=1),
        "\n".join(json.dumps(some, indent=1) for some in OBJECTS),
        "\n".join(json.dumps(some) for some in OBJECTS),
        "[\n" + ",\n".join(json.dumps(some) for some in OBJECTS) + "\n]\n",
        "\r".join(json.dumps(some) for some in OBJECTS),
    ],
)
@pytest.mark.parametrize("kind", ["json", "jsonl", "txt", "json.gz", "gz"])
def test_json_is_read_in_every_layout(read, content, kind):
    data = content.encode()
    assert read(f"a.{kind}", gzip.compress(data) if "gz" in kind else data).texts == TEXTS


def test_an_array_larger_than_what_is_read_at_once(read):
    rows = [{"id": str(n), "abstract": "é" * 1000} for n in range(600)]
    assert len(read("a.json", json.dumps(rows)).patents) == 600
    assert len(read("a.json", json.dumps(rows, ensure_ascii=False)).patents) == 600


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (json.dumps(OBJECTS)[:-9], "is not JSON in record 2 ("),
        (json.dumps(OBJECTS)[:-1], "is cut short behind record 2 of its JSON array"),
        ("[1, 2]", "has no JSON object at place 1 of its array"),
        ('{\n"a": [1,\n', "is not JSON ("),
        (
            '{\n"a": [{"x": 1}],\n"b": [{"y": 1}]}',
            "is one JSON object with a, b: write its records",
        ),
        ("[" * 100_000, "is not JSON in record 1 (it is nested too deeply)"),
        ('{"a":' * 1500, "is not JSON in line 1 (it is nested too deeply)"),
        ('{"abstract": ' + "7" * 5000 + "}", "is not JSON in line 1 ("),
    ],
)
def test_json_that_can_not_be_read_is_one_line(refusal, content, told):
    assert told in refusal("a.json", content)


def test_lines_that_are_not_json_are_left_out_and_counted(read):
    good = json.dumps(OBJECTS[0])
    found = read(
        "a.jsonl", "\n".join([good, '{"abstract": ', good, '{"a":' * 1500, good, "[]", good])
    )
    assert found.texts == ["A pump."] * 4
    assert found.counts == {"damaged": 3}
    assert found.warnings[0].startswith(
        "a.jsonl: 3 damaged records left out (it is not JSON in line 2 ("
    )


def test_folders_and_patterns_are_read_in_order(tmp_path):
    for name in ("b/part-1.csv", "a.csv", "b/_SUCCESS", ".hidden.csv", "_log/x.csv", "README.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"id,abstract\n1,{path.stem}.\n")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"abstract": "c."}\n'))
    assert read_path(tmp_path).texts == ["a.", "part-1.", "c."]
    assert read_path(f"{tmp_path}/[ab].csv").texts == ["a."]
    assert read_path(f"{tmp_path}/b/*.csv").texts == ["part-1."]


def test_a_name_with_brackets_is_no_pattern(tmp_path):
    (tmp_path / "a[1].csv").write_text(CSV)
    assert read_path(tmp_path / "a[1].csv").texts == ["A pump."]


def test_files_are_known_by_their_contents_in_order(tmp_path):
    for name, text in {"a.csv": "1", "b.csv": "2"}.items():
        (tmp_path / name).write_text(text)
    before = digest(find_files(str(tmp_path)))
    (tmp_path / "b.csv").rename(tmp_path / "0.csv")
    assert digest(find_files(str(tmp_path))) != before
    assert digest([tmp_path / "a.csv"]) != before


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "has no file of a known kind (.csv .tsv .jsonl"),
        ("*.csv", "matches no file: check data.path"),
        ("x\0y", "can't be used (embedded null byte)"),
        ("~nobody-here/a.csv", "can't be used (Could not determine home directory.)"),
        ("x" * 300, "can't be read (File name too long)"),
    ],
)
def test_paths_that_lead_nowhere_are_one_line(tmp_path, path, told):
    with pytest.raises(DataError) as error:
        read_path(path if path.startswith("~") else f"{tmp_path}/{path}")
    assert told in one_line(error)


def test_a_circle_of_links_is_one_line(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(DataError) as error:
        read_path(tmp_path / "a.csv")
    assert "a.csv" in one_line(error)


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    for path, what in [(tmp_path / "a.csv", "a pipe"), ("/dev/zero", "a device")]:
        for use in (read_path, lambda path: digest(find_files(str(path)))):
            with pytest.raises(DataError) as error:
                use(path)
            assert one_line(error) == (
                f"{path} is {what}, not a file: save it as a file and set data.path to that"
            )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        # Without the time, by which two workers would collect two tests.
        ("a.csv", gzip.compress(CSV.encode(), mtime=0), "is packed by gzip: add .gz to its name"),
        ("a.jsonl", b"PK\x03\x04xxxx", "is a ZIP file or a workbook: name it .zip or .xlsx"),
        ("a.tsv", b"PAR1xxxx", "is a Parquet file: name it .parquet"),
        ("a.csv", b"<!DOCTYPE html><p>", "is a web page: download the file itself"),
        ("a.csv", b"%PDF-1.7", "is a PDF"),
        ("a.xml", b"<?xml version='1.0'?><patents/>", "is XML: export it as CSV or JSON"),
        ("a.csv.bz2", bz2.compress(CSV.encode()), "is packed by bzip2: unpack it"),
        ("a.csv", lzma.compress(CSV.encode()), "is packed by xz: unpack it"),
        ("a.csv.zst", b"\x28\xb5\x2f\xfd", "is packed by zstd: unpack it"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "is a workbook: save it as CSV"),
        ("a.ods", b"PK\x03\x04", "is a workbook: save it as CSV"),
        ("a.xlsx", b"not a workbook", "is damaged or incomplete"),
    ],
)
def test_files_with_the_wrong_name_say_what_they_are(refusal, name, content, told):
    assert told in refusal(name, content)


def test_files_without_a_telling_name_are_known_by_their_content(read):
    assert read("a.gz", gzip.compress(CSV.encode())).texts == ["A pump."]
    assert read("patents", CSV).texts == ["A pump."]
    assert read("a.txt", "id\tabstract\n1\tA pump, open.\n").texts == ["A pump, open."]


def test_workbooks_are_read(read, refusal):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [
        ["Report of 2020"],
        ["id", "Abstract", "date"],
        [7, "A pump.", None],
        [],
        [8, None],
    ]:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    found = read("a.xlsx", content.getvalue())
    assert [(one.id, one.abstract) for one in found.patents] == [("7", "A pump."), ("8", "")]
    book.create_sheet("more").append(["id", "abstract"])
    content = io.BytesIO()
    book.save(content)
    assert "has 2 filled sheets: leave one" in refusal("b.xlsx", content.getvalue())


def zip_of(content, method=zipfile.ZIP_DEFLATED, name="a.csv"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive, archive.open(name, "w") as member:
        for block in content:
            member.write(block)
    return packed.getvalue()


def test_bombs_stop_at_a_stated_size(refusal):
    zeros = (b"0" * 2**20 for _ in range(66))
    assert "unpacks to more than 100 times its" in refusal("a.zip", zip_of(zeros))
    packed = gzip.compress(b"id,abstract\n" + b"1,aaaaaaaaaaaaa\n" * 2**22, 1)
    assert "unpacks to more than 100 times its" in refusal("a.csv.gz", packed)
    packed = gzip.compress(b"id,abstract\n") + gzip.compress(b"0" * 2**20) * 20
    assert "has a record of more than 16,777,216 characters" in refusal("b.csv.gz", packed)


def test_records_without_end_are_stopped(refusal, monkeypatch):
    told = refusal("a.csv", b"id,abstract\n1," + b"a" * (limits.MAX_RECORD + 2**19))
    assert told.startswith("has a record of more than 16,777,216 characters in line 2: ")
    with pytest.raises(DataError):
        require_record(limits.MAX_RECORD + 1, "")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_damaged_headers_of_archives_are_one_line(tmp_path, method):
    content = zip_of([CSV.encode() * 50], method)
    path = tmp_path / "a.zip"
    for at in range(0, len(content), 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :])
        assert text_or_line(read_path, path)
