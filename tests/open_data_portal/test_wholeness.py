"""A file is there whole or not at all."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patentlm.data.patentsview.download import DamagedError, require_whole_zip
from patentlm.data.patentsview.open_data_portal import ABSTRACTS
from tests.open_data_portal.downloads import APRIL, BIG, SMALL, client, failure, names, start_child
from tests.portal import MEBIBYTE


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
    try:
        require_whole_zip(path, "damaged.zip")
    except DamagedError:
        return
    with ZipFile(path) as damaged_file, ZipFile(BytesIO(SMALL)) as whole:
        assert [damaged_file.read(member) for member in damaged_file.namelist()] == [
            whole.read(member) for member in whole.namelist()
        ]


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
