"""Reading files that tests write."""

from collections import Counter
from typing import NamedTuple

import pytest

from patentlm.data.files.encodings import Encoding
from patentlm.data.files.opening import find_files
from patentlm.data.files.options import ReadOptions
from patentlm.data.files.reader import read_patents
from patentlm.data.records import Patent
from patentlm.errors import DataError

NOTHING_SET = dict.fromkeys(["column", "language", "delimiter", "quoting", "skip_lines"])


class Result(NamedTuple):
    """What reading gives."""

    patents: list[Patent]
    counts: Counter[str]
    warnings: list[str]

    @property
    def texts(self) -> list[str]:
        return [patent.abstract for patent in self.patents]


def read_path(path, *, encoding="utf-8", encoding_errors="strict", **options) -> Result:
    """Reads what a path means."""
    settings = {**NOTHING_SET, **options, "encoding": Encoding(encoding, encoding_errors)}
    records = read_patents(find_files(str(path)), ReadOptions(**settings))
    return Result(list(records), records.counts, records.warnings)


def text_or_line(work, *arguments) -> bool:
    """Whether work is done, or ends in a `DataError` of one line."""
    try:
        work(*arguments)
    except DataError as error:
        return len(str(error).splitlines()) == 1
    return True


@pytest.fixture
def read(tmp_path):
    """Writes a file and reads it: `read("a.csv", "abstract\\nA pump.\\n", column=…)`."""

    def write_and_read(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_path(path, **options)

    return write_and_read


@pytest.fixture
def refusal(read, tmp_path):
    """Reads a file that can't be used, and gives the one line without the path before it."""

    def read_and_fail(name, content, **options):
        with pytest.raises(DataError) as error:
            read(name, content, **options)
        assert len(str(error.value).splitlines()) == 1
        return str(error.value).removeprefix(f"{tmp_path / name} ")

    return read_and_fail
