"""Random texts on the way from a record to words and back; the long run is benchmarks.fuzz_text."""

import random

from benchmarks.fuzz_text import check, random_text


def test_random_texts_break_nothing():
    for number in range(2000):
        check(random_text(random.Random(number)))


def test_the_same_seed_makes_the_same_text():
    assert random_text(random.Random(7)) == random_text(random.Random(7))
