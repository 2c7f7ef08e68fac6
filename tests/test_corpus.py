"""A corpus: its ids, its counts, and its vocabulary from train alone."""

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patentlm.data.corpus import encode_texts
from patentlm.data.preparation import describe, prepare
from patentlm.data.records import Patent
from patentlm.data.splits import SPLITS
from patentlm.data.words import SPECIAL, UNK, Vocabulary, WordTokenizer
from patentlm.errors import DataError
from patentlm.reports.preview import texts_of
from tests.corpora import KEEP_ALL, SAMPLE, TINY
from tests.made_up import CLEANING, ListSource, texts_by_split


def test_texts_become_ids_between_ends(watched):
    corpus = prepare(watched(**TINY), KEEP_ALL)
    assert corpus.vocabulary.tokens == ("<end>", "<unk>", "b", "a", "c")
    assert corpus.ids("train").tolist() == [0, 2, 3, 2, 0, 3, 2, 4, 0]
    assert corpus.ids("valid").tolist() == [0, 3, 1, 0]
    assert corpus.ids("test").tolist() == [0, 1, 0, 2, 1, 1, 3, 0]


def test_what_was_found_and_made_is_counted(watched):
    assert prepare(watched(**TINY), KEEP_ALL).counts == {
        "rows": 5,
        "without_text": 0,
        "outside_query": 0,
        "train_abstracts": 2,
        "train_words": 6,
        "train_targets": 8,
        "train_characters": 12,
        "train_unknown": 0,
        "valid_abstracts": 1,
        "valid_words": 2,
        "valid_targets": 3,
        "valid_characters": 4,
        "valid_unknown": 1,
        "test_abstracts": 2,
        "test_words": 5,
        "test_targets": 7,
        "test_characters": 14,
        "test_unknown": 3,
        "vocabulary": 5,
    }


def test_the_vocabulary_of_patents_is_made_from_train_alone():
    corpus = prepare(SAMPLE, KEEP_ALL)
    texts, counts = texts_by_split(SAMPLE)
    in_train = Counter(" ".join(texts["train"]).split())
    frequent = sorted(in_train, key=lambda word: (-in_train[word], word))
    assert corpus.vocabulary.tokens == (*SPECIAL, *frequent)
    assert corpus.counts["train_unknown"] == 0
    assert corpus.counts["test_unknown"] > 0
    assert corpus.counts.items() >= counts.items()
    for name in SPLITS:
        words = [corpus.vocabulary.unknown(text) for text in texts[name]]
        assert bool((corpus.ids(name) == UNK).any()) == any(words)


def test_the_ids_of_patents_are_their_words_between_ends():
    corpus = prepare(SAMPLE, KEEP_ALL)
    texts, _ = texts_by_split(SAMPLE)
    for name in SPLITS:
        words = [corpus.vocabulary.tokens[at] for at in corpus.ids(name)]
        expected = " <end> ".join(["", *texts[name], ""]).split()
        known = [word if word in corpus.vocabulary.ids else "<unk>" for word in expected]
        assert words == known
        assert corpus.counts[f"{name}_targets"] == len(words) - 1
        assert corpus.counts[f"{name}_abstracts"] == len(texts[name])
        assert corpus.counts[f"{name}_unknown"] == words.count("<unk>")


def test_very_many_texts_are_indexed_like_a_few(watched):
    # so many that they come in several shards, whose bounds no split ends at
    texts = [f"w{number:05}" for number in range(10_000)]
    lines = "\n".join(texts)
    corpus = prepare(watched(train=lines, valid="\n".join(texts[::-1]), test=lines), KEEP_ALL)
    ids = [at for number in range(2, 10_002) for at in (0, number)]
    assert corpus.ids("train").tolist() == corpus.ids("test").tolist() == [*ids, 0]
    assert corpus.ids("valid").tolist() == [0, *ids[::-1]]


def test_rare_words_of_patents_become_unknown():
    corpus = prepare(SAMPLE, WordTokenizer(min_count=3, max_words=None))
    ids, counts = np.unique(corpus.ids("train"), return_counts=True)
    assert counts[ids > UNK].min() == 3
    assert corpus.counts["train_unknown"] == counts[ids == UNK] > 0
    assert corpus.counts["vocabulary"] == len(corpus.vocabulary) == len(ids)


@pytest.mark.parametrize(("words", "dtype"), [(2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_ids_take_the_smallest_type_that_holds_them(watched, words, dtype):
    names = " ".join(f"w{number:05}" for number in range(words - 2))
    corpus = prepare(watched(train=names, valid="w00000", test=names.split()[-1]), KEEP_ALL)
    assert len(corpus.vocabulary) == words
    assert [corpus.ids(name).dtype for name in SPLITS] == [dtype] * 3
    assert corpus.ids("train").tolist() == [0, *range(2, words), 0]
    assert corpus.ids("test").tolist() == [0, words - 1, 0]


def test_natural_texts_become_ids_between_ends():
    words = Vocabulary((*SPECIAL, "a", "neural", "network", "."))
    texts = ["A neural network.", "", "Network, <end> network"]
    assert encode_texts(iter(texts), words).tolist() == [0, 2, 3, 4, 5, 0, 0, 4, 1, 1, 1, 1, 4, 0]
    assert encode_texts([""], words).tolist() == [0, 0]
    assert encode_texts([], words).tolist() == [0]


def test_ids_stay_on_disk(watched):
    corpus = prepare(watched(**TINY), KEEP_ALL)
    for name in SPLITS:
        ids = corpus.ids(name)
        assert isinstance(ids, np.memmap)
        assert Path(ids.filename) == corpus.folder / f"{name}.npy"
        assert not ids.flags.writeable


def test_too_few_patents_for_a_split_are_refused():
    rows = [Patent(text, "", "", "") for text in ("The only one.", "the ONLY one")]
    only = ListSource(rows=rows, query=None, cleaning=SAMPLE.cleaning, split=SAMPLE.split)
    with pytest.raises(DataError, match=r"^made up: no text is left for \w+ \(1 texts in all\); "):
        prepare(only, KEEP_ALL)


def test_counts_are_told(watched, caplog):
    assert describe({"rows": 3522, "near_duplicates": 345}) == "3,522 rows, 345 near duplicates"
    with caplog.at_level(logging.INFO):
        corpus = prepare(watched(**TINY), KEEP_ALL)
    told = (
        "5 rows, 0 without text, 0 outside query, 2 train abstracts, 6 train words, 8 train targets"
    )
    assert f"{corpus.label}: {told}" in caplog.text


def test_texts_know_their_row_and_day():
    rows = [
        Patent(f"Text {n} is about {n}.", str(n), date, "")
        for n, date in enumerate(["2001-06-05", "", "20020101", "1999", "no date"] * 6)
    ]
    split = replace(SAMPLE.split, overlap=1.0)
    corpus = prepare(ListSource(rows=rows, query=None, cleaning=CLEANING, split=split), KEEP_ALL)
    found = {tuple(record) for name in SPLITS for record in corpus.records(name).tolist()}
    days = {0: 20010605, 1: 0, 2: 20020101, 3: 19990000, 4: 0}
    assert found == {(row, days[row % 5]) for row in range(30)}
    numbers = [int(text.split()[1]) for text in texts_of(corpus, "train")]
    assert corpus.records("train")[:, 0].tolist() == numbers == sorted(numbers)
