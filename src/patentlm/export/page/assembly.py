"""Assembles the HTML file: markup, styles, JavaScript modules and data."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

MAIN = "main"
STYLES = ("base.css", "parts.css", "print.css")

_IMPORT = re.compile(r"^import (\{[^}]*\}) from '\./(\w+)\.js';$", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:const|class|function\*?|async function) (\w+))", re.MULTILINE)


def assemble(title: str, data: Mapping[str, Any], weights: str) -> str:
    """Returns the page, which needs no other file.

    Args:
        title: title of the document.
        data: plain values by the id of the element that holds them as JSON.
        weights: the weights as text.
    """
    web = files(__package__) / "web"
    parts = {
        "title": html.escape(title),
        "styles": "\n".join((web / name).read_text("utf-8") for name in STYLES),
        "data": "\n".join(_json_element(name, value) for name, value in data.items()),
        "weights": weights,
        "scripts": "\n".join(_modules(web)),
    }
    page = (web / "page.html").read_text("utf-8")
    return re.sub(r"<!-- put (\w+) here -->", lambda found: parts[found[1]], page)


def _modules(web: Traversable) -> Iterator[str]:
    """Joins the modules into one script: each once, after its imports, in its own scope."""
    placed: set[str] = set()

    def place(name: str) -> Iterator[str]:
        if name not in placed:
            placed.add(name)
            source = (web / f"{name}.js").read_text("utf-8")
            for _, other in _IMPORT.findall(source):
                yield from place(other)
            yield _in_scope(name, source)

    yield "const modules = {};"
    yield from place(MAIN)


def _in_scope(name: str, source: str) -> str:
    """Wraps a module in a function that returns its exports."""
    exported = ", ".join(name for _, name in _EXPORT.findall(source))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = modules.\2;", source))
    return f"modules.{name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


def _json_element(name: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")  # all that could be taken for markup in a script element
    return f'<script type="application/json" id="{name}">{text}</script>'
