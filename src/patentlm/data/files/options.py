"""Options for reading files, for what is not detected correctly."""

from dataclasses import dataclass

from patentlm.data.files.encodings import Encoding
from patentlm.data.files.layout import DELIMITERS
from patentlm.data.files.rows import QUOTINGS
from patentlm.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How files are read; None means detection.

    Args:
        column: column of the abstracts, with dots for nested ones, such as `abstract.text`.
        language: language of the abstracts, such as `en`, if there are several.
        encoding: encoding of text files.
        delimiter: delimiter of fields, a character or its name in `DELIMITERS`.
        quoting: `minimal` if fields may be quoted, `none` if quotes are text.
        skip_lines: lines before the header.

    Raises:
        ConfigError: if a value is not allowed.
    """

    column: str | None
    language: str | None
    encoding: Encoding
    delimiter: str | None
    quoting: str | None
    skip_lines: int | None

    def __post_init__(self) -> None:
        named = self.delimiter in DELIMITERS
        if self.delimiter and not named and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigError(
                f"data.delimiter={self.delimiter!r} is not a delimiter: "
                f"write {', '.join(DELIMITERS)}, one character, or null"
            )
        if self.quoting not in (None, *QUOTINGS):
            raise ConfigError(
                f"data.quoting={self.quoting!r} is unknown: write {', '.join(QUOTINGS)} or null"
            )
        skipped = self.skip_lines
        if skipped is not None and (type(skipped) is not int or skipped < 0):
            raise ConfigError(f"data.skip_lines={skipped!r} is not a number of lines, or null")

    def delimiters(self, kind: str) -> tuple[str, ...]:
        """Returns the possible delimiters for a kind of file, the most likely first."""
        if self.delimiter:
            return (DELIMITERS.get(self.delimiter, self.delimiter),)
        first = "\t" if kind == ".tsv" else ","
        return (first, *(mark for mark in DELIMITERS.values() if mark != first))
