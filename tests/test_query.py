"""Queries: what holds them whatever its case and white space, and what is no query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from patentlm.data.query import Query
from patentlm.errors import ConfigError

WORDS = ["neural", "net", "network", "Größe", "Σας", "a&b", "<p>"]
PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
BLANKS = ["  ", "\n", "\t", " \r\n ", "\x0b", "\u00a0", "\u2003", "&nbsp;", "&#160;", "&amp;nbsp;"]


@pytest.mark.parametrize(
    "text",
    [
        "A neural network.",
        "NEURAL\nNETWORKS",
        "Neural \t\r\n Network",
        "a neural&nbsp;network",
        "a neural&#160;&#xA0;network",
        "a neural&amp;nbsp;network",
        "n&#101;ural network",
        "NEURAL\u00a0NETWORK",
        "neu\u00adral net\u200bwork\x00",
        "\ufeffneural\\nnetwork",
    ],
)
def test_a_phrase_is_found_whatever_its_case_white_space_and_entities(text):
    assert Query.parse("neural network").matches(text)
    assert Query.parse(" Neural&nbsp; \n NETWORK ").matches(text)


@pytest.mark.parametrize("apostrophe", ["'", "\u2019", "\u02bc", "&#8217;", "&rsquo;", "\u00b4"])
def test_a_phrase_is_found_whatever_its_apostrophes_and_hyphens(apostrophe):
    text = f"Parkinson{apostrophe}s disease, multi\u2010layer"
    for phrase in ("Parkinson's disease", "parkinson\u2019s", "multi-layer", "multi\u2011layer"):
        assert Query.parse(phrase).matches(text)
        assert Query.parse(text).matches(f"On {text} nets")


@pytest.mark.parametrize(
    "text", ["", "neural", "neural, network", "network neural", "neuralnetwork", "neural & network"]
)
def test_other_words_or_signs_between_are_another_text(text):
    assert not Query.parse("neural network").matches(text)


def test_all_phrases_and_one_of_any_have_to_be_there():
    query = Query.parse({"all": ["network", "layer"], "any": ["lstm", "gru cell"]})
    assert query.matches("A Network with a layer of GRU  cells.")
    assert query.matches("LSTM network, layer, gru cell")
    assert not query.matches("A network with a layer.")
    assert not query.matches("A network of LSTM.")
    assert not query.matches("gru network with a layer and a cell")


def test_any_alone_asks_for_one():
    query = Query.parse({"any": ["a b", "c"]})
    assert [query.matches(text) for text in ["A B", "x c", "b a", ""]] == [True, True, False, False]


@pytest.mark.parametrize("everything", [None, {}, {"all": [], "any": []}])
def test_no_phrase_asks_for_everything(everything):
    query = Query.parse(everything)
    assert query.matches("")
    assert query.matches("anything")
    assert str(query) == "everything"


def test_a_single_phrase_may_stand_where_a_list_is_due():
    assert Query.parse({"any": "deep net"}) == Query.parse({"any": ["deep net"]})
    assert Query.parse({"all": "deep net"}) == Query.parse("deep net")


def test_queries_are_equal_when_they_find_the_same():
    assert Query.parse("Deep \n NET") == Query.parse("deep&nbsp;net") == Query(("deep net",), ())
    assert Query.parse("deep net") != Query.parse({"any": "deep net"})


def test_queries_come_from_a_composed_config_too():
    config = OmegaConf.create({"query": {"all": ["a b"], "any": ["c", "d"]}})
    assert Query.parse(config.query) == Query(("a b",), ("c", "d"))


def test_a_query_is_told_in_a_line():
    assert str(Query.parse("Neural\nNetwork")) == "'neural network'"
    assert str(Query.parse({"any": ["a", "b"]})) == "'a' or 'b'"
    assert str(Query.parse({"all": ["a", "b"], "any": ["c", "d"]})) == (
        "'a' and 'b' and one of 'c' or 'd'"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (5, "data.query=5 is not a query: "),
        (["a"], "data.query=['a'] is not a query: "),
        ({"none": ["a"]}, "data.query={'none': ['a']} is not a query: "),
        ({"any": 5}, "data.query.any=5 is not a list of phrases: "),
        ({"any": None}, "data.query.any=None is not a list of phrases: "),
        ({"all": ["a", 5]}, "data.query.all=['a', 5] is not a list of phrases: "),
        ("", "data.query.all='' holds an empty phrase: "),
        ("\n", "data.query.all='\\n' holds an empty phrase: "),
        ({"any": ["a", "&nbsp;"]}, "data.query.any=['a', '&nbsp;'] holds an empty phrase: "),
    ],
)
def test_what_is_no_query_is_refused_in_a_line(value, told):
    with pytest.raises(ConfigError) as error:
        Query.parse(value)
    assert str(error.value) == told + (
        "write a phrase, or {all: [PHRASE, …], any: [PHRASE, …]}, or null for all abstracts"
    )


@given(st.text(), PHRASES, st.text(), st.data())
def test_case_and_white_space_never_matter(before, phrase, after, data):
    assert Query.parse(phrase).matches(f"{before} {phrase} {after}")
    recased = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in phrase)
    blank = data.draw(st.sampled_from(BLANKS))
    assert Query.parse(phrase).matches(f"{before} {recased.replace(' ', blank)} {after}")
    assert Query.parse(recased.replace(" ", blank)).matches(f"{before} {phrase} {after}")


@given(st.lists(PHRASES, max_size=3), st.lists(PHRASES, max_size=3), PHRASES)
def test_all_and_any_mean_what_they_say(every, some, text):
    every_one = all(Query.parse(phrase).matches(text) for phrase in every)
    one = any(Query.parse(phrase).matches(text) for phrase in some)
    expected = every_one and (one or not some)
    assert Query.parse({"all": every, "any": some}).matches(text) == expected
