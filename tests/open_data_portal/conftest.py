"""The stand-in for the portal, and a cache in which downloads have left something."""

import json

import pytest

from patentlm.data.patentsview.open_data_portal import ABSTRACTS
from tests.open_data_portal.downloads import APRIL, BIG, SMALL
from tests.portal import MEBIBYTE, fresh_portal, running_portal  # noqa: F401


@pytest.fixture
def folder(cache):
    """Where the files of the release of April belong."""
    return cache / "patentsview" / APRIL


@pytest.fixture
def download_log(cache):
    """The lines of the download_log, read when called."""

    def lines():
        path = cache / "patentsview" / "downloads.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    return lines


@pytest.fixture
def put(cache):
    """Puts a file of a release on disk, as a download would leave it."""

    def put(release, name=ABSTRACTS, content=SMALL):
        path = cache / "patentsview" / release / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return put


@pytest.fixture
def begun(put):
    """Leaves the first MiB of a file as a broken download would."""

    def begin(content=BIG, **note):
        put(APRIL, f"{ABSTRACTS}.part", content[:MEBIBYTE])
        known = {"size": len(content), "etag": '"v1"', "last_modified": None} | note
        put(APRIL, f"{ABSTRACTS}.part.json", json.dumps(known).encode())

    return begin
