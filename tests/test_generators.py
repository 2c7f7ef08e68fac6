"""Pages made from code, configuration and result files show all of them."""

import json
import re
from xml.etree import ElementTree

import pytest

from docs.generators import api, readme, results, rooms, settings


def test_the_picture_shows_every_room_and_script_once():
    picture = ElementTree.fromstring(rooms.picture())
    names = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"data/", "model/", "training/", "errors.py", "train.py"} <= set(names)
    assert len(names) == len(set(names)) == len(rooms.imports())


def test_the_architecture_page_describes_every_folder():
    page = (rooms.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = [path.name for path in rooms.PACKAGE.iterdir() if (path / "__init__.py").exists()]
    assert [name for name in folders if f"`{name}/`" not in page] == []


def test_arrows_that_a_longer_way_implies_are_left_out():
    found = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert rooms.arrows(found) == [("a", "b"), ("b", "c")]
    assert rooms.floors(found) == [["c"], ["b"], ["a"]]


def test_every_option_of_every_group_has_a_section():
    page = settings.page()
    for path in settings.CONF.rglob("*.yaml"):
        group = path.parent.relative_to(settings.CONF)
        if not settings.NO_SECTION & set(path.parts):
            option = f"{group}={path.stem}" if path.parent != settings.CONF else f"{path.stem}.py"
            assert f"### `{option}`" in page


def test_a_section_shows_what_a_file_makes_and_its_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CONF", tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/gru.yaml").write_text(
        "# About.\n# python train.py\n_target_: torch.nn.GRU\na: 1 # one\nb:\n  c: [x|y] # two\n"
    )
    assert settings.page().endswith(
        "### `model=gru`\n\nAbout.\n\n`python train.py`\n\nMakes: `torch.nn.GRU`\n\n"
        "| setting | default | meaning |\n| --- | --- | --- |\n"
        "| `a` | `1` | one |\n| `b.c` | `[x\\|y]` | two |\n"
    )


def test_a_description_keeps_commands_apart():
    text = "# About.\n# python train.py\na: 1\n"
    assert settings.description(text) == "About.\n\n`python train.py`"


def test_the_readmes_models_are_those_of_the_leaderboard():
    text = readme.README.read_text(encoding="utf-8")
    assert readme.MARKED.search(text)[0] == readme.models(), "run python -m docs.generators.readme"


def test_every_module_with_a_docstring_is_on_a_page():
    named = {module for room in api.ROOMS for module in api.modules(room)}
    files = [path for path in api.PACKAGE.rglob("*.py") if not path.stem.startswith("_")]
    modules = {
        ".".join(("patentlm", *p.relative_to(api.PACKAGE).with_suffix("").parts)) for p in files
    }
    assert named == modules


def test_a_result_becomes_a_table_with_its_origin():
    found = {
        "title": "Speed",
        "note": "",
        "command": "python -m benchmarks.speed",
        "seed": 1,
        "date": "2026-01-02",
        "commit": "abc1234",
        "machine": {"cpu": "A CPU", "cores": 2, "load": 0.5, "platform": "Linux"},
        "versions": {"torch": "2.13"},
        "plot": "words/s",
        "rows": [{"what": "ours", "words/s": {"median": 20.0, "lowest": 10.0, "highest": 30.0}}],
    }
    text = results.fragment(json.loads(json.dumps(found)))
    assert "| ours | 20 (10 – 30) |" in text
    for origin in ("python -m benchmarks.speed", "2026-01-02", "abc1234", "seed 1", "A CPU"):
        assert origin in text
    svg = re.search(r"<svg.*</svg>", text, re.DOTALL)
    assert svg
    assert ElementTree.fromstring(svg[0]).tag.endswith("svg")


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (0.98765, "0.988"), (7, "7"), (None, "–"), ("a", "a"),
     ({"mean": 81.66, "deviation": 0.32}, "81.7 ± 0.3"),
     ({"mean": 81.66, "deviation": None}, "81.7")],
)  # fmt: skip
def test_numbers_read_well(value, text):
    assert results.shown(value) == text
