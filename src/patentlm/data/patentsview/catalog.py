"""Reads from the portal's metadata which files it has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from patentlm.data.patentsview.web import origin

PRODUCT = "PVGPATDIS"
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class CatalogFile:
    """A file of a release.

    Args:
        name: name of the file.
        release: day of the release.
        size: size in bytes, if the portal tells.
        url: address of the file.
    """

    name: str
    release: date
    size: int | None
    url: str


def product_url(api: str) -> str:
    """Returns the address of the product's metadata."""
    return f"{api}/datasets/products/{PRODUCT}"


def read_catalog(answer: Any, name: str, api: str) -> list[CatalogFile]:
    """Returns the files with a name.

    Raises:
        KeyError, IndexError, TypeError, ValueError, AttributeError: if the answer has another form.
    """
    files = answer["bulkDataProductBag"][0]["productFileBag"]["fileDataBag"]
    return [_read(file, name, api) for file in files if file.get("fileName") == name]


def _read(file: Mapping[str, Any], name: str, api: str) -> CatalogFile:
    size, url = file.get("fileSize"), file.get("fileDownloadURI")
    here = f"{api}/datasets/products/files/{PRODUCT}/{name}"
    return CatalogFile(
        name,
        _as_date(file["fileReleaseDate"]),
        size if isinstance(size, int) and size > 0 else None,
        # the key is valid for this host alone
        url if url and origin(url) == origin(here) else here,
    )


def _as_date(text: str) -> date:
    # Strict, because it becomes the name of a folder; a time may stand behind it.
    if not re.fullmatch(rf"{DATE.pattern}([T ][\w:.+-]*)?", text, re.ASCII):
        raise ValueError(f"no date: {text!r}")
    return date.fromisoformat(text[:10])
