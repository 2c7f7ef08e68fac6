"""HTTP requests: a key that only its own host gets, checked redirects, counted retries."""

import ipaddress
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Response
from requests.auth import AuthBase
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from patentlm.errors import DataError

T = TypeVar("T")
CONNECT_TIMEOUT, READ_TIMEOUT = 10, 60  # seconds
MAX_HOPS = 5
CHUNK = 2**20  # bytes
STRANGER = "check data.api_url, and whether a proxy or a sign-in page stands between"
log = logging.getLogger(__name__)
# Its debug messages contain addresses with the signatures of storage hosts.
logging.getLogger("urllib3.connectionpool").addFilter(lambda line: line.levelno > logging.DEBUG)


class TransientError(Exception):
    """A problem that may be gone at the next try.

    Args:
        reason: what happened, on one line.
        response: the response, if there was one; it may ask to wait.
    """

    def __init__(self, reason: str, response: Response | None = None) -> None:
        super().__init__(reason)
        self.response = response


class UnavailableError(DataError):
    """No host answers, or none may be asked."""


def retrying(attempt: Callable[[], T], retry: Retry) -> T:
    """Returns what `attempt` returns, retrying after transient errors as `retry` allows.

    Raises:
        UnavailableError: if the error persists.
    """
    while True:
        try:
            return attempt()
        except TransientError as trouble:
            retry = _spend(retry, trouble)
            _wait(retry, trouble)


def _spend(retry: Retry, trouble: TransientError) -> Retry:
    try:
        return retry.increment("GET", error=trouble)
    except (MaxRetryError, TransientError):
        raise UnavailableError(f"{trouble}; start again later") from None


def _wait(retry: Retry, trouble: TransientError) -> None:
    answer = trouble.response.raw if trouble.response is not None else None
    try:
        seconds = answer and retry.get_retry_after(answer)
    except (InvalidHeader, OverflowError, ValueError):  # an invalid Retry-After
        answer = seconds = None
    log.warning("%s; trying again in %d s", trouble, seconds or retry.get_backoff_time())
    retry.sleep(answer)


@dataclass(frozen=True)
class ApiKeyAuth(AuthBase):
    """Sends the key to the host of `home` and to no other.

    It also keeps requests from looking into .netrc.
    """

    key: str = field(repr=False)
    home: str

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if origin(request.url or "") == origin(self.home):
            request.headers["X-API-KEY"] = self.key
        return request


def send(url: str, headers: Mapping[str, str], auth: AuthBase) -> Response:
    """Returns the response of one host, with its body unread and redirects not followed.

    Raises:
        TransientError: if there is no response.
        DataError: if the address can't be used.
    """
    try:
        return requests.get(
            url,
            headers={"Accept-Encoding": "identity", **headers},  # ranges count bytes as sent
            auth=auth,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            stream=True,
            allow_redirects=False,
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        raise TransientError(f"{host(url)} can't be reached ({_reason(error)})") from None
    except (requests.RequestException, ValueError):
        raise DataError(f"{host(url)}: its address can't be used; check data.api_url") from None


def follow(response: Response, headers: Mapping[str, str], auth: AuthBase) -> Response:
    """Follows redirects from `response` on; returns the first other response.

    Raises:
        TransientError: if a host does not answer.
        DataError: if there are too many redirects or one must not be followed.
    """
    start, hops = host(response.url), 0
    while response.is_redirect:
        with response:
            target = next_hop(response)
        hops += 1
        if hops > MAX_HOPS:
            raise DataError(f"{start} redirects more than {MAX_HOPS} times; check data.api_url")
        response = send(target, headers, auth)
    return response


def next_hop(response: Response) -> str:
    """Returns the address that a redirect leads to.

    Raises:
        DataError: if it is not an address, or leads from https to http on another machine.
    """
    try:
        target = urljoin(response.url, response.headers["Location"])
        insecure = urlsplit(target).scheme != "https" and not is_loopback(target)
    except ValueError:
        raise DataError(f"{host(response.url)} redirects to what is no address") from None
    if insecure and response.url.startswith("https:"):
        raise DataError(
            f"{host(response.url)} redirects to {host(target)} without encryption: not followed"
        )
    return target


def is_loopback(url: str) -> bool:
    """True if an address is on this machine."""
    name = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost"


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Returns scheme, host and port of an address.

    Raises:
        ValueError: if it is not an address.
    """
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or usual


def host(url: str) -> str:
    """Returns the part of an address that may be shown; path and query can hold a signature."""
    return re.sub(r"^\w+://(?:[^/?#]*@)?|[/?#].*", "", url, flags=re.DOTALL)


def _reason(error: BaseException) -> str:
    # Only the innermost cause, since the outer messages contain the whole address.
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "connection lost"


def chunks(response: Response) -> Iterator[bytes]:
    """Yields the body, at most `CHUNK` bytes at a time.

    Raises:
        TransientError: if it breaks off.
    """
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        reason = _reason(error)
        raise TransientError(
            f"the transfer from {host(response.url)} broke off ({reason})"
        ) from None


def read_json(response: Response) -> Any:
    """Returns the body as JSON.

    Raises:
        TransientError: if it breaks off.
        DataError: if it is something else.
    """
    try:
        return json.loads(b"".join(chunks(response)))
    except ValueError:
        kind = response.headers.get("Content-Type", "something else")
        raise DataError(
            f"{host(response.url)} sends {kind} where JSON was due: {STRANGER}"
        ) from None
