"""A stand-in for the USPTO Open Data Portal: the API on one port, the storage on another.

It keeps the portal's rules: a key for the API, 20 downloads of a file, signatures that are good
for one request on the storage host, which in turn accepts no other credentials.

A test module gets the fixture `portal` by importing `fresh_portal` and `running_portal`.
"""

import io
import json
import logging
import random
import re
import threading
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

KEY = "k3y-of-the-person-at-the-keyboard"
MEBIBYTE = 2**20
Answer = Callable[[Request], Response]


def zip_of(text: bytes, *, name: str = "g_patent_abstract.tsv", padding: int = 0) -> bytes:
    """A ZIP file of a table, made longer by a second member of random bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        if padding:
            archive.writestr("__MACOSX/padding", random.Random(0).randbytes(padding))
    return file.getvalue()


def status(code: int, body: str = "", **headers: str) -> Answer:
    """An answer with this status; `Retry_After="1"` makes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: Response(body, code, named)


def cut(answer: Answer, wait: Callable[[], object] = lambda: None) -> Answer:
    """Half of an answer; after a wait, the connection ends."""

    def half(request: Request) -> Response:
        whole = answer(request)
        content = whole.get_data()

        def body() -> Iterator[bytes]:
            yield content[: len(content) // 2]
            wait()

        headers = dict(whole.headers) | {"Content-Length": str(len(content))}
        return Response(body(), whole.status_code, headers)

    return half


class Portal:
    """The two hosts, what they offer, and what was asked of them.

    `offer(release, name, content)` puts a file on offer. `metadata_answers`, `file_answers` and
    `storage_answers` hold what to answer the next requests with, each used once, before the
    usual answers come again.
    """

    def __init__(self, api: HTTPServer, storage: HTTPServer) -> None:
        self.api, self.storage = api, storage
        self.api_url = api.url_for("/api/v1")
        self.reset()

    def reset(self) -> None:
        """Forgets all that was offered, planned and asked."""
        self.offers: dict[str, tuple[str, bytes]] = {}  # by name
        self.listed: list[dict[str, object]] = []
        self.metadata_answers: deque[Answer] = deque()
        self.file_answers: deque[Answer] = deque()
        self.storage_answers: deque[Answer] = deque()
        self.etag: str | None = '"v1"'
        self.last_modified: str | None = "Fri, 10 Apr 2026 08:01:00 GMT"
        self.downloads: Counter[str] = Counter()
        self.signatures: set[str] = set()
        self.signed = 0
        self.resume = threading.Event()
        for server in (self.api, self.storage):
            server.clear()
        product = "/api/v1/datasets/products/PVGPATDIS"
        files = re.compile("/api/v1/datasets/products/files/PVGPATDIS/.+")
        self.api.expect_request(product).respond_with_handler(self._metadata)
        self.api.expect_request(files).respond_with_handler(self._file)
        self.storage.expect_request(re.compile("/bucket/.+")).respond_with_handler(self._stored)

    def offer(self, release: str, name: str, content: bytes, **entry: object) -> None:
        """Puts a file on offer; `entry` changes what the metadata say of it."""
        self.offers[name] = release, content
        usual = {
            "fileName": name,
            "fileSize": len(content),
            "fileDataFromDate": "1976-01-01",
            "fileDataToDate": "2025-12-31",
            "fileTypeText": "Data",
            "fileDownloadURI": self.file_url(name),
            "fileReleaseDate": f"{release} 08:01:00",
            "fileLastModifiedDateTime": f"{release} 08:01:00",
        }
        self.listed.append(usual | entry)

    def file_url(self, name: str) -> str:
        return f"{self.api_url}/datasets/products/files/PVGPATDIS/{name}"

    @property
    def metadata_requests(self) -> list[Request]:
        return [request for request, _ in self.api.log if "/files/" not in request.path]

    @property
    def file_requests(self) -> list[Request]:
        return [request for request, _ in self.api.log if "/files/" in request.path]

    @property
    def storage_requests(self) -> list[Request]:
        return [request for request, _ in self.storage.log]

    def redirect(self, request: Request) -> Response:
        """The usual answer to a file request."""
        name = request.path.rpartition("/")[2]
        self.downloads[name] += 1
        if self.downloads[name] > 20:
            times = self.downloads[name]
            body = f"you have submitted {times} requests for this file in 31536000 sec"
            return Response(body, 429)
        return Response(status=302, headers={"Location": self.signed_url(name)})

    def signed_url(self, name: str) -> str:
        self.signed += 1
        signature = f"s1gnature{self.signed}"
        self.signatures.add(signature)
        return self.storage.url_for(f"/bucket/{name}?X-Amz-Signature={signature}")

    def content(self, request: Request) -> Response:
        """A file, or the range of it that was asked for."""
        name = request.path.rpartition("/")[2]
        content = self.offers[name][1]
        headers = {"Content-Type": "application/zip", "Accept-Ranges": "bytes"}
        if self.etag:
            headers["ETag"] = self.etag
        if self.last_modified:
            headers["Last-Modified"] = self.last_modified
        validators = (None, self.etag, self.last_modified)
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not asked or request.headers.get("If-Range") not in validators:
            return Response(content, 200, headers)
        start = int(asked[1])
        if start >= len(content):
            return Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return Response(content[start:], 206, headers | span)

    def cut_off(self, request: Request) -> Response:
        """Half of what `content` says, and then the connection ends."""
        return cut(self.content)(request)

    def hold(self, request: Request) -> Response:
        """Half of what `content` says, and nothing more until `resume` is set."""
        return cut(self.content, self.resume.wait)(request)

    def product(self, request: Request) -> Response:
        """The usual metadata."""
        other = {"fileName": "g_botanic.tsv.zip"}
        bag = {"count": len(self.listed) + 1, "fileDataBag": [other, *self.listed]}
        product = {"productIdentifier": "PVGPATDIS", "productFileBag": bag}
        body = json.dumps({"count": 1, "bulkDataProductBag": [product]})
        return Response(body, content_type="application/json")

    def _metadata(self, request: Request) -> Response:
        answer = self.metadata_answers.popleft() if self.metadata_answers else self.product
        return self._refuse(request) or answer(request)

    def _file(self, request: Request) -> Response:
        answer = self.file_answers.popleft() if self.file_answers else self.redirect
        return self._refuse(request) or answer(request)

    def _stored(self, request: Request) -> Response:
        signature = request.args.get("X-Amz-Signature", "")
        if "X-API-KEY" in request.headers or "Authorization" in request.headers:
            return Response("<Error>Only one auth mechanism allowed</Error>", 400)
        if signature not in self.signatures:
            return Response("<Error>Request has expired</Error>", 403)
        self.signatures.remove(signature)
        answer = self.storage_answers.popleft() if self.storage_answers else self.content
        return answer(request)

    def _refuse(self, request: Request) -> Response | None:
        key = request.headers.get("X-API-KEY")
        if key == KEY:
            return None
        return Response('{"message":"Forbidden"}' if key else "{}", 403 if key else 401)


@pytest.fixture(scope="session", name="portal_hosts")
def running_portal() -> Iterator[Portal]:
    """The two servers, started once because stopping them takes its time."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    with (
        HTTPServer(host="127.0.0.1", threaded=True) as api,
        HTTPServer(host="127.0.0.1", threaded=True) as storage,
    ):
        yield Portal(api, storage)


@pytest.fixture(name="portal")
def fresh_portal(portal_hosts: Portal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """A fresh portal, and its key in the environment."""
    portal_hosts.reset()
    monkeypatch.setenv("USPTO_API_KEY", KEY)
    yield portal_hosts
    portal_hosts.resume.set()
