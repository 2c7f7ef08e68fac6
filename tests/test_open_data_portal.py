"""The download of the Open Data Portal, against a stand-in that keeps the portal's rules."""

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from urllib3.util import Retry

from patentlm.data.patentsview import web
from patentlm.data.patentsview.download import DamagedError, require_whole_zip
from patentlm.data.patentsview.ledger import Ledger
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, PATENTS, RETRY, OpenDataPortal
from patentlm.errors import DataError
from tests.portal import (
    KEY,
    MEBIBYTE,
    cut,
    fresh_portal,  # noqa: F401
    running_portal,  # noqa: F401
    status,
    zip_of,
)

APRIL, JULY = "2026-04-10", "2026-07-09"
SMALL = zip_of(b"patent_id\tpatent_abstract\n1\tA pump.\n")
BIG = zip_of(b"patent_id\tpatent_abstract\n1\tA pump.\n", padding=4 * MEBIBYTE)
CHILD = """
import logging, signal, sys
from patentlm.data.patentsview import download
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, OpenDataPortal
from patentlm.errors import DataError
from urllib3.util import Retry

class Bar(download.tqdm):  # tells the test what is on disk
    def update(self, n=1):
        print("grown", flush=True)
        return super().update(n)

download.tqdm = Bar
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs behind
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
logging.getLogger("filelock").setLevel(logging.WARNING)
portal = OpenDataPortal(api_url=sys.argv[1], retry=Retry(0))
try:
    print(portal.file(ABSTRACTS, release="2026-04-10"), flush=True)
except DataError as error:
    print(error)
"""


def client(portal, *, tries=2):
    return OpenDataPortal(api_url=portal.api_url, retry=Retry(tries, backoff_factor=0))


def failure(portal, *, tries=2):
    """The one line that a failing download of the abstracts ends with."""
    with pytest.raises(DataError) as error:
        client(portal, tries=tries).file(ABSTRACTS, release=APRIL)
    assert "\n" not in str(error.value)
    return str(error.value)


