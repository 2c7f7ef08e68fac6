"""Words in pieces: spelling and reading are exact inverses, and no word is unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from patentlm.data.byte_pairs import BYTES, BytePairTokenizer, BytePairVocabulary
from patentlm.data.text import tokenize
from patentlm.data.words import END, SPECIAL, UNK
from patentlm.errors import ConfigError

COUNTS = {"low": 5, "lower": 2, "newest": 6, "widest": 3, "naïve": 2, "<unk>": 9}
PIECES = BytePairVocabulary((*SPECIAL, *BYTES, "lo", "low", "e ", "r ", "er "))
WORDS = st.lists(st.text(min_size=1).filter(lambda word: word.split() == [word]))


def choose(vocabulary, counts=COUNTS):
    words, numbers = list(counts), np.array(list(counts.values()))
    tokenizer = BytePairTokenizer(vocabulary=vocabulary)
    return tokenizer.train(words, numbers, tokenised=False)


def pieces_of(word, pieces=PIECES):
    return [pieces.tokens[at] for at in pieces.encode([word])]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("low", ["low", " "]),
        ("lower", ["low", "er "]),
        ("ore", ["o", "r", "e "]),
        ("é", ["Ã", "©", " "]),
        ("<unk>", ["<unk>"]),
        ("<unk>s", ["<", "u", "n", "k", ">", "s", " "]),
    ],
)
def test_a_word_is_spelt_in_the_pieces_made_first(word, pieces):
    assert pieces_of(word) == pieces


def test_pieces_that_stand_together_most_often_come_first():
    words = choose(len(SPECIAL) + len(BYTES) + 6)
    assert words.tokens[: 2 + len(BYTES)] == (*SPECIAL, *BYTES)
    # Of words with their frequencies: "est " ends nine, "low" begins seven, "ew" is in six.
    assert words.tokens[-6:] == ("es", "t ", "est ", "lo", "low", "ew")


def test_the_same_texts_choose_the_same_pieces():
    assert choose(300).tokens == choose(300).tokens


def test_how_often_a_word_occurs_is_what_counts():
    often = choose(len(SPECIAL) + len(BYTES) + 1, {"ab": 1, "cd": 1000})
    assert often.tokens[-1] == "cd"


@given(WORDS)
def test_words_are_read_as_they_were_spelt(words):
    assert PIECES.words_of(PIECES.encode(words)) == words
    spelling = PIECES.encode_batch(words)
    assert len(spelling.lengths) == len(words)
    for at, word in enumerate(words):
        start = spelling.starts[at]
        ids = spelling.ids[start : start + spelling.lengths[at]]
        assert PIECES.words_of(ids) == [word]


@given(st.text())
def test_text_comes_back_word_by_word(text):
    assert tokenize(PIECES.decode(PIECES.encode(tokenize(text)))) == tokenize(text)
    assert PIECES.unknown(text) == []


def test_the_special_words_are_never_put_together():
    words = choose(400, {"x<end>y": 50, "<end>": 50, "<unk>": 50, "a<unk>": 50})
    spelt = words.encode(["x<end>y", "a<unk>", "<end>", "<unk>"]).tolist()
    assert [at for at in spelt if at <= UNK] == [END, UNK]
    assert spelt[-2:] == [END, UNK]


def test_spelling_is_that_of_the_library_that_chose_the_pieces():
    counts = {f"{a}{b}{c}": 1 + len(a) for a in ("", "un", "re") for b in ("net", "test", "ten")
              for c in ("", "ed", "s", "ing")}  # fmt: skip
    library = Tokenizer(BPE())
    library.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    trainer = BpeTrainer(
        vocab_size=320,
        special_tokens=list(SPECIAL),
        initial_alphabet=BYTES,
        show_progress=False,
    )
    library.train_from_iterator((f"{word} " * n for word, n in counts.items()), trainer)
    ours = choose(320, counts)
    assert library.get_vocab() == ours.ids
    for word in [*counts, "untestings", "retnet"]:
        assert library.encode(f"{word} ").tokens == pieces_of(word, ours)


def test_a_text_that_was_cut_off_may_end_within_a_word():
    low, er = PIECES.ids["low"], PIECES.ids["er "]
    assert PIECES.words_of([low, er, low]) == ["lower", "low"]
    assert PIECES.decode([low, er, END, low]) == "Lower"


def test_half_a_character_is_never_written():
    first, second, blank = (PIECES.ids[byte] for byte in "Ã© ")
    assert PIECES.words_of([first, second, blank]) == ["é"]
    assert PIECES.words_of([first, blank, PIECES.ids["low"]]) == ["low"]
    assert PIECES.words_of([PIECES.ids["low"], first]) == ["low"]
    assert PIECES.decode([second, PIECES.ids["low"], blank]) == "Low"


@given(st.lists(st.integers(2, len(PIECES) - 1)))
def test_any_pieces_are_written_as_whole_characters(ids):
    assert "\N{REPLACEMENT CHARACTER}" not in PIECES.decode(ids)


def test_a_vocabulary_without_room_for_the_bytes():
    with pytest.raises(ConfigError, match=r"tokenizer\.vocabulary=200: the single bytes alone"):
        choose(200)
