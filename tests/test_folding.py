"""What exact copies have in common."""

from hypothesis import example, given
from hypothesis import strategies as st

from patentlm.data.ingest import digest, fold
from patentlm.data.scripts import runs_of_letters


def test_copies_are_found_whatever_their_case_and_punctuation():
    assert fold("A “Neural” network; (the 2nd one)!") == "a neural network the 2nd one"
    assert fold("STRASSE.") == fold("straße") == "strasse"
    assert fold("A feed-forward_net's.") == "a feed forward_net s"
    assert fold(" . ") == ""
    assert digest("A net.") == digest("a NET") != digest("a nets")


ASCII = st.text(st.characters(max_codepoint=127))


@given(ASCII | st.text())
@example("".join(map(chr, range(128))))
@example("a\x00b\x1fc\x7fd")
def test_texts_of_ascii_are_folded_like_all_others(text):
    assert fold(text) == " ".join(runs_of_letters(text.casefold()))
