"""Text for a terminal: without control characters and without the API key."""

import logging
import os
import re
import sys

KEY = "USPTO_API_KEY"
"""The environment variable that holds the key of the USPTO Open Data Portal."""

# Control characters except line feed and tab, marks that change the direction of writing, and lone
# surrogates, which can't be printed.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Returns the text with control characters written out, so that none can steer a terminal.

    >>> print(printable("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


LONGEST = 2000
"""Maximum characters of a line; longer ones are cut in the middle."""


def one_line(text: str) -> str:
    """Returns the text as one printable line, with the API key replaced by an ellipsis."""
    key = os.environ.get(KEY)
    if key and len(key) >= 8:
        text = text.replace(key, "…")
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def say(line: str) -> None:
    """Prints one line to stderr."""
    print(one_line(line), file=sys.stderr)


class PlainFormatter(logging.Formatter):
    """Formats log records without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))
