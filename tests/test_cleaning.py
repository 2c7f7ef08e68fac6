"""Cleaning takes away what the export added, and leaves what the author wrote."""

# ruff: noqa: RUF001 (characters that look like others are what much of this is about)

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.cleaning import Cleaning
from tests.files.conftest import read_path

OFF = {"quotes": False, "entities": False, "figure_references": False, "markers": False}
CLEANINGS = {
    "all": Cleaning(**dict.fromkeys(OFF, True)),
    "none": Cleaning(**OFF),
    **{switch: Cleaning(**OFF | {switch: True}) for switch in OFF},
}
# Whatever a step looks for, in any order, is likelier to meet here than in arbitrary text.
CHARACTERS = " \"'()0123,.;:-&#aeX\n\t“”’＆＃′″…½é\u0308\xa0"
FRAGMENTS = ["(1", "2a)", "FIG. ", " and ", "##EQU2##", "##STR", '""', ". . . ", ".sub.1"]
ENTITIES = ["&amp", "&#8221", "&quot;", "&#40;", "&lgr;", "&#x27;"]
PIECES = st.sampled_from(list(CHARACTERS) + FRAGMENTS + ENTITIES)
TEXTS = st.text() | st.lists(PIECES).map("".join)


@pytest.mark.parametrize("cleaning", CLEANINGS.values(), ids=CLEANINGS)
@given(text=TEXTS)
def test_cleaning_twice_is_cleaning_once(cleaning, text):
    cleaned = cleaning(text)
    assert cleaning(cleaned) == cleaned
    assert cleaned == " ".join(cleaned.split())


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a\tneural \n network\xa0", "a neural network"),
        ("“on” and ‘off’", "\"on\" and 'off'"),
        ("ﬁnite x² Ｎ", "finite x2 N"),
        ('" a ""b"" "', '" a ""b"" "'),
        ("&amp; (10) ##EQU1##", "&amp; (10) ##EQU1##"),
        ("", ""),
    ],
)
def test_blanks_and_characters_are_always_normalised(text, cleaned):
    assert CLEANINGS["none"](text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('" A ""Barometer"" neuron. "', 'A "Barometer" neuron.'),
        ('"""Barometer"" neuron"', '"Barometer" neuron'),
        ('"A “typographic” and a ""straight"" one"', 'A "typographic" and a "straight" one'),
        ('"Plain."', "Plain."),
        ('"First" and "last"', '"First" and "last"'),
        ('An "inner" word', 'An "inner" word'),
        ('"', '"'),
        ('""', ""),
    ],
)
def test_exported_quotes_are_taken_off(text, cleaned):
    assert CLEANINGS["quotes"](text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a &#8220;black box&#8221;", 'a "black box"'),
        ("a &#8220black box&#8221", 'a "black box"'),
        ("x &amp;lt; y &amp;amp;amp; z", "x < y & z"),
        ("caf&eacute;", "café"),
        ("&lgr; &Sgr;i &thgr; &EEgr; &OHgr;", "λ Σi θ Η Ω"),
        ("R&D, Q&A, &unknown;", "R&D, Q&A, &unknown;"),
    ],
)
def test_entities_become_characters(text, cleaned):
    assert CLEANINGS["entities"](text) == cleaned


NUMERALS = ["(10)", "(3)", "( 32 )", "(12a)", "(25N)", "(60′)", "(15.j)", "(13.sub.1)"]
LISTS = ["(12, 14)", "(55,56)", "(22, 22')", "(250, 300, 310)", "(310; 510)", "(3,4 and 5)"]
RANGES = [
    "(10-12)",
    "(10–12)",
    "(251-25N)",
    "(122,22-28)",
    "(1a to 1e)",
    "(106 . . . 106n)",
    "(2…4)",
]
FIGURES = [
    "(FIG. 1)",
    "(FIGS. 2 and 3)",
    "(fig 4a)",
    "(Figures 2-6)",
    "(step 33)",
    "(steps 4 to 6)",
]
RUNS = ["(10) (12)", "(10)(12)", "(30), (40) and (50)", "(21)-(2r)"]


@pytest.mark.parametrize("reference", NUMERALS + LISTS + RANGES + FIGURES + RUNS)
def test_figure_references_are_removed(reference):
    clean = CLEANINGS["figure_references"]
    assert clean(f"a unit {reference} for data") == "a unit for data"
    assert clean(f"a unit {reference}, and") == "a unit, and"
    assert clean(f"{reference} A unit {reference} .") == "A unit."
    assert clean(f"a unit{reference}for data") == "a unit for data"


VALUES = ["(0.8)", "(0, 1)", "(8-bit)", "(3D)", "(10%)", "(2x1)", "(5.56 .mu.m)", "(20 by 40)"]
FORMULAS = ["(n-1)", "(2n+1)", "(x1, x2)", "(K>1)", "(CH4, H2)", "a(0) to a(63)", "x1, . . . , xn"]
OTHERS = ["(e.g., x)", "(AVC)", "(figure skating)", "()", "(10"]


@pytest.mark.parametrize("text", VALUES + FORMULAS + OTHERS)
def test_other_parentheses_stay(text):
    assert CLEANINGS["figure_references"](f"with {text} in it") == f"with {text} in it"


def test_a_symbol_name_keeps_the_blank_before_it():
    assert CLEANINGS["figure_references"]("a rate (7) .alpha. of") == "a rate .alpha. of"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("is ##EQU2## where", "is where"),
        ("is ##STR00001##.", "is."),
        ("as ##EQU00001.2## ##TBL1## : a", "as: a"),
        ("##EQU1##", ""),
        ("## 3 ##", "## 3 ##"),
    ],
)
def test_markers_are_removed(text, cleaned):
    assert CLEANINGS["markers"](text) == cleaned


def test_the_switches_work_together():
    text = '" A &#8220;net&amp;#8221; (10) ##EQU1## , or ""grid"" &#40;12a). "'
    assert CLEANINGS["all"](text) == 'A "net", or "grid".'


def test_long_lists_do_not_explode():
    text = "(" + "1-2, 3.a " * 20_000 + "x)"
    assert CLEANINGS["all"](text) == text


@pytest.mark.real_data
def test_nothing_of_the_export_is_left_in_the_real_file(real_data):
    path = real_data / "neural_network_patents.csv"
    for patent in read_path(path).patents:
        cleaned = CLEANINGS["all"](patent.abstract)
        assert cleaned
        assert not re.search(
            r'""|##|&#|&\w+;| \(\d+[a-z]?\)', cleaned.replace("thresholds (0)", "")
        )
