"""The picture of the rooms of `src/patentlm` and of their imports, drawn from the imports.

    python -m docs.generators.rooms

prints the SVG. A room is a folder or a module at the top level; an arrow is drawn only where no
longer way leads to the same room.
"""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "patentlm"
SCRIPTS = ("train", "evaluate", "generate", "export", "prepare")
WIDTH, ROW, BOX, HEIGHT = 860, 92, 118, 40

Imports = dict[str, set[str]]
"""The rooms that each room imports from."""


def write(folder: Path) -> None:
    """Writes `rooms.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rooms.svg").write_text(picture(), encoding="utf-8")


def imports() -> Imports:
    """The rooms that each room and each script imports from, itself left out."""
    found: Imports = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":  # the public surface, which loads lazily
            found.setdefault(room, set()).update(_imported(path) - {room})
    scripts = [ROOT / f"{name}.py" for name in SCRIPTS]
    found |= {path.name: _imported(path) for path in scripts if path.exists()}
    return {room: others & set(found) for room, others in found.items()}


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "patentlm":
            names |= {f"patentlm.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[1] for name in names if name.startswith("patentlm.")}


def floors(found: Imports) -> list[list[str]]:
    """Rooms by floor, the ground floor first: each stands one above the highest that it uses."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(other) for other in found[room]), default=-1)
        return heights[room]

    rows = defaultdict(list)
    top = max(map(height, found))
    for room in found:
        rows[top if room.endswith(".py") else height(room)].append(room)
    return [sorted(rows[number]) for number in sorted(rows)]


def arrows(found: Imports) -> list[tuple[str, str]]:
    """The imports that no longer way implies."""

    def reachable(room: str) -> set[str]:
        return found[room].union(*(reachable(other) for other in found[room]))

    return [
        (room, other)
        for room, others in found.items()
        for other in sorted(others)
        if not any(other in reachable(between) for between in others - {other})
    ]


def places(rows: list[list[str]], drawn: list[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """The middle of each box; a room stands near the rooms that it uses."""
    at: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        below = {room: [at[b][0] for a, b in drawn if a == room and b in at] for room in row}
        order = sorted(row, key=lambda r: sum(below[r]) / len(below[r]) if below[r] else WIDTH / 2)
        gap = WIDTH / len(order)
        y = (len(rows) - number - 1) * ROW + HEIGHT / 2 + 6
        at |= {room: ((place + 0.5) * gap, y) for place, room in enumerate(order)}
    return at


def picture() -> str:
    """The SVG; its lines and letters have the colour of the text around it."""
    found = imports()
    rows, drawn = floors(found), arrows(found)
    at = places(rows, drawn)
    height = len(rows) * ROW - (ROW - HEIGHT) + 12
    parts = [*(_arrow(at[a], at[b]) for a, b in drawn), *(_box(r, *at[r]) for r in at)]
    described = f"The {len(found)} rooms of patentlm on {len(rows)} floors; arrows point downwards."
    return (
        f'<svg class="rooms" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{described}">'
        '<defs><marker id="rooms-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="currentColor"/></marker>'
        f"</defs>{''.join(parts)}</svg>\n"
    )


def _box(room: str, x: float, y: float) -> str:
    kind = "script" if room.endswith(".py") else "folder" if (PACKAGE / room).is_dir() else "file"
    name = f"{room}/" if kind == "folder" else room if kind == "script" else f"{room}.py"
    left, top = x - BOX / 2, y - HEIGHT / 2
    return (
        f'<g class="{kind}"><rect x="{left:.0f}" y="{top:.0f}" width="{BOX}" height="{HEIGHT}" '
        f'rx="6"/><text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle">{name}</text></g>'
    )


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = start, end
    y, to_y = y + HEIGHT / 2, to_y - HEIGHT / 2 - 2
    bend = (to_y - y) / 2
    return (
        f'<path class="arrow" d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to_x:.0f} '
        f'{to_y - bend:.0f} {to_x:.0f} {to_y:.0f}" marker-end="url(#rooms-tip)"/>'
    )


if __name__ == "__main__":
    print(picture(), end="")
