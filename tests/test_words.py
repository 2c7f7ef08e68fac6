"""Text, words and ids: reading and writing are exact inverses, and a vocabulary never changes."""

# ruff: noqa: RUF001 (characters that look like others are part of what is tested)

import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.scripts import UNSPACED, word_pattern
from patentlm.data.text import detokenize, tokenize
from patentlm.data.words import END, SPECIAL, UNK, Vocabulary, WordTokenizer

# What splitting and joining look for, in any order, is likelier to meet here than in any text.
CHARACTERS = "abI12éßİΣς.,;:!?%()[]{}“”\"'-/<>_ \t\n\u0301\u0345\u200bहि网、。ที่カ"
PIECES = ["<unk>", "<end>", "word", "x-y", "it's", "--", "e.g.", "1.5", "U.S.", "Dž", "ŉ", "ﬁ"]
TEXTS = st.text() | st.lists(st.sampled_from([*CHARACTERS, *PIECES])).map("".join)
WORDS = TEXTS.map(tokenize).filter(bool).flatmap(st.sampled_from)

VOCABULARY = Vocabulary((*SPECIAL, "a", "neural", "network", ".", ","))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Neural NETWORK", ["a", "neural", "network"]),
        ("layers, and more.", ["layers", ",", "and", "more", "."]),
        ("a feed-forward net's", ["a", "feed-forward", "net's"]),
        ("'quoted' -5 x- --", ["'", "quoted", "'", "-", "5", "x", "-", "-", "-"]),
        ("1.5 mm/s, 10%", ["1", ".", "5", "mm", "/", "s", ",", "10", "%"]),
        ("H2O and word_2", ["h2o", "and", "word_2"]),
        ("(e.g., a net)", ["(", "e", ".", "g", ".", ",", "a", "net", ")"]),
        ("an <unk> net<unk>", ["an", "<unk>", "net", "<unk>"]),
        ("<UNK> <end>", ["<unk>", "<", "end", ">"]),
        ("Σ is α²Θ", ["σ", "is", "α²θ"]),
        (" \t\n", []),
        ("", []),
    ],
)
def test_a_word_is_a_run_of_letters_or_a_single_mark(text, words):
    assert tokenize(text) == words


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("a network , and a layer .", "A network, and a layer."),
        ("one . two ! three ? four : five ; six", "One. Two! Three? Four: five; six"),
        ("a ( small ) net [ 2 ] .", "A (small) net [2]."),
        ('the " good " net , or " bad " .', 'The "good" net, or "bad".'),
        ('" the " net', '"The" net'),
        ("( a net ) [ 1 ]", "(A net) [1]"),
        ("and / or", "And/or"),
        ("about 1 . 5 mm or 10 % .", "About 1.5 mm or 10%."),
        ("a net , e . g . this , i . e . that", "A net, e.g. this, i.e. that"),
        ("feed-forward nets - ' net's", "Feed-forward nets - ' net's"),
        ("an <unk> net . <unk> .", "An <unk> net. <unk>."),
        ("ßa . éa", "ßa. Éa"),
        ("", ""),
    ],
)
def test_words_are_written_as_people_write_them(words, text):
    assert detokenize(words.split()) == text
    assert tokenize(text) == words.split()


@given(TEXTS | st.text(st.characters(max_codepoint=127)))
def test_the_fast_ways_to_split_find_the_words_of_the_definition(text):
    assert tokenize(text) == word_pattern(beyond=True).findall(text.lower())
    if not any(unicodedata.category(c).startswith("M") or UNSPACED.match(c) for c in text.lower()):
        assert tokenize(text) == re.findall(r"<unk>|\w+(?:['-]\w+)*|\S", text.lower())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("मशीन प्रणाली, हिन्दी", "मशीन प्रणाली , हिन्दी"),
        ("神经网络。", "神 经 网 络 。"),
        ("LSTM网络 v2", "lstm 网 络 v2"),
        ("カメラを 使う", "カ メ ラ を 使 う"),
        ("ที่นี้", "ที่ นี้"),
        ("한국어 방법", "한국어 방법"),
        ("cafe\u0301 x\u0301-y \u0301", "cafe\u0301 x\u0301-y \u0301"),
    ],
)
def test_marks_belong_to_their_word_and_scripts_without_blanks_are_read_by_character(text, words):
    assert tokenize(text) == words.split()
    assert tokenize(detokenize(words.split())) == words.split()


def test_scripts_without_blanks_are_written_without_them():
    assert detokenize(tokenize("神经网络 是 ที่นี้ 2 net 网。")) == "神经网络是ที่นี้ 2 net 网。"


@given(TEXTS)
def test_a_text_keeps_its_words_when_they_are_written_and_read_again(text):
    words = tokenize(text)
    assert tokenize(detokenize(words)) == words


@given(st.lists(WORDS))
def test_any_order_of_words_is_written_so_that_it_reads_back(words):
    assert tokenize(detokenize(words)) == words


@given(TEXTS)
def test_writing_what_was_written_changes_nothing(text):
    written = detokenize(tokenize(text))
    assert detokenize(tokenize(written)) == written


@given(TEXTS)
def test_a_word_stays_whole_when_it_stands_alone(text):
    for word in tokenize(text):
        assert tokenize(word) == [word]
        assert " " not in word


def test_encoding_gives_the_id_of_each_word():
    encoded = VOCABULARY.encode(["a", "neural", "network", ".", "A", "network.", "<unk>", "<end>"])
    assert encoded.tolist() == [2, 3, 4, 5, UNK, UNK, UNK, END]
    assert VOCABULARY.encode(iter(tokenize("Network, deep network"))).tolist() == [4, 6, UNK, 4]
    assert VOCABULARY.encode([]).tolist() == []


