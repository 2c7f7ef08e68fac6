"""What of a text stands in the training set, against a search of every run."""

import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patentlm.data.text import tokenize
from patentlm.evaluation import memorisation as novelty
from patentlm.evaluation.memorisation import Copied, Run, cover, find_copied, joined, match
from patentlm.reports.texts import as_jsonl, as_text, describe_copied
from patentlm.trained_model import Text

A, B, C, D = 2, 3, 4, 5
UNK = 1
LONG = list(range(10, 30))

# Few words, of which 1 is <unk>: runs are found often, and break off often.
texts = st.lists(st.lists(st.integers(1, 4), max_size=25), min_size=1, max_size=6)


def naive(text, train):
    """For each position the longest run that some text of train has."""

    def stands(run):
        n = len(run)
        return UNK not in run and any(run == t[at : at + n] for t in train for at in range(len(t)))

    return [
        max(n for n in range(len(text) - at + 1) if n == 0 or stands(text[at : at + n]))
        for at in range(len(text))
    ]


def test_a_match_is_as_long_as_the_run_that_train_has():
    train = joined([[A, B, C, D], [B, C, A]])
    assert match(joined([[B, C, D, A], [C, A, B]]), train).tolist() == [
        0, 3, 2, 1, 1, 0, 2, 2, 1, 0,
    ]  # fmt: skip


def test_a_match_ends_with_a_text_and_at_an_unknown_word():
    train = joined([[A, B], [C, D], [A, UNK, D]])
    assert match(joined([[A, B, C, D]]), train).tolist() == [0, 2, 1, 2, 1, 0]
    assert match(joined([[A, UNK, D]]), train).tolist() == [0, 1, 0, 1, 0]
    assert match(joined([[9, 9]]), train).tolist() == [0, 0, 0, 0]
    assert match(joined([[]]), train).tolist() == [0, 0]


@given(texts=texts, train=texts, piece=st.integers(1, 40))
def test_matches_are_those_of_a_search_of_every_run(texts, train, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(novelty, "PIECE", piece)
        found = match(joined(texts), joined(train)).tolist()
    assert found == [0, *(n for text in texts for n in [*naive(text, train), 0])]


def test_copied_runs_have_eight_words_or_more():
    train = joined([LONG[:7], LONG[7:15], [A, *LONG[12:], B]])
    assert find_copied([LONG[:7], LONG[5:], [], [B, *LONG[7:15], B]], train) == [
        Copied([], 7),
        Copied([Run(2, 8), Run(7, 8)], 8),
        Copied([], 0),
        Copied([Run(1, 8)], 8),
    ]


@given(texts=texts, train=texts)
def test_no_run_is_longer_than_train_has_it_and_none_lies_within_another(texts, train):
    for text, found in zip(texts, find_copied(texts, joined(train)), strict=True):
        matches = naive(text, train)
        assert found.longest == max(matches, default=0)
        assert all(run.words == matches[run.first] >= 8 for run in found.runs)
        ends = [sum(run) for run in found.runs]
        assert all(one < next_ for one, next_ in pairwise(ends))
        copied = {at + i for at, n in enumerate(matches) if n >= 8 for i in range(n)}
        assert {at for run in cover(found.runs) for at in range(run.first, sum(run))} == copied


def test_runs_that_overlap_or_touch_are_one_stretch():
    assert cover([Run(0, 8), Run(4, 9), Run(13, 8), Run(22, 8)]) == [Run(0, 21), Run(22, 8)]
    assert cover([]) == []


SENTENCES = "The net (e.g., a 1.5 net) learns. It ends"
WRITTEN = Text(SENTENCES, words=14, finished=False, tokens=tuple(tokenize(SENTENCES)))


def test_copied_stretches_stand_in_brackets_and_the_rest_as_it_was():
    texts = [WRITTEN, WRITTEN]
    shown = as_text(texts, [Copied([Run(1, 8), Run(2, 12)], 12), Copied([Run(10, 8)], 8)])
    assert shown == (
        "The ⟦net (e.g., a 1.5 net)⟧ learns. It ends …\n\n"
        "The net (e.g., a 1⟦.5 net) learns. It ends⟧ …"
    )
    assert as_text(texts, None) == "\n\n".join([f"{WRITTEN.text} …"] * 2)


def test_runs_are_pairs_for_programs():
    plain = json.loads(as_jsonl([WRITTEN], None))
    assert plain == {"text": WRITTEN.text, "words": 14, "finished": False}
    found = json.loads(as_jsonl([WRITTEN], [Copied([Run(1, 8), Run(2, 12)], 12)]))
    assert found == {**plain, "copied": {"runs": [[1, 8], [2, 12]], "longest": 12}}


def test_the_note_counts_each_copied_word_once():
    note = describe_copied([WRITTEN, WRITTEN], [Copied([Run(1, 8), Run(2, 7)], 8), Copied([], 3)])
    assert "note: 22.2% of the words" in note
    assert note.endswith("has 8")
    assert "0.0%" in describe_copied([], [])


@pytest.fixture
def learned_by_heart(run_script, tmp_path):
    """A run that has learned its one sentence, in a corpus whose words are not all lower case."""
    corpus = tmp_path / "tiny"
    corpus.mkdir()
    for name in ("train", "valid", "test"):
        (corpus / f"{name}.txt").write_text("A b c D e f g h i <unk> .\n" * 20)
    run_script(
        "train", "data=corpus", f"data.path={corpus}", "windows=abstract", "windows.batch_size=2",
        "model.embedding_size=16", "model.hidden_size=32", "optimizer.lr=0.03", "trainer=cpu",
        "trainer.max_epochs=12", "trainer.log_every_n_steps=1", "callbacks.progress.refresh_rate=0",
        "samples.count=0", f"hydra.run.dir={tmp_path}/run",
    )  # fmt: skip
    return tmp_path / "run"


def test_what_was_learned_by_heart_is_marked(learned_by_heart, run_script, capsys):
    asked = (f"checkpoint={learned_by_heart}", "novelty=true", "sampling=greedy", "max_words=9")
    capsys.readouterr()
    run_script("generate", *asked)
    shown = capsys.readouterr()
    assert shown.out == "⟦A b c D e f g h i⟧ …\n"
    assert re.search(r"100\.0% of the words .* ⟦…⟧ .* has 9$", shown.err, re.MULTILINE)
    run_script("generate", *asked, "prompt=zebra b c", "format=jsonl", "max_words=6")
    record = json.loads(capsys.readouterr().out)
    assert record["text"] == "Zebra b c D e f g h i"
    assert record["copied"] == {"runs": [[1, 8]], "longest": 8}


def test_novelty_needs_the_training_set_and_says_so(learned_by_heart, run_script, capsys):
    data = learned_by_heart.parent / "tiny"
    moved = data.rename(data.with_name("moved"))
    with pytest.raises(SystemExit) as stopped:
        run_script("generate", f"checkpoint={learned_by_heart}", "novelty=true")
    assert stopped.value.code == 1
    shown = capsys.readouterr()
    (line,) = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert "no such" in line
    assert "data=…" in line
    run_script(
        "generate", f"checkpoint={learned_by_heart}", "novelty=true", "max_words=9",
        "data=corpus", f"data.path={moved}",
    )  # fmt: skip
    assert "of the words are copied" in capsys.readouterr().err
