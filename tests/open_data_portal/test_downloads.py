"""A download from the Open Data Portal, and what it keeps to itself."""

import json
import logging
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.patentsview import web
from patentlm.data.patentsview.download_log import DownloadLog
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, PATENTS
from patentlm.errors import DataError
from tests.open_data_portal.downloads import APRIL, BIG, JULY, SMALL, client, names
from tests.portal import KEY, status


def test_a_file_is_downloaded_once(portal, folder, download_log):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    path = client(portal).file(ABSTRACTS, release=APRIL)
    assert path == folder / ABSTRACTS
    assert path.read_bytes() == SMALL
    assert client(portal).file(ABSTRACTS, release=APRIL) == path
    assert (len(portal.file_requests), len(portal.storage_requests)) == (1, 1)
    assert names(folder) == [ABSTRACTS]
    assert [(line["file"], line["release"], line["answer"]) for line in download_log()] == [
        (ABSTRACTS, APRIL, 302)
    ]


def test_the_start_tells_size_and_quota(portal, caplog, cache):
    caplog.set_level(logging.INFO)
    portal.offer(APRIL, ABSTRACTS, SMALL, fileSize=None)
    book = DownloadLog(cache / "patentsview" / "downloads.jsonl")
    book.path.parent.mkdir()
    entries = [(ABSTRACTS, 302), (ABSTRACTS, 200), (ABSTRACTS, 429), (ABSTRACTS, None)]
    for name, answer in [*entries, (PATENTS, 302)]:
        book.enter(name, APRIL, answer)
    client(portal).file(ABSTRACTS, release=APRIL)
    assert (
        "Downloading g_patent_abstract.tsv.zip of 2026-04-10 (of unknown size): "
        "download 3 of 20 this year counted on this machine"
    ) in caplog.messages


def test_the_ledger_counts_a_year_and_survives_a_torn_line(cache):
    book = DownloadLog(cache / "downloads.jsonl")
    for days in (364, 366):
        time = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
        line = {"time": time, "file": ABSTRACTS, "release": APRIL, "answer": 302}
        with book.path.open("a") as file:
            file.write(json.dumps(line) + '\n{"time": "20\n')
    assert book.counted(ABSTRACTS) == 1


def test_the_key_stays_on_the_host_of_the_api(portal, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login anna password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    portal.offer(APRIL, ABSTRACTS, SMALL)
    client(portal).file(ABSTRACTS, release=APRIL)
    [asked], [stored] = portal.file_requests, portal.storage_requests
    assert asked.headers["X-API-KEY"] == KEY
    assert "X-API-KEY" not in stored.headers
    assert "Authorization" not in stored.headers
    assert KEY not in str(stored.headers)


def test_the_key_is_not_shown_to_another_host_in_the_metadata(portal):
    elsewhere = portal.storage.url_for(f"/bucket/{ABSTRACTS}")
    portal.offer(APRIL, ABSTRACTS, SMALL, fileDownloadURI=elsewhere)
    client(portal).file(ABSTRACTS, release=APRIL)
    assert len(portal.file_requests) == 1
    assert "X-API-KEY" not in portal.storage_requests[0].headers


def test_a_direct_stream_is_as_good_as_a_redirect(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL, fileDownloadURI=None)
    portal.file_answers.append(portal.content)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == SMALL
    assert portal.storage_requests == []


def test_five_redirects_are_followed_and_six_are_not(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    again = status(307, Location=portal.file_url(ABSTRACTS))
    portal.file_answers.extend([again] * 4)
    assert client(portal).file(ABSTRACTS, release=APRIL).exists()
    portal.offer(JULY, PATENTS, SMALL)
    portal.file_answers.extend([again] * 6)
    with pytest.raises(DataError, match="redirects more than 5 times"):
        client(portal).file(PATENTS, release=JULY)
    assert len(portal.file_requests) == 5 + 6


@pytest.mark.parametrize(
    ("start", "location", "followed"),
    [
        ("https://api.uspto.gov/f", "http://storage.example/f?X-Amz-Signature=s1gnature", False),
        ("https://api.uspto.gov/f", "ftp://storage.example/f?X-Amz-Signature=s1gnature", False),
        ("https://api.uspto.gov/f", "https://storage.example/f", True),
        ("https://api.uspto.gov/f", "http://127.0.0.1:8080/f", True),
        ("https://api.uspto.gov/f", "http://localhost/f", True),
        ("http://127.0.0.1/f", "http://storage.example/f", True),
    ],
)
def test_encryption_is_not_given_up_except_on_this_machine(start, location, followed):
    response = web.Response()
    response.url, response.headers["Location"] = start, location
    if followed:
        assert web.next_hop(response) == location
    else:
        with pytest.raises(DataError) as error:
            web.next_hop(response)
        assert str(error.value) == (
            "api.uspto.gov redirects to storage.example without encryption: not followed"
        )


def test_a_redirect_to_what_is_no_address_is_one_line():
    response = web.Response()
    response.url, response.headers["Location"] = "https://api.uspto.gov/f", "https://[::1?s1gnature"
    with pytest.raises(DataError, match=r"^api.uspto.gov redirects to what is no address$"):
        web.next_hop(response)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/f?sig=1", "a.example"),
        ("https://anna:pw@a.example:8443/f#sig", "a.example:8443"),
        ("http://a.example?sig=1\n2", "a.example"),
    ],
)
def test_only_the_host_of_an_address_is_shown(url, shown):
    assert web.host(url) == shown


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_the_address_its_query_is_not_shown(before, after):
    assert "s1gnature" not in web.host(f"https://{before}?X-Amz-Signature=s1gnature{after}")


@pytest.mark.parametrize(
    "answer",
    [
        *("content", "cut_off"),
        *(status(code) for code in (400, 403, 404, 429, 500)),
        status(302, Location="http://127.0.0.1:1/f?X-Amz-Signature=s1gnature"),
        status(302, Location="gopher://127.0.0.1/f?X-Amz-Signature=s1gnature"),
        status(302, Location="http://127.0.0.1:99999/f?X-Amz-Signature=s1gnature"),
        status(302, Location="http://.../f?X-Amz-Signature=s1gnature"),
        status(200, "<html>", Content_Type="text/html"),
        status(200, "PK but no ZIP"),
    ],
)
def test_neither_key_nor_signature_is_written_or_told(portal, cache, caplog, answer):
    caplog.set_level(logging.DEBUG)
    portal.offer(APRIL, ABSTRACTS, BIG)
    answer = getattr(portal, answer) if isinstance(answer, str) else answer
    portal.storage_answers.extend([answer] * 3)
    told = ""
    try:
        client(portal).file(ABSTRACTS, release=APRIL)
    except DataError as error:
        told = "".join(traceback.format_exception(error))
    assert len(portal.storage_requests) >= 1
    ours = [line for line in caplog.records if line.name != "werkzeug"]
    told += "".join(map(logging.Formatter().format, ours))
    written = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
    for secret in (KEY, "s1gnature", "X-Amz"):
        assert secret not in told
        assert secret.encode() not in written
