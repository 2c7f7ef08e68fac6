"""The page reads and writes words as Python does."""

import unicodedata

import pytest

from patentlm.data.text import detokenize, tokenize

TEXTS = [
    "A neural network, e.g. a (deep) one: 1.5 times better!",
    'He said "no" and left. "yes" is first-rate, isn\'t it? a/b',
    "I.e. this; and – that … 3,000 µm [x] {y} “quoted” 'single' --dashes-- don't- stop",
    "<unk> < unk > ÜBER İstanbul ß ŁÓDŹ Ωmega ΣΑΣ x² ½ 5.6.7 a.b.c. .. ?!",
    "naïve café",
    "हिन्दी में पेटेंट का सार। यह एक नेटवर्क है।",
    "神经网络 と ニューラルネットワーク คือ โครงข่าย 한국어",
    "العربية شبكة عصبية, עברית",
    "\ufefftab\there\u00a0no-break\u2028line\x1cfs \x85next a\u200bb a\u00adb 🜚🙂 e\u0301",
]
AMONG_LETTERS = "ab{0}c {0}1 x{0} {0}{0}-d . {0} . "


def known(character):
    """True for characters of the standard, but for halves of pairs, that Python knows."""
    return unicodedata.category(character) not in ("Cn", "Cs", "Co")


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text, laboratory):
    words = laboratory.evaluate("text => window.patentlm.text.tokenize(text)", text)
    assert words == tokenize(text)
    assert laboratory.evaluate("words => window.patentlm.text.detokenize(words)", words) == (
        detokenize(words)
    )


def test_every_script(laboratory):
    # All characters below U+3400, where most scripts are; beyond, one in a few.
    codes = [*range(0x3400), *range(0x3400, 0xFFFF, 19), *range(0x10000, 0x20000, 7), 0x20001]
    texts = [AMONG_LETTERS.format(chr(code)) for code in codes if known(chr(code))]
    found = laboratory.evaluate(
        """texts => texts.map((text) => {
          const words = window.patentlm.text.tokenize(text);
          return [words.join("|"), window.patentlm.text.detokenize(words)];
        })""",
        texts,
    )
    for text, (words, again) in zip(texts, found, strict=True):
        assert words == "|".join(tokenize(text))
        if all(map(known, again)):  # Chromium may know a capital that Python does not
            assert again == detokenize(tokenize(text))
