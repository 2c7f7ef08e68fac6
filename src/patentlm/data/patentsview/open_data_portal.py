"""PatentsView's tables at the USPTO Open Data Portal, each downloaded once."""

import logging
import os
import re
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from requests import Response
from tqdm import tqdm
from urllib3.util import Retry

from patentlm.data.cache import cache_folder, writing_to
from patentlm.data.patentsview.catalog import DATE, PRODUCT, CatalogFile, product_url, read_catalog
from patentlm.data.patentsview.download import (
    DamagedError,
    Part,
    exclusive_lock,
    require_whole_zip,
    transfer,
)
from patentlm.data.patentsview.download_log import DownloadLog
from patentlm.data.patentsview.web import (
    ApiKeyAuth,
    TransientError,
    UnavailableError,
    chunks,
    follow,
    host,
    is_loopback,
    origin,
    read_json,
    retrying,
    send,
)
from patentlm.errors import DataError

ABSTRACTS = "g_patent_abstract.tsv.zip"
PATENTS = "g_patent.tsv.zip"
YEARLY_DOWNLOADS = 20  # of one file with one key
RETRY = Retry(5, backoff_factor=2)  # waits 0, 4, 8, 16 and 32 s, unless the portal says how long
_USABLE = (200, 206, 400, 412, 416)  # the last three may be about the requested range
_UPLOAD = timedelta(days=7)  # files of one release appear within it
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OpenDataPortal:
    """The bulk product PVGPATDIS (granted patents, disambiguated), downloaded once.

    The key is read from the environment variable USPTO_API_KEY, only when it is needed.

    Args:
        api_url: base address of the API, such as https://api.uspto.gov/api/v1.
        retry: how often and after which delays a transient error is retried.
    """

    api_url: str
    retry: Retry

    def release(self, wanted: str) -> str:
        """Returns the date of a release, YYYY-MM-DD.

        The portal is asked for the latest release and for dates that are not on disk. If it is
        unavailable, the latest release on disk is taken, with a warning.

        Args:
            wanted: "latest", "cached" for the latest on disk, or a date.

        Raises:
            DataError: if there is no such release, or the portal does not tell.
        """
        cached = _cached_releases()
        if wanted in cached:
            return wanted
        if wanted == "cached":
            return _newest(cached)
        try:
            return self._release_on_offer(wanted, self._hurried if cached else self.retry)
        except DataError as error:
            if not cached:
                raise
            if wanted == "latest" and isinstance(error, UnavailableError):
                log.warning("Release %s from the cache is used: %s", cached[-1], error)
                return cached[-1]
            hint = f"data.release=cached uses {cached[-1]}, which is on disk"
            raise DataError(f"{error}; {hint}") from error

    def file(self, name: str, *, release: str) -> Path:
        """Returns a file of a release on disk, after downloading it if necessary.

        Several processes may call this at once: one downloads, the others wait.

        Raises:
            DataError: if it is unavailable, with what to do.
        """
        path = _folder() / _checked(release) / name
        with writing_to(path):
            if not path.exists():
                with exclusive_lock(_folder() / name):
                    if not path.exists():
                        self._download(path, self._entry(name, release))
        return path

    def _release_on_offer(self, wanted: str, retry: Retry) -> str:
        if wanted != "latest":
            _checked(wanted)
        dates = sorted({str(entry.release) for entry in self._catalog(ABSTRACTS, retry)})
        if wanted not in dates and (wanted != "latest" or not dates):
            raise DataError(
                f"data.release={wanted} is not on offer: {PRODUCT} has {ABSTRACTS} "
                f"of {', '.join(dates) or 'no date'}"
            )
        return dates[-1] if wanted == "latest" else wanted

    def _entry(self, name: str, release: str) -> CatalogFile:
        def distance(entry: CatalogFile) -> timedelta:
            return abs(entry.release - date.fromisoformat(release))

        entries = self._catalog(name, self.retry)
        near = [entry for entry in entries if distance(entry) <= _UPLOAD]
        if not near:
            dates = ", ".join(sorted({str(entry.release) for entry in entries}))
            raise DataError(
                f"{name} of {release} is not on offer, but of {dates or 'no date'}: "
                "set data.release to another date"
            )
        return min(near, key=distance)

    def _catalog(self, name: str, retry: Retry) -> list[CatalogFile]:
        answer = retrying(partial(self._metadata, name), retry)
        try:
            return read_catalog(answer, name, self._api)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{host(self._api)} describes {PRODUCT} in an unknown way ({error!r}): "
                "check data.api_url, and whether patentlm has a newer version"
            ) from error

    def _metadata(self, name: str) -> Any:
        url = product_url(self._api)
        headers = {"Accept": "application/json"}
        response = follow(send(url, headers, self._key), headers, self._key)
        with self._granted(response, name, (200,)):
            return read_json(response)

    def _download(self, path: Path, entry: CatalogFile) -> None:
        part = Part(path, entry.size)
        part.make_room()
        try:
            retrying(partial(transfer, part, partial(self._ask, entry)), self.retry)
            require_whole_zip(part.file, path.name)
        except DamagedError as damage:
            part.drop()
            raise DataError(
                f"{entry.name} of {entry.release} {damage}: what came was removed; another try "
                f"costs one more of the {YEARLY_DOWNLOADS} downloads a year, of which this "
                f"machine has counted {self._download_log.counted(entry.name)}"
            ) from None
        part.finish()

    def _ask(self, entry: CatalogFile, headers: Mapping[str, str]) -> Response:
        log.info(
            "%s %s of %s (%s): download %d of %d this year counted on this machine",
            "Continuing" if headers else "Downloading",
            entry.name,
            entry.release,
            tqdm.format_sizeof(entry.size, "B") if entry.size else "of unknown size",
            self._download_log.counted(entry.name) + 1,
            YEARLY_DOWNLOADS,
        )
        answer = None
        try:
            response = send(entry.url, headers, self._key)
            answer = response.status_code
        finally:
            # Now, not at the end of the transfer, because a killed process has spent it as well.
            self._download_log.enter(entry.name, str(entry.release), answer)
        return self._granted(follow(response, headers, self._key), entry.name, _USABLE)

    def _granted(self, response: Response, name: str, usable: Container[int]) -> Response:
        if response.status_code in usable:
            return response
        with response:
            raise self._refusal(response, name)

    def _refusal(self, response: Response, name: str) -> Exception:
        status, who = response.status_code, f"{host(response.url)} answers {response.status_code}"
        if status >= 500:
            return TransientError(who, response)
        if status == 429:
            return _too_many(response, name, self._download_log.counted(name))
        if origin(response.url) != origin(self._api):
            return DataError(f"{who}, where {name} should be: start again later")
        return DataError(f"{who}{_REFUSALS.get(status, ': check data.api_url')}")

    @property
    def _hurried(self) -> Retry:
        """Shortens the retries if there is a release on disk to fall back on."""
        return self.retry.new(total=min(1, self.retry.total or 0))

    @property
    def _download_log(self) -> DownloadLog:
        return DownloadLog(_folder() / "downloads.jsonl")

    @property
    def _key(self) -> ApiKeyAuth:
        key = os.environ.get("USPTO_API_KEY")
        if not key:
            raise UnavailableError(
                "USPTO_API_KEY is not set: get a key at data.uspto.gov (My ODP) and set it; "
                "data=sample or data=file data.path=… work without one"
            )
        if not re.fullmatch(r"[!-~]+", key):
            raise DataError(
                "USPTO_API_KEY holds a blank, a line break or another character that no key has: "
                "copy the key again"
            )
        return ApiKeyAuth(key, self._api)

    @property
    def _api(self) -> str:
        with suppress(ValueError):
            scheme, name, _ = origin(self.api_url)
            if name and (scheme == "https" or (scheme == "http" and is_loopback(self.api_url))):
                return self.api_url.rstrip("/")
        raise DataError(
            f"data.api_url={self.api_url} is no https address: write it as https://api.uspto.gov/api/v1"
        )