def start_child(api_url, *, prelude=""):
    return subprocess.Popen(
        [sys.executable, "-c", prelude + CHILD, api_url],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def folder(cache):
    """Where the files of the release of April belong."""
    return cache / "patentsview" / APRIL


@pytest.fixture
def ledger(cache):
    """The lines of the ledger, read when called."""

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


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Releases


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


# Downloads


def test_a_file_is_downloaded_once(portal, folder, ledger):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    path = client(portal).file(ABSTRACTS, release=APRIL)
    assert path == folder / ABSTRACTS
    assert path.read_bytes() == SMALL
    assert client(portal).file(ABSTRACTS, release=APRIL) == path
    assert (len(portal.file_requests), len(portal.storage_requests)) == (1, 1)
    assert names(folder) == [ABSTRACTS]
    assert [(line["file"], line["release"], line["answer"]) for line in ledger()] == [
        (ABSTRACTS, APRIL, 302)
    ]


def test_the_start_tells_size_and_quota(portal, caplog, cache):
    caplog.set_level(logging.INFO)
    portal.offer(APRIL, ABSTRACTS, SMALL, fileSize=None)
    book = Ledger(cache / "patentsview" / "downloads.jsonl")
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
    book = Ledger(cache / "downloads.jsonl")
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


# Resuming


def test_a_broken_transfer_is_continued_at_once(portal, ledger):
    portal.offer(APRIL, ABSTRACTS, BIG)
    portal.storage_answers.append(portal.cut_off)
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG
    for first, second in (portal.file_requests, portal.storage_requests):
        assert "Range" not in first.headers
        start = int(second.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        assert MEBIBYTE <= start <= len(BIG) // 2
        assert second.headers["If-Range"] == '"v1"'
    assert len(ledger()) == 2


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
def test_a_download_that_was_stopped_goes_on_at_the_next_start(portal, folder, ledger, end):
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
    assert len(ledger()) == 2


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


# Refusals


def test_the_yearly_quota_is_never_tried_again(portal, cache):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.downloads[ABSTRACTS] = 20
    line = failure(portal, tries=5)
    assert "the 20 downloads a year of g_patent_abstract.tsv.zip with this key are used up" in line
    assert "0 of them counted on this machine" in line
    assert len(portal.file_requests) == 1


def test_a_burst_is_waited_out(portal, ledger):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.file_answers.append(status(429, "slow down"))
    portal.file_answers.append(status(429, "slow down", Retry_After="soon"))
    assert client(portal).file(ABSTRACTS, release=APRIL).exists()
    assert [line["answer"] for line in ledger()] == [429, 429, 302]


def test_a_burst_that_lasts_is_one_line(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.file_answers.extend([status(429)] * 3)
    assert "asks for a slower pace (429); start again later" in failure(portal)


def test_the_portal_may_say_how_long_to_wait(portal):
    waits = []

    class Patient(Retry):
        def sleep(self, response=None):
            waits.append(self.get_retry_after(response) if response else None)

    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.file_answers.extend([status(429, Retry_After="7"), status(503)])
    patient = OpenDataPortal(api_url=portal.api_url, retry=Patient(2))
    assert patient.file(ABSTRACTS, release=APRIL).exists()
    assert waits == [7, None]


def test_the_program_waits_longer_each_time():
    retry, waits = RETRY, []
    for _ in range(5):
        retry = retry.increment("GET", error=web.PassingError("trouble"))
        waits.append(retry.get_backoff_time())
    assert waits == [0, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(401), "answers 401: USPTO_API_KEY is no key, or no longer (keys lapse after 90"),
        (status(403), "answers 403: USPTO_API_KEY is not a key it knows"),
        (status(404), "answers 404: it has no PVGPATDIS"),
        (status(204), "answers 204"),
        (status(302), "answers 302"),
        (status(200, "<html>", Content_Type="text/html; charset=utf-8"), "sends text/html where"),
        (status(200, "once upon a time", Content_Type="application/zip"), "where a ZIP file was"),
    ],
)
def test_a_refused_file_is_one_line_and_one_request(portal, folder, answer, words):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.file_answers.append(answer)
    assert words in failure(portal)
    assert len(portal.file_requests) == 1
    assert names(folder) == []


def test_a_refusal_of_the_storage_host_does_not_blame_the_key(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.storage_answers.append(status(403))
    line = failure(portal)
    assert "answers 403, where g_patent_abstract.tsv.zip should be" in line
    assert "KEY" not in line


def test_a_server_that_is_down_is_tried_again_and_then_one_line(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.file_answers.extend([status(500), status(502)])
    portal.storage_answers.extend([status(503)])
    assert "answers 503; start again later" in failure(portal)
    assert len(portal.file_requests) == 3


def test_a_file_that_is_not_on_offer_names_the_dates_that_are(portal):
    portal.offer(JULY, ABSTRACTS, SMALL)
    assert f"{ABSTRACTS} of {APRIL} is not on offer, but of {JULY}" in failure(portal)


def test_the_files_of_a_release_may_appear_on_different_days(portal, folder):
    portal.offer("2026-04-12", PATENTS, SMALL)
    assert client(portal).file(PATENTS, release=APRIL) == folder / PATENTS


# Wholeness


@pytest.mark.parametrize(
    ("content", "entry", "words"),
    [
        (SMALL[:-1], {}, "arrived damaged"),
        (SMALL.replace(b"g_patent", b"h_patent", 1), {}, "arrived damaged"),
        (SMALL, {"fileSize": 7}, f"comes with {len(SMALL)} bytes where 7 are listed"),
    ],
)
def test_a_damaged_file_is_removed_and_its_price_is_told(portal, folder, content, entry, words):
    portal.offer(APRIL, ABSTRACTS, content, **entry)
    line = failure(portal)
    assert words in line
    assert "what came was removed; another try costs one more of the 20 downloads a year" in line
    assert "this machine has counted 1" in line
    assert names(folder) == []
    assert len(portal.file_requests) == 1


def unmeasured(portal):
    """The usual content without a word on its length."""

    def answer(request):
        whole = portal.content(request)
        whole.response = iter([whole.get_data()])
        del whole.headers["Content-Length"]
        return whole

    return answer


def test_a_file_of_unknown_length_is_taken_as_it_comes(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL, fileSize=None)
    portal.storage_answers.append(unmeasured(portal))
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == SMALL


def test_fewer_bytes_than_listed_are_a_broken_transfer_where_no_length_was_told(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL, fileSize=len(SMALL) + 1)
    portal.storage_answers.append(unmeasured(portal))
    words = f"broke off after {len(SMALL)} of {len(SMALL) + 1} bytes; start again later"
    assert words in failure(portal, tries=0)


def test_more_bytes_than_listed_are_damage_where_no_length_was_told(portal, folder):
    portal.offer(APRIL, ABSTRACTS, SMALL, fileSize=7)
    portal.storage_answers.append(unmeasured(portal))
    assert f"comes with {len(SMALL)} bytes where 7 are listed" in failure(portal)
    assert names(folder) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.data())
def test_a_changed_byte_is_noticed_or_harmless(tmp_path, data):
    position = data.draw(st.integers(0, len(SMALL) - 1))
    change = data.draw(st.integers(1, 255))
    damaged = bytearray(SMALL)
    damaged[position] ^= change
    path = tmp_path / "damaged.zip"
    path.write_bytes(damaged)
    with suppress(DamagedError):
        require_whole_zip(path, "damaged.zip")


def test_a_disk_without_room_is_told_before_the_download(portal):
    portal.offer(APRIL, ABSTRACTS, SMALL, fileSize=10**18)
    assert "needs 1,000,000,001.1 GB of free disk, and " in failure(portal)
    assert portal.file_requests == []


def test_a_disk_that_fills_up_is_one_line_and_keeps_what_came(portal, folder):
    limit = (
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({MEBIBYTE + 9}, {MEBIBYTE + 9}))\n"
    )
    portal.offer(APRIL, ABSTRACTS, BIG)
    with start_child(portal.api_url, prelude=limit) as child:
        last = child.stdout.read().splitlines()[-1]
    assert f"{ABSTRACTS} can't be written (File too large): free disk space" in last
    assert child.returncode == 0
    assert (folder / f"{ABSTRACTS}.part").stat().st_size == MEBIBYTE + 9
    assert client(portal).file(ABSTRACTS, release=APRIL).read_bytes() == BIG


def test_a_cache_that_can_not_be_written_is_one_line(portal, cache):
    (cache / "patentsview").write_text("in the way")
    portal.offer(APRIL, ABSTRACTS, SMALL)
    assert "set PATENTLM_CACHE to another folder" in failure(portal)
