"""Cleaning takes away what the export added, and leaves what the author wrote."""

# ruff: noqa: RUF001 (characters that look like others are what much of this is about)

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.cleaning import Cleaning
from patentlm.errors import ConfigError
from tests.files.conftest import read_path
from tests.made_up import CLEANING

ON = {field.name: getattr(CLEANING, field.name) for field in fields(CLEANING)}
OFF = {switch: () if switch == "markers" else False for switch in ON}
CLEANINGS = {
    "all": CLEANING,
    "none": Cleaning(**OFF),
    **{switch: Cleaning(**OFF | {switch: ON[switch]}) for switch in ON},
}
# Whatever a step looks for, in any order, is likelier to meet here than in arbitrary text.
CHARACTERS = " \"'()0123,.;:-&#aeX\n\t“”’＆＃′″…½é\u0308\xa0<>{}\\⁶⁻™\xad\u200b\ud83d"
FRAGMENTS = [
    "<sub>",
    "</sup>",
    "<br/>",
    "<p a='1'>",
    "<!--",
    ".alpha.",
    ".sup.",
    "{overscore (x)}",
    "PA1",
    "\\n",
]
FRAGMENTS += ["(1", "2a)", "FIG. ", " and ", "##EQU2##", "##STR", '""', ". . . ", ".sub.1"]
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
        ("3½ of 10⁶, 10⁻³ s⁻¹, 5①", "3 1/2 of 10^6, 10^-3 s^-1, 5 1"),
        ("CO₂, 10₂, ½3, １２", "CO2, 10 2, 1/2 3, 12"),
        ("Teflon™, Teflon™ and Teflon™coated", "Teflon, Teflon and Teflon coated"),
        ("cata\u200blyst so\u00adft a\x00b\x81 \ufeffz", "catalyst soft ab z"),
        ("multi\u2010layer non\u2011linear", "multi-layer non-linear"),
        ("Parkinson\u00b4s rock \u02bcn\u2019 roll", "Parkinson's rock 'n' roll"),
        ("a \ud83d b", "a \N{REPLACEMENT CHARACTER} b"),
        ("first\\nSecond\\tthird\\r\\nlast\\n", "first Second third last"),
        (
            "\\nu and \\theta \\times $\\tan x$ C:\\temp",
            "\\nu and \\theta \\times $\\tan x$ C:\\temp",
        ),
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
        ("&copy=1 &notit &lt5 &ltx &lt;5 &lt", "&copy=1 &notit &lt5 &ltx <5 <"),
        ("&#60;&#x3c;&#38;#60;&#x26;lt;&AMP;", "<<<<&"),
        ("&amp" * 3 + ";", "&&&"),
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


CHEMISTRY = ["(2S,3R)-2-amino", "(1,3)-beta-glucan", "(2,4-D)", "(2,4,5-T)", "(2S,3R)", "(2R, 3S)"]
CRYSTALS = ["(100) surface", "(111) plane", "(110)-oriented"]
VALUES = ["(0.8)", "(0, 1)", "(8-bit)", "(3D)", "(10%)", "(2x1)", "(5.56 .mu.m)", "(20 by 40)"]
FORMULAS = ["(n-1)", "(2n+1)", "(x1, x2)", "(K>1)", "(CH4, H2)", "a(0) to a(63)", "x1, . . . , xn"]
OTHERS = ["(e.g., x)", "(AVC)", "(figure skating)", "()", "(10"]


@pytest.mark.parametrize("text", VALUES + FORMULAS + OTHERS + CHEMISTRY + CRYSTALS)
def test_other_parentheses_stay(text):
    assert CLEANINGS["figure_references"](f"with {text} in it") == f"with {text} in it"


