"""Which release of the Open Data Portal is taken, and what asking for it may meet."""

import socket
import threading
import traceback
from contextlib import contextmanager

import pytest
from urllib3.util import Retry

from patentlm.data.patentsview import web
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, PATENTS, OpenDataPortal
from patentlm.errors import DataError
from tests.open_data_portal.downloads import APRIL, JULY, SMALL, client, failure
from tests.portal import KEY, cut, status


@contextmanager
def nobody(manner):
    """The address of an API that refuses connections, resets them, or leaves them silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"
        if manner == "refuses":
            server.close()
        if manner != "resets":
            yield address
            return
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        yield address
        thread.join()


def test_cached_is_the_newest_release_on_disk_and_asks_nobody(portal, put):
    put(APRIL), put("2025-12-31"), put(JULY, PATENTS)
    assert client(portal).release("cached") == APRIL
    assert portal.api.log == []


def test_cached_without_a_release_says_how_to_get_one(portal):
    with pytest.raises(DataError, match=r"no release .* yet; use data\.release=latest once"):
        client(portal).release("cached")


def test_a_date_on_disk_asks_nobody(portal, put):
    put(APRIL)
    assert client(portal).release(APRIL) == APRIL
    assert portal.api.log == []


def test_latest_is_the_newest_date_on_offer(portal, put):
    put("2025-12-31")
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.offer(JULY, ABSTRACTS, SMALL, fileReleaseDate=JULY)
    portal.offer("2026-12-24", PATENTS, SMALL)
    assert client(portal).release("latest") == JULY


def test_a_date_that_is_not_on_offer_names_those_that_are(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.offer(JULY, ABSTRACTS, SMALL)
    with pytest.raises(DataError, match=r"data\.release=2026-01-01 .* of 2026-04-10, 2026-07-09"):
        client(portal).release("2026-01-01")


def test_an_empty_offer_is_no_release(portal):
    with pytest.raises(DataError, match=r"has g_patent_abstract.tsv.zip of no date"):
        client(portal).release("latest")


@pytest.mark.parametrize(
    "wanted", ["newest", "../..", "2026-4-1", "2026-13-01", "2026-04-10/..", f"{APRIL} 08:01"]
)
def test_other_words_are_no_release(portal, wanted):
    with pytest.raises(DataError, match="write latest, cached or YYYY-MM-DD"):
        client(portal).release(wanted)
    assert portal.api.log == []


@pytest.mark.parametrize(
    "told", ["../../2026-04-10", "2026-04-10/../x", "10.04.2026", "٢٠٢٦-04-10", 5]
)
def test_a_release_date_can_not_leave_the_cache(portal, told):
    portal.offer(APRIL, ABSTRACTS, SMALL, fileReleaseDate=told)
    with pytest.raises(DataError, match="in an unknown way"):
        client(portal).release("latest")


@pytest.mark.parametrize(
    ("manner", "reason"),
    [("refuses", "Connection refused"), ("resets", "connection"), ("silent", "no answer in time")],
)
def test_latest_is_the_cached_one_where_nobody_answers(
    portal, put, caplog, monkeypatch, manner, reason
):
    monkeypatch.setattr(web, "READ_TIMEOUT", 0.2)
    put(APRIL)
    with nobody(manner) as api_url:
        offline = OpenDataPortal(api_url=api_url, retry=Retry(0))
        assert offline.release("latest") == APRIL
    line = caplog.records[-1]
    assert line.levelname == "WARNING"
    assert "Release 2026-04-10 from the cache is used: 127.0.0.1" in line.message
    assert f"can't be reached ({reason}".lower() in line.message.lower()


def test_latest_is_the_cached_one_where_the_portal_is_down(portal, put, caplog):
    put(APRIL)
    portal.metadata_answers.extend([status(503), status(500)])
    assert client(portal).release("latest") == APRIL
    assert len(portal.metadata_requests) == 2  # nobody waits long where there is a release
    assert "Release 2026-04-10 from the cache is used: " in caplog.messages[-1]
    assert "answers 500" in caplog.messages[-1]


def test_latest_is_the_cached_one_without_a_key(portal, put, caplog, monkeypatch):
    monkeypatch.delenv("USPTO_API_KEY")
    put(APRIL)
    assert client(portal).release("latest") == APRIL
    assert "2026-04-10 from the cache is used: USPTO_API_KEY is not set" in caplog.text
    assert portal.api.log == []


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_key_is_a_mistake_even_with_a_release_on_disk(portal, put, code):
    put(APRIL)
    portal.metadata_answers.append(status(code))
    with pytest.raises(DataError, match=rf"{code}: USPTO_API_KEY .*data\.release=cached uses 2026"):
        client(portal).release("latest")


def test_a_release_that_can_not_be_asked_for_is_a_mistake(portal):
    with nobody("refuses") as api_url:
        offline = OpenDataPortal(api_url=api_url, retry=Retry(0))
        with pytest.raises(DataError, match=r"can't be reached \(.*refused\); start again later"):
            offline.release("latest")


def test_without_a_key_one_line_says_how_to_get_one_and_what_to_do_meanwhile(portal, monkeypatch):
    monkeypatch.delenv("USPTO_API_KEY")
    line = failure(portal)
    for words in ("data.uspto.gov (My ODP)", "USPTO_API_KEY", "data=sample", "data=file data.path"):
        assert words in line


@pytest.mark.parametrize(
    "key", [f"{KEY}\n", f"{KEY}\r\nX-Other: 1", f" {KEY}", f"{KEY}\x1b", "ключ"]
)
def test_a_key_that_can_not_be_one_is_not_shown(portal, monkeypatch, key):
    monkeypatch.setenv("USPTO_API_KEY", key)
    with pytest.raises(DataError, match="a line break or another character") as error:
        client(portal).file(ABSTRACTS, release=APRIL)
    assert key.strip() not in "".join(traceback.format_exception(error.value))
    assert portal.api.log == []


@pytest.mark.parametrize(
    "api_url",
    ["api.uspto.gov/api/v1", "ftp://a/b", "http://[::1", "https://", "http://api.uspto.gov/api/v1"],
)
def test_an_api_url_that_is_no_address_is_named(api_url, monkeypatch):
    monkeypatch.setenv("USPTO_API_KEY", KEY)
    with pytest.raises(
        DataError, match=r"data\.api_url=.* is no https address: write it as https://api"
    ):
        OpenDataPortal(api_url=api_url, retry=Retry(0)).release("latest")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(200, "<html>Sign in</html>", Content_Type="text/html"), "text/html where JSON"),
        (status(200, '{"bulk', Content_Type="application/json"), "application/json where JSON"),
        (status(200, "{}"), r"in an unknown way \(KeyError\('bulkDataProductBag'\)\)"),
        (status(200, "[]"), "in an unknown way"),
        (status(200, '{"bulkDataProductBag": []}'), "in an unknown way"),
        (status(200, '{"bulkDataProductBag": [[1]]}'), "in an unknown way"),
        (status(404, "{}"), "404: it has no PVGPATDIS, .* check data.api_url"),
        (status(418), "answers 418: check data.api_url"),
        (status(302, Location="gopher://127.0.0.1/x"), "address can't be used"),
    ],
)
def test_a_portal_that_answers_otherwise_is_one_line(portal, answer, words):
    portal.metadata_answers.append(answer)
    with pytest.raises(DataError, match=words) as error:
        client(portal).release("latest")
    assert "\n" not in str(error.value)


def test_metadata_that_break_off_are_asked_for_again(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.metadata_answers.append(cut(portal.product))
    assert client(portal).release("latest") == APRIL
