"""Encodings: marks are recognised, mistakes are named with line, byte and what helps."""

import pytest

from patentlm.errors import ConfigError

TEXT = "A “pump” – naïve café."
CSV = f"id,abstract\n1,{TEXT}\n2,Plain.\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"]
)
def test_byte_order_marks_are_recognised(read, encoding):
    mark = "" if encoding in ("utf-8-sig", "utf-16", "utf-32") else "\ufeff"
    content = (mark + CSV).encode(encoding)
    assert read("a.csv", content).texts == [TEXT, "Plain."]
    assert read("a.csv", content, encoding="cp1252").texts == [TEXT, "Plain."]
    line = (mark + '{"abstract": "Naïve."}\n').encode(encoding)
    assert read("a.jsonl", line).texts == ["Naïve."]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "gb18030", "UTF8"])
def test_encodings_are_read_by_name(read, encoding):
    assert read("a.csv", CSV.encode(encoding), encoding=encoding).texts == [TEXT, "Plain."]


def test_a_wrong_encoding_names_line_byte_and_advice(refusal):
    content = f"id,abstract\n1,Plain.\n2,{TEXT}\n".encode("cp1252")
    assert refusal("a.csv", content) == (
        "is not utf-8 text: line 3, byte 25 (\\x93): set data.encoding=cp1252, which fits, or "
        "data.encoding_errors=replace to have such bytes replaced and counted"
    )
    many = ("id,abstract\n" + f"1,{TEXT}\n" * 9).encode("cp1252")
    assert refusal("b.csv", many).endswith("set data.encoding=cp1252, which fits")
    far = b"id,abstract\n" + b"1,Plain\n" * 40_000 + b"2,caf\xe9\n"
    assert "line 40002, byte 320,017 (\\xe9)" in refusal("c.csv", far)


@pytest.mark.parametrize("encoding", ["gb18030", "cp1251", "shift_jis"])
def test_cp1252_is_not_advised_where_it_does_not_fit(refusal, encoding):
    text = {"gb18030": "一种神经网络", "cp1251": "Нейронная сеть", "shift_jis": "神経回路網"}[
        encoding
    ]
    told = refusal("a.csv", f"id,abstract\n1,{text * 20}\n".encode(encoding))
    assert "cp1252" not in told
    assert "set data.encoding to the right one" in told


def test_a_few_stray_bytes_are_replaced_and_counted_where_asked_for(read, refusal):
    content = f"id,abstract\n1,{TEXT}\n2,A caf\ufffd pump.\n3,".encode() + b"caf\xe9 \xe9.\n"
    assert refusal("a.csv", content).endswith(
        "most of it is UTF-8, so set "
        "data.encoding_errors=replace to have such bytes replaced and counted"
    )
    found = read("a.csv", content, encoding_errors="replace")
    assert found.texts == [TEXT, "A caf\ufffd pump.", "caf\ufffd \ufffd."]
    assert found.warnings == ["a.csv: 2 bytes replaced that are not utf-8 (first in line 3)"]


def test_latin_1_with_control_characters_is_cp1252(read, refusal):
    for name in ("latin-1", "iso-8859-1", "iso8859-15"):
        told = refusal("a.csv", CSV.encode("cp1252"), encoding=name)
        assert told.startswith("has control characters in line 2 when it is read as")
        assert told.endswith("so set data.encoding=cp1252")
    content = "abstract\nA café.\n".encode("latin-1")
    assert read("a.csv", content, encoding="latin-1").texts == ["A café."]


@pytest.mark.parametrize("encoding", ["cp1251", "cp1253", "koi8_r"])
def test_cp1252_is_not_advised_for_a_few_words_of_another_alphabet(refusal, encoding):
    word = "νευρωνικό" if encoding == "cp1253" else "нейронная"
    told = refusal("a.csv", f"abstract\nA pump for a long text called {word}.\n".encode(encoding))
    assert "cp1252" not in told


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named_whatever_it_holds(refusal, encoding):
    told = refusal("a.csv", ("abstract\n" + "A naïve pump – for 5 €.\n" * 9).encode(encoding))
    assert told.endswith(f"set data.encoding={encoding}")


@pytest.mark.parametrize(("encoding", "order"), [("utf-16-le", "le"), ("utf-16-be", "be")])
def test_utf_16_without_a_mark_is_named(refusal, encoding, order):
    content = ("id,abstract\n" + "1,A pump.\n" * 9).encode(encoding)
    assert f": set data.encoding=utf-16-{order}" in refusal("a.csv", content)


def test_texts_full_of_control_characters_are_refused_and_a_few_are_read(read, refusal):
    mojibake = CSV.encode("cp1252").decode("latin-1") * 9
    assert refusal("a.csv", mojibake).startswith("is full of NUL and other control characters")
    assert refusal("a.jsonl", b'{"abstract": "x"}\n' + b"\0" * 5000).startswith("is full of NUL")
    assert read("a.csv", "id,abstract\n1,A pu\x00mp\x85.\n").texts == ["A pu\x00mp\x85."]


def test_how_to_handle_errors_is_strict_or_replace(read):
    with pytest.raises(ConfigError, match=r"encoding_errors='ignore' is unknown: write strict"):
        read("a.csv", CSV, encoding_errors="ignore")
