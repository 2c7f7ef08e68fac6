"""A line chart as an SVG file, in the colours of a light or a dark screen."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 64, 24, 44, 36
LABELS = 10
"""Most labels of the horizontal axis."""
STYLE = (
    "svg{background:#fff;color:#222;font:13px sans-serif}"
    "@media(prefers-color-scheme:dark){svg{background:#181818;color:#ddd}}"
    "text{fill:currentColor}line{stroke:currentColor;stroke-opacity:.25}"
    "polyline{fill:none;stroke:#2a78c8;stroke-width:2}circle{fill:#2a78c8}"
)


def line_chart(title: str, points: Sequence[tuple[int, float]]) -> str:
    """Draws points `(x, y)`, x ascending, both axes cut to what they show.

    >>> svg = line_chart("Perplexity by year", [(2014, 80.0), (2015, 90.0)])
    >>> "<title>2015: 90.0</title>" in svg
    True
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    across = [LEFT + wide * (x - xs[0]) / ((xs[-1] - xs[0]) or 1) for x in xs]
    down = [TOP + tall * (high - y) / ((high - low) or 1) for y in ys]
    places = list(zip(across, down, strict=True))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{name}: {value:,.1f}</title></circle>'
        for (x, y), (name, value) in zip(places, points, strict=True)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<style>{STYLE}</style>{_text(LEFT, 24, title, 'start')}"
        f'{_scale(low, high)}{_names(xs, across)}<polyline points="{line}"/>{"".join(dots)}</svg>\n'
    )


def _scale(low: float, high: float) -> str:
    """Lines at the lowest and the highest value, and half way between them."""
    parts = []
    for share in (0.0, 0.5, 1.0) if high > low else (0.0,):
        y = TOP + (HEIGHT - TOP - BOTTOM) * share
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 10, y + 4, f"{high - (high - low) * share:,.1f}", "end"))
    return "".join(parts)


def _names(xs: Sequence[int], across: Sequence[float]) -> str:
    each = -(-len(xs) // LABELS)
    named = list(zip(xs, across, strict=True))[::each]
    return "".join(_text(x, HEIGHT - 12, str(name), "middle") for name, x in named)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
