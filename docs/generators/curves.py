"""Curves of one column of a result file over another, as SVG."""

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 60, 150, 20, 50
Point = tuple[float, float]


def curves(named: Mapping[str, Sequence[Point]], across: str, up: str) -> str:
    """A line for each name, labelled at its last point; both scales are logarithmic.

    Args:
        named: points `(x, y)` of each line, positive numbers.
        across: what x is.
        up: what y is.
    """
    place_x, place_y = (
        Scale([point[axis] for points in named.values() for point in points], *ends)
        for axis, ends in enumerate([(LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP)])
    )
    parts, labels = list(_grid(place_x, place_y)), []
    for name, points in named.items():
        places = [(place_x(x), place_y(y)) for x, y in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places]
        x, y = places[-1]
        labels.append(f'<text class="name" x="{x + 8:.1f}" y="{y + 5:.1f}">{escape(name)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        f'<text x="{LEFT}" y="{TOP - 6}">{escape(up)}</text>'
    )
    return (
        f'<div class="wide"><svg class="curves" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{escape(up)} against {escape(across)}">'
        f"{''.join([*parts, *labels])}</svg></div>"  # no line through a name
    )


class Scale:
    """Numbers to places between two ends, by their logarithms, with some room at both."""

    def __init__(self, numbers: Sequence[float], start: float, end: float) -> None:
        self.least, self.most = min(numbers) / 1.1, max(numbers) * 1.1
        self.start, self.end = start, end

    def __call__(self, number: float) -> float:
        share = math.log(number / self.least) / math.log(self.most / self.least)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Round numbers within."""
        for power in range(math.floor(math.log10(self.least)), math.ceil(math.log10(self.most))):
            for digit in (1, 2, 5):
                number = digit * 10.0**power
                if self.least <= number <= self.most:
                    yield number


def _grid(across: Scale, up: Scale) -> Iterator[str]:
    """Lines at round numbers, with the numbers."""
    for number in across.ticks():
        x = across(number)
        yield f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{number:g}</text>'
    for number in up.ticks():
        y = up(number)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{number:g}</text>'
