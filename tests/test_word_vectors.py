"""Files of word vectors: both kinds are read, and what does not fit is said in one line."""

import gzip

import pytest

from patentlm.data.word_vectors import read_word_vectors
from patentlm.errors import DataError

IDS = {"<end>": 0, "<unk>": 1, "a": 2, "neural": 3, "12": 4}
LINES = "a 0.5 -1\nzebra 3 4\n. . . 9 9\nneural 2e-1 0\na 7 7\n"


@pytest.fixture
def found(tmp_path):
    """The vectors in a file of this content, by word."""

    def read(content, name="vectors.txt", size=2):
        path = tmp_path / name
        content = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        vectors = read_word_vectors(path, IDS, size=size)
        names = {at: word for word, at in IDS.items()}
        return {names[at]: [round(float(n), 6) for n in vector] for at, vector in vectors.items()}

    return read


EXPECTED = {"a": [0.5, -1.0], "neural": [0.2, 0.0]}


@pytest.mark.parametrize("name", ["glove.txt", "glove.txt.gz"])
@pytest.mark.parametrize("header", ["", "5 2\n"])
def test_both_kinds_of_files_are_read(found, name, header):
    assert found(header + LINES, name) == EXPECTED


@pytest.mark.parametrize("end", [" \n", "\r\n", "\n\n"])
def test_lines_may_end_as_they_like(found, end):
    assert found(LINES.replace("\n", end)) == EXPECTED


def test_a_header_is_no_word(found):
    assert found("12 2\na 1 2\n12 3 4\n") == {"a": [1, 2], "12": [3, 4]}


def test_what_is_not_utf_8_is_some_other_word(found):
    assert found(b"caf\xe9 1 2\na 1 2\n") == {"a": [1, 2]}


@pytest.mark.parametrize("header", ["", "5 2\n"])
def test_another_size(found, header):
    with pytest.raises(
        DataError, match=r"have 2 numbers, .* network 3; set model\.embedding_size=2"
    ):
        found(header + LINES, size=3)


@pytest.mark.parametrize("line", ["neural 1", "neural 1 x", "neural"])
def test_a_damaged_line(found, line):
    with pytest.raises(DataError, match="line 2 is not a word with 2 numbers"):
        found(f"a 1 2\n{line}\n")


@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity", "1e39", "1e400"])
def test_a_number_that_is_not_finite(found, number):
    with pytest.raises(DataError, match="line 2 has a number that is not finite; fetch"):
        found(f"a 1 2\nneural 1 {number}\n")
    assert found(f"a 1 2\nzebra 1 {number}\n") == {"a": [1, 2]}


def test_files_that_cannot_be_read(found, tmp_path):
    with pytest.raises(DataError, match="no such file; check word_vectors"):
        read_word_vectors(tmp_path / "nothing", IDS, size=2)
    with pytest.raises(DataError, match="can't be read"):
        read_word_vectors(tmp_path, IDS, size=2)
    (tmp_path / "x.gz").write_bytes(gzip.compress(LINES.encode())[:20])
    with pytest.raises(DataError, match="can't be read"):
        read_word_vectors(tmp_path / "x.gz", IDS, size=2)


def test_a_line_without_an_end_takes_no_memory(found):
    with pytest.raises(DataError, match="line 2 is too long"):
        found(b"a 1 2\n" + bytes(2**25), "bloated.txt.gz")