_REFUSALS = {
    401: ": USPTO_API_KEY is no key, or no longer (keys lapse after 90 days unused); "
    "get one at data.uspto.gov (My ODP)",
    403: ": USPTO_API_KEY is not a key it knows; compare it with data.uspto.gov (My ODP), "
    "or check data.api_url",
    404: f": it has no {PRODUCT}, or not this file of it; check data.api_url",
}


def _too_many(response: Response, name: str, counted: int) -> Exception:
    body = b""
    with suppress(TransientError):
        body = next(chunks(response), b"")
    if b"31536000" not in body:  # the seconds of a year
        return TransientError(f"{host(response.url)} asks for a slower pace (429)", response)
    return DataError(
        f"{host(response.url)} answers 429: the {YEARLY_DOWNLOADS} downloads a year of {name} "
        f"with this key are used up, {counted} of them counted on this machine; "
        "use a release that is on disk, or data=file with a copy of the file"
    )


def _folder() -> Path:
    return cache_folder() / "patentsview"


def _cached_releases() -> list[str]:
    folders = (path.parent.name for path in _folder().glob(f"*/{ABSTRACTS}"))
    return sorted(name for name in folders if DATE.fullmatch(name))


def _newest(cached: list[str]) -> str:
    if not cached:
        raise DataError(
            f"data.release=cached: no release is in {_folder()} yet; "
            "use data.release=latest once, with USPTO_API_KEY set"
        )
    return cached[-1]


def _checked(release: str) -> str:
    with suppress(ValueError):
        if DATE.fullmatch(release):
            return str(date.fromisoformat(release))
    raise DataError(f"data.release={release}: write latest, cached or YYYY-MM-DD")
