"""What the portal may say in place of a file."""

import pytest
from urllib3.util import Retry

from patentlm.data.patentsview import web
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, PATENTS, RETRY, OpenDataPortal
from tests.open_data_portal.downloads import APRIL, JULY, SMALL, client, failure, names
from tests.portal import status


def test_the_yearly_quota_is_never_tried_again(portal, cache):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.downloads[ABSTRACTS] = 20
    line = failure(portal, tries=5)
    assert "the 20 downloads a year of g_patent_abstract.tsv.zip with this key are used up" in line
    assert "0 of them counted on this machine" in line
    assert len(portal.file_requests) == 1


def test_a_burst_is_waited_out(portal, download_log):
    portal.offer(APRIL, ABSTRACTS, SMALL)
    portal.file_answers.append(status(429, "slow down"))
    portal.file_answers.append(status(429, "slow down", Retry_After="soon"))
    assert client(portal).file(ABSTRACTS, release=APRIL).exists()
    assert [line["answer"] for line in download_log()] == [429, 429, 302]


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
        retry = retry.increment("GET", error=web.TransientError("trouble"))
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
