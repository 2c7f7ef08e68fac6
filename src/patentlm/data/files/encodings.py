"""Decodes bytes into lines of text: byte order marks, and help with wrong encodings."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from patentlm.data.files.limits import require_record
from patentlm.data.files.notes import Notes
from patentlm.errors import ConfigError, DataError

ERROR_HANDLING = ("strict", "replace")
BLOCK = 2**18  # bytes that are decoded at once

# Each with the codec that removes it; UTF-32's begins with UTF-16's.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROLS = re.compile("[\x00\x80-\x9f]")
_UTF8_CONTROLS = re.compile(b"\xc2[\x80-\x9f]")
_STRAY_CONTROLS = 8  # this few are always accepted
_MOST_CONTROLS = 0.01  # of all characters
_MOST_STRAY = 10  # wrong bytes in a block, up to which replacing is suggested
_HIGH_LETTERS = re.compile(rb"[\xc0-\xff]{4}")  # a word of another alphabet
_MOST_ACCENTED = 0.2  # of the bytes of a text in the Latin alphabet


@dataclass(frozen=True)
class Encoding:
    """How bytes are decoded.

    Args:
        name: name of the codec; a byte order mark takes precedence.
        errors: `strict` refuses bytes that are not in the encoding, `replace` replaces them by
            U+FFFD and counts them.

    Raises:
        ConfigError: if there is no such text encoding, or `errors` is something else.
    """

    name: str
    errors: str = "strict"

    def __post_init__(self) -> None:
        try:
            "a".encode(self.name)  # refuses codecs of other things than text
            codecs.getincrementaldecoder(self.name)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"data.encoding={self.name!r} is not an encoding of text: "
                "write utf-8, cp1252, utf-16, gb18030 or the like"
            ) from error
        if self.errors not in ERROR_HANDLING:
            raise ConfigError(
                f"data.encoding_errors={self.errors!r} is unknown: write strict or replace"
            )

    @property
    def codec(self) -> str:
        """Python's name of the codec."""
        return codecs.lookup(self.name).name


def read_text(file: IO[bytes], encoding: Encoding, notes: Notes) -> Iterator[str]:
    """Yields the text of a file in blocks, without its byte order mark.

    Args:
        file: open for reading, at its start.
        encoding: encoding of the file.
        notes: collects what was replaced.

    Raises:
        DataError: if it is in another encoding, with line, byte and what to do.
    """
    data = file.read(BLOCK)
    codec = next((c for m, c in _BYTE_ORDER_MARKS.items() if data.startswith(m)), encoding.codec)
    decoder = codecs.getincrementaldecoder(codec)(encoding.errors)
    checked = _Checked(encoding, notes)
    fed = 0
    while True:
        fed += len(data)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise _undecodable(error, fed, checked.lines, codec) from error
        except UnicodeError as error:
            raise DataError(f"is not {codec} ({error}): set data.encoding") from error
        checked.look(text, data)
        yield text
        if not data:
            return
        data = file.read(BLOCK)


@dataclass
class _Checked:
    """Statistics of a text by which a wrong encoding is detected."""

    encoding: Encoding
    notes: Notes
    lines: int = 0
    characters: int = 0
    controls: int = 0

    def look(self, text: str, data: bytes) -> None:
        """Adds a block."""
        if "\0" in text or not (text.isascii() or self._is_plain(data)):
            self._look_closely(text, data)
        self.characters += len(text)
        self.lines += text.count("\n")

    def _is_plain(self, data: bytes) -> bool:
        """True if a block of UTF-8 needs no closer look, which is slow."""
        strict = self.encoding.errors == "strict"
        return strict and self.encoding.codec == "utf-8" and not _UTF8_CONTROLS.search(data)

    def _look_closely(self, text: str, data: bytes) -> None:
        found = _CONTROLS.search(text)
        line = self.lines + 1 + text.count("\n", 0, found.start()) if found else 0
        if found and found[0] != "\0" and self.encoding.codec.startswith("iso8859"):
            raise DataError(
                f"has control characters in line {line} when it is read as {self.encoding.name}: "
                "cp1252 has quotes and dashes there, so set data.encoding=cp1252"
            )
        self.controls += len(_CONTROLS.findall(text)) if found else 0
        if self.controls > max(_STRAY_CONTROLS, _MOST_CONTROLS * (self.characters + len(text))):
            advice = f": {wide}" if (wide := _wide(data)) else "; set data.encoding"
            raise DataError(
                f"is full of NUL and other control characters (the first in line {line}): "
                f"it is not {self.encoding.name} text{advice}"
            )
        if self.encoding.errors == "replace" and "\ufffd" in text:
            self._note_replaced(text, data)

    def _note_replaced(self, text: str, data: bytes) -> None:
        there = data.count("\ufffd".encode()) if self.encoding.codec == "utf-8" else 0
        if (replaced := text.count("\ufffd") - there) > 0:
            line = self.lines + 1 + text.count("\n", 0, text.index("\ufffd"))
            self.notes.remark(
                f"bytes replaced that are not {self.encoding.name}",
                f"first in line {line}",
                replaced,
            )


def _wide(data: bytes) -> str:
    """Returns the advice to set UTF-16 where zero bytes show it, without a mark; else `""`."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    if max(even, odd) < len(data) / 8:
        return ""
    return f"set data.encoding=utf-16-{'le' if odd > even else 'be'}"


def _undecodable(error: UnicodeDecodeError, fed: int, lines: int, codec: str) -> DataError:
    """Returns a message with the place of a wrong byte and the settings that may help."""
    data = error.object
    byte = fed - len(data) + error.start
    line = lines + 1 + data[: error.start].decode(codec, "replace").count("\n")
    wrong = "".join(f"\\x{value:02x}" for value in data[error.start : error.end][:4])
    advice = _advice(data, codec)
    return DataError(f"is not {codec} text: line {line}, byte {byte:,} ({wrong}): {advice}")


def _advice(data: bytes, codec: str) -> str:
    if wide := _wide(data):
        return wide
    replace = "data.encoding_errors=replace to have such bytes replaced and counted"
    if codec not in ("utf-8", "utf-8-sig", "ascii"):
        return f"set data.encoding to the right one, or {replace}"
    well = sum(not character.isascii() for character in data.decode("utf-8", "ignore"))
    stray = data.decode("utf-8", "replace").count("\ufffd")
    if well > stray:
        return f"most of it is UTF-8, so set {replace}"
    found = "data.encoding=cp1252, which fits"
    if not _fits_cp1252(data):
        found = "data.encoding to the right one (gb18030, shift_jis, cp1251, …)"
    return f"set {found}, or {replace}" if stray <= _MOST_STRAY else f"set {found}"


def _fits_cp1252(data: bytes) -> bool:
    """True if bytes can be Western European text as Windows writes it."""
    high = sum(value >= 0x80 for value in data)
    undefined = any(value in data for value in b"\x81\x8d\x8f\x90\x9d")
    return not undefined and not _HIGH_LETTERS.search(data) and high < _MOST_ACCENTED * len(data)


def read_lines(blocks: Iterable[str], end: str = "\n") -> Iterator[str]:
    r"""Yields text as lines, each with its line end.

    Args:
        blocks: the text.
        end: end of a line.

    Raises:
        DataError: if a line is too long.

    Example:
        >>> list(read_lines(["a", "b\nc"]))
        ['ab\n', 'c']
    """
    rest, number = "", 0
    for block in blocks:
        *lines, rest = (rest + block).split(end)
        for line in lines:
            yield line + end
        number += len(lines)
        require_record(len(rest), f"in line {number + 1}")
    if rest:
        yield rest