@pytest.mark.parametrize("text", ["a (111) film", "the (10) and", "{square root over (2)}"])
def test_what_stands_behind_an_article_or_in_braces_stays(text):
    assert CLEANINGS["figure_references"](text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("CO<sub>2</sub> of <b>bold</b><i>italic</i>", "CO2 of bolditalic"),
        ("filter<br/>of<BR>the<p>next</p>part", "filter of the next part"),
        ('<p id="pa01" num="0001">Text</p>', "Text"),
        ("10<sup>6</sup> m<sup>2</sup> s<sup>-1</sup> x<sub>1</sub>2", "10^6 m2 s^-1 x1 2"),
        (
            "x < y, a<b and c>d, if x <y and z> w, <unk>",
            "x < y, a<b and c>d, if x <y and z> w, <unk>",
        ),
        ("a<!-- b -->c <?pi d?>e <o:x y='1'/>f </zz>g", "ac e f g"),
        ('<figref idref="f1">1</figref>5', "1 5"),
        ("<exch:p>a <math><mi>x</mi></math></exch:p> b", "a x b"),
        ("a <NULL> or vector<int> of <stdin>", "a <NULL> or vector<int> of <stdin>"),
    ],
)
def test_tags_are_taken_out(text, cleaned):
    assert CLEANINGS["tags"](text) == cleaned


def test_escaped_tags_are_taken_out():
    assert CLEANING("H&lt;sub&gt;2&lt;/sub&gt;O, x &lt; y &amp;lt;br&amp;gt; z") == "H2O, x < y z"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("CO.sub.2 at 25.degree. C., a .gamma.-ray", "CO2 at 25° C., a γ-ray"),
        ("10.sup.-3 .mu.m, N.sup.2, 2.sup.N, (x).sup.2", "10^-3 μm, N2, 2^N, (x)^2"),
        ("a .Iadd.new .Iaddend.part", "a new part"),
        ("3.times.3 .+-.5 .DELTA.W.sub.ij .ltoreq.1", "3×3 ±5 ΔWij ≤1"),
        ("{overscore (X)}, {circumflex over (y)}, {dot over (ab)}", "X\u0304, ŷ, ab"),
        ("{square root over (2)} {square root over (a+b)} {fraction (1/2)}", "√2 √(a+b) 1/2"),
        (
            "e.g. this, i.e. that. U.S. net.work {y(t)}",
            "e.g. this, i.e. that. U.S. net.work {y(t)}",
        ),
    ],
)
def test_codes_become_characters(text, cleaned):
    assert CLEANINGS["codes"](text) == cleaned


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
        ("steps of: PA1 (i) PA12 xPA1", "steps of: (i) PA12 xPA1"),
        ("#CMT#USE : #/CMT# a net", "USE : a net"),
    ],
)
def test_markers_are_removed(text, cleaned):
    assert CLEANINGS["markers"](text) == cleaned


def test_markers_are_configurable():
    assert Cleaning(**OFF | {"markers": [r"\[img\d+\]", "PAL"]})("PAL a [img3] PALM.") == "a PALM."


@pytest.mark.parametrize("markers", ["PA1", True, ["("], ["a*"], [1]])
def test_markers_that_are_none_are_refused_in_a_line(markers):
    with pytest.raises(ConfigError, match=r"^data\.cleaning\.markers") as error:
        Cleaning(**OFF | {"markers": markers})
    assert "\n" not in str(error.value)


def test_the_switches_work_together():
    text = '" A &#8220;net&amp;#8221; (10) ##EQU1## , or ""grid"" &#40;12a). "'
    assert CLEANINGS["all"](text) == 'A "net", or "grid".'


def test_long_lists_do_not_explode():
    text = "(" + "1-2, 3.a " * 20_000 + "x)"
    assert CLEANINGS["all"](text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("&" + "amp;" * 100_000, "&"),
        ("&#38;" * 20_000, "&" * 20_000),
        ("&" + "#38;" * 20_000 + "lt;", "<"),
        ("<" * 50_000, "<" * 50_000),
        ("<!--" * 10_000, "<!--" * 10_000),
        ("<p a='" * 10_000, "<p a='" * 10_000),
        ("{a over (" * 10_000, "{a over (" * 10_000),
        ("( 1" * 20_000, "( 1" * 20_000),
    ],
    ids=lambda text: text[:12],
)
def test_repetitions_do_not_explode(text, cleaned):
    assert CLEANINGS["all"](text) == cleaned


@pytest.mark.real_data
def test_nothing_of_the_export_is_left_in_the_real_file(real_data):
    path = real_data / "neural_network_patents.csv"
    for patent in read_path(path).patents:
        cleaned = CLEANINGS["all"](patent.abstract)
        assert cleaned
        assert not re.search(
            r'""|##|&#|&\w+;| \(\d+[a-z]?\)', cleaned.replace("thresholds (0)", "")
        )
