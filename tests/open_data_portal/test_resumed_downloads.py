"""Downloads that broke off go on."""

import logging
import signal
import threading

import pytest

from patentlm.data.patentsview import web
from patentlm.data.patentsview.open_data_portal import ABSTRACTS
from tests.open_data_portal.downloads import (
    APRIL,
    BIG,
    JULY,
    SMALL,
    client,
    failure,
    names,
    start_child,
)
from tests.portal import MEBIBYTE, status


def test_a_broken_transfer_is_continued_at_once(portal, download_log):
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(portal.cut_off)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    for first, second in (portal.file_requests, portal.storage_requests):
        assert "Range" not in first.headers
        start = int(second.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        assert MEBIBYTE <= start <= len(BIG) // 2
        assert second.headers["If-Range"] == '"v1"'
    assert len(download_log()) == 2


def test_a_transfer_that_stays_broken_is_kept_for_the_next_start(portal, folder):
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(portal.cut_off)
    line = failure(portal, tries=0)
    assert "the transfer from 127.0.0.1" in line
    assert "broke off" in line
    assert names(folder) == [f"{ABSTRACTS}.part", f"{ABSTRACTS}.part.json"]
    assert client(portal, tries=0).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert "Range" in portal.storage_requests[1].headers
    assert names(folder) == [ABSTRACTS]


def test_a_silent_storage_host_is_a_broken_transfer(portal, monkeypatch):
    monkeypatch.setattr(web, "READ_TIMEOUT", 0.2)
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(portal.hold)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert "Range" in portal.storage_requests[1].headers


def test_a_part_is_continued_from_where_it_ends(portal, begun, caplog):
    caplog.set_level(logging.INFO)
    begun()
    portal.offer(APRIL, ABSTRACTS, BIG)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    for request in (*portal.file_requests, *portal.storage_requests):
        assert request.headers["Range"] == f"bytes={MEBIBYTE}-"
    assert "Continuing g_patent_abstract.tsv.zip of 2026-04-10 (4.20MB): download 1 of 20" in (
        caplog.text
    )


def test_a_direct_stream_is_continued_too(portal, begun):
    begun()
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.file_answers.append(portal.content)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert portal.file_requests[0].headers["Range"] == f"bytes={MEBIBYTE}-"


def test_a_part_without_validator_is_continued_by_size(portal, begun):
    begun(etag=None)
    portal.offer(APRIL, ABSTRACTS, BIG)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    [stored] = portal.storage_requests
    assert stored.headers["Range"] == f"bytes={MEBIBYTE}-"
    assert "If-Range" not in stored.headers


def test_a_weak_etag_does_not_vouch_for_bytes_but_a_date_may(portal):
    portal.etag = 'W/"v1"'
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(portal.cut_off)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert portal.storage_requests[1].headers["If-Range"] == portal.last_modified


def test_a_part_of_another_version_is_not_continued(portal, begun):
    begun(b"\0" * len(BIG), etag='"v0"')
    portal.offer(APRIL, ABSTRACTS, BIG)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert len(portal.storage_requests) == 1


@pytest.mark.parametrize("note", [b"", b"[]", b'{"size": 7}', b'{"size": null}', b"\xff"])
def test_a_part_of_something_else_is_dropped(portal, begun, put, note):
    begun(b"\0" * MEBIBYTE)
    put(APRIL, f"{ABSTRACTS}.part.json", note)
    portal.offer(APRIL, ABSTRACTS, BIG)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert "Range" not in portal.storage_requests[0].headers


def test_a_part_of_another_release_is_dropped(portal, begun, folder):
    begun()
    portal.offer(JULY, ABSTRACTS, BIG)
    client(portal).file(ABSTRACTS, release=JULY)
    assert "Range" not in portal.storage_requests[0].headers
    assert names(folder) == []


def test_a_complete_part_needs_no_request_for_the_file(portal, put, begun, folder):
    begun()
    put(APRIL, f"{ABSTRACTS}.part", BIG)
    portal.offer(APRIL, ABSTRACTS, BIG)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert portal.file_requests == []
    assert names(folder) == [ABSTRACTS]


@pytest.mark.parametrize(
    "answer",
    [
        status(416),
        status(400),
        status(206, "later", Content_Range=f"bytes {MEBIBYTE + 1}-{len(BIG) - 1}/{len(BIG)}"),
        status(206, "longer", Content_Range=f"bytes {MEBIBYTE}-{len(BIG)}/{len(BIG) + 1}"),
        status(206, "other", Content_Range=f"bytes {MEBIBYTE}-9/{len(BIG)}", ETag='"v2"'),
        status(206, "unknown"),
        status(200, BIG),
    ],
)
def test_an_answer_that_does_not_continue_starts_the_file_anew(portal, begun, answer):
    begun(b"\0" * len(BIG))
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(answer)
    assert client(portal, tries=0).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert [("Range" in request.headers) for request in portal.storage_requests] in (
        [True, False],
        [True],
    )


def test_starting_anew_happens_once(portal, begun):
    begun()
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.extend([status(416)] * 3)
    assert "answers 416; try again later" in failure(portal)
    assert len(portal.storage_requests) == 2


def test_a_sign_in_page_does_not_cost_what_has_come(portal, begun, folder):
    begun()
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(status(200, "<html>", Content_Type="text/html"))
    assert "sends text/html where a ZIP file was due" in failure(portal)
    assert (folder / f"{ABSTRACTS}.part").stat().st_size == MEBIBYTE


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_download_that_was_stopped_goes_on_at_the_next_start(portal, folder, download_log, end):
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(portal.hold)
    with start_child(portal.api_url) as child:
        assert "grown\n" in iter(child.stdout.readline, "")
        child.send_signal(end)
        child.communicate()  # with nobody to read what it prints it could end of that
    assert child.returncode == -end
    assert not (folder / ABSTRACTS).exists()
    kept = (folder / f"{ABSTRACTS}.part").stat().st_size
    assert kept >= MEBIBYTE
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    assert portal.storage_requests[1].headers["Range"] == f"bytes={kept}-"
    assert len(download_log()) == 2


def test_two_processes_download_once(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    asked = threading.Event()

    def slow(request):
        asked.set()
        portal.resume.wait()
        return portal.content(request)

    portal.storage_answers.append(slow)
    with start_child(portal.api_url) as first:
        assert asked.wait(30)
        with start_child(portal.api_url) as second:
            assert "waiting for it" in second.stdout.readline()
            portal.resume.set()
            told = [first.stdout.read(), second.stdout.read()]
    assert [lines.splitlines()[-1].endswith(ABSTRACTS) for lines in told] == [True, True]
    assert len(portal.file_requests) == 1
