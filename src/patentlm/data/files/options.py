"""What a user may say about files, where it is not found out by itself."""

from dataclasses import dataclass

from patentlm.data.files.encodings import Encoding
from patentlm.data.files.layout import DELIMITERS
from patentlm.data.files.rows import QUOTINGS
from patentlm.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How files are read; None stands for what is found in them.

    Args:
        column: of the abstracts, with dots into nested ones, as `abstract.text`.
        language: of the abstracts, as `en`, where several are there.
        encoding: of texts.
        delimiter: of fields: a character, or its name in `DELIMITERS`.
        quoting: `minimal` where fields may be quoted, `none` where quotes are text.
        skip_lines: before the header.

    Raises:
        ConfigError: if a value is not possible.
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
        """The delimiters that a file of a kind may have, the most likely first."""
        if self.delimiter:
            return (DELIMITERS.get(self.delimiter, self.delimiter),)
        first = "\t" if kind == ".tsv" else ","
        return (first, *(mark for mark in DELIMITERS.values() if mark != first))
