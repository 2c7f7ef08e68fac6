"""What is downloaded in these tests, and by whom."""

import subprocess
import sys

import pytest
from urllib3.util import Retry

from patentlm.data.patentsview.open_data_portal import ABSTRACTS, OpenDataPortal
from patentlm.errors import DataError
from tests.portal import MEBIBYTE, zip_of

APRIL, JULY = "2026-04-10", "2026-07-09"
SMALL = zip_of(b"patent_id\tpatent_abstract\n1\tA pump.\n")
BIG = zip_of(b"patent_id\tpatent_abstract\n1\tA pump.\n", padding=4 * MEBIBYTE)
CHILD = """
import logging, signal, sys
from patentlm import progress
from patentlm.data.patentsview.open_data_portal import ABSTRACTS, OpenDataPortal
from patentlm.errors import DataError
from urllib3.util import Retry

class Bar(progress.tqdm):  # tells the test what is on disk
    def update(self, n=1):
        print("grown", flush=True)
        return super().update(n)

progress.tqdm = Bar
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


def names(folder):
    return sorted(path.name for path in folder.iterdir())