@pytest.mark.parametrize(("words", "dtype"), [(2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_ids_take_the_smallest_type_that_holds_the_vocabulary(words, dtype):
    names = [f"w{number}" for number in range(words - len(SPECIAL))]
    ids = Vocabulary((*SPECIAL, *names)).encode(names[-1:])
    assert (ids.tolist(), ids.dtype) == ([words - 1], dtype)


def test_natural_text_never_ends_an_abstract():
    assert VOCABULARY.encode(tokenize("a <end> network")).tolist() == [2, UNK, UNK, UNK, 4]


def test_decoding_stops_at_the_end():
    assert VOCABULARY.decode([2, 3, 4, 5, 2, 4, END, 3]) == "A neural network. A network"
    assert VOCABULARY.decode([UNK, 4]) == "<unk> network"
    assert VOCABULARY.decode([END, 4]) == VOCABULARY.decode([]) == ""


@given(st.lists(TEXTS, min_size=1))
def test_known_words_survive_encoding_and_decoding(texts):
    words = Vocabulary(vocabulary(*texts))
    for text in texts:
        ids = words.encode(tokenize(text))
        assert [words.tokens[at] for at in ids] == tokenize(text)
        assert tokenize(words.decode(ids)) == tokenize(text)
        assert not words.unknown(text)


def test_unknown_words_are_named_once_in_their_order():
    assert VOCABULARY.unknown("Deep, wide, deep NEURAL nets") == ["deep", "wide", "nets"]
    assert VOCABULARY.unknown("a network") == VOCABULARY.unknown("<unk>") == []


def vocabulary(*texts, tokenised=False, min_count=1, max_words=None):
    """The words chosen where some occur in the texts and one does not."""
    every = Counter(
        word for text in texts for word in (text.split() if tokenised else tokenize(text))
    )
    words, counts = [*every, "elsewhere"], np.array([*every.values(), 0])
    tokenizer = WordTokenizer(min_count=min_count, max_words=max_words)
    return tokenizer.train(words, counts, tokenised=tokenised).tokens


def test_the_special_words_come_first_then_the_frequent_then_by_alphabet():
    assert vocabulary("b c, B", "a c b b") == ("<end>", "<unk>", "b", "c", ",", "a")


@given(st.lists(TEXTS, min_size=1))
def test_every_vocabulary_is_in_this_order(texts):
    counts = Counter(word for text in texts for word in tokenize(text) if word not in SPECIAL)
    expected = sorted(counts, key=lambda word: (-counts[word], word))
    assert vocabulary(*texts) == (*SPECIAL, *expected)


def test_rare_words_are_left_out():
    assert vocabulary("a a a b b c", min_count=2) == (*SPECIAL, "a", "b")
    assert vocabulary("a a a b b c", min_count=4) == SPECIAL


@pytest.mark.parametrize("tokenised", [False, True])
def test_words_that_never_occur_are_left_out_whatever_the_least_count(tokenised):
    assert vocabulary("b a", min_count=0, tokenised=tokenised) == (*SPECIAL, "a", "b")


def test_only_the_most_frequent_words_are_kept():
    assert vocabulary("a b b c c c", max_words=2) == (*SPECIAL, "c", "b")
    assert vocabulary("d c b a", max_words=3) == (*SPECIAL, "a", "b", "c")
    assert vocabulary("a b b c c c", max_words=2, min_count=3) == (*SPECIAL, "c")


def test_words_of_a_tokenised_corpus_are_kept_however_rare():
    texts = "The net. net. <unk> <unk> <unk>", "the <end> net."
    assert vocabulary(*texts, tokenised=True, min_count=3) == (*SPECIAL, "net.", "The", "the")


def test_no_special_word_comes_twice():
    assert vocabulary("<unk> a <unk>") == (*SPECIAL, "a")
    assert vocabulary("<end> a <unk>", tokenised=True) == (*SPECIAL, "a")


def test_ids_are_places_in_the_vocabulary():
    assert VOCABULARY.tokens[END] == "<end>"
    assert VOCABULARY.tokens[UNK] == "<unk>"
    assert len(VOCABULARY) == 7
    assert [VOCABULARY.ids[word] for word in VOCABULARY.tokens] == list(range(7))


def test_a_vocabulary_does_not_change_with_the_list_it_was_made_from():
    chosen = [*SPECIAL, "a"]
    words = Vocabulary(chosen)
    chosen.append("b")
    assert words.tokens == (*SPECIAL, "a")
    with pytest.raises(TypeError):
        words.tokens[2] = "b"


def test_the_fingerprint_tells_vocabularies_apart():
    lists = [("a", "b"), ("b", "a"), ("a",), ("ab",), ("a", "b", "c")]
    assert len({Vocabulary((*SPECIAL, *some)).fingerprint for some in lists}) == len(lists)
    assert Vocabulary((*SPECIAL, "a")).fingerprint == Vocabulary([*SPECIAL, "a"]).fingerprint


def test_no_group_is_possessive():
    """Before Python 3.11.5 such a group keeps what it read in vain; atomic groups do not."""
    possessive = re.compile(r"\)(?:[*+?]|\{+[\d,]+\}+)\+")
    sources = (Path(__file__).parent.parent / "src").rglob("*.py")
    assert [path.name for path in sources if possessive.search(path.read_text("utf-8"))] == []
