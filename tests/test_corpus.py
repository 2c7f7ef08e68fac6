"""The corpus on disk: its ids, its vocabulary from train alone, and a cache that is never half."""

import json
import logging
import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from patentlm.data.cache import cache_folder
from patentlm.data.corpus import encode_texts
from patentlm.data.preparation import SCRATCH, describe, fingerprint, prepare
from patentlm.data.records import Patent
from patentlm.data.sources import CorpusSource, SampleSource
from patentlm.data.splits import SPLITS, ClusterSplit
from patentlm.data.words import SPECIAL, UNK, Vocabulary, WordTokenizer
from patentlm.errors import DataError
from patentlm.reports.preview import texts_of
from tests.made_up import CLEANING, BreakingSource, ListSource, WatchedSource, texts_by_split

KEEP_ALL = WordTokenizer(min_count=1, max_words=None)
SAMPLE = SampleSource(
    count=60,
    seed=1,
    query=None,
    cleaning=CLEANING,
    split=ClusterSplit(valid=0.2, test=0.2, shingle=5, overlap=0.5, exact_up_to=10_000),
)
TINY = {"train": "b a b\na b c\n", "valid": "a d\n", "test": "e\nb <unk> e a\n"}


@pytest.fixture
def watched(tmp_path):
    """Writes a folder of tokenised texts and makes it a source that notes its readings."""

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text, "utf-8")
        return WatchedSource(
            path=str(tmp_path),
            encoding="utf-8",
            encoding_errors="strict",
            notes=str(tmp_path / "notes"),
        )

    return write


def folders():
    """Whatever lies beside the locks where corpora are kept."""
    return sorted(path for path in (cache_folder() / "corpora").iterdir() if path.is_dir())


def files_of(folder):
    """Which files these are and when they were written."""
    stats = {path.name: path.stat() for path in folder.iterdir()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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


def test_a_corpus_is_prepared_once(watched):
    source = watched(**TINY)
    first = prepare(source, KEEP_ALL)
    files = files_of(first.folder)
    assert prepare(source, KEEP_ALL) == first
    assert source.readings == 1
    assert files_of(first.folder) == files
    assert folders() == [first.folder]


def test_a_corpus_that_was_moved_is_found_again(watched, tmp_path):
    source = watched(**TINY)
    first = prepare(source, KEEP_ALL)
    (tmp_path / "moved").mkdir()
    for name in SPLITS:
        (tmp_path / f"{name}.txt").rename(tmp_path / "moved" / f"{name}.txt")
    moved = prepare(replace(source, path=str(tmp_path / "moved")), KEEP_ALL)
    assert (moved.folder, moved.label) == (first.folder, "moved")
    assert source.readings == 1


def test_other_settings_or_texts_make_another_corpus(watched):
    first = prepare(SAMPLE, KEEP_ALL)
    before = content(first.folder)
    others = [
        prepare(SAMPLE, replace(KEEP_ALL, min_count=2)),
        prepare(SAMPLE, replace(KEEP_ALL, max_words=50)),
        prepare(replace(SAMPLE, count=61), KEEP_ALL),
        prepare(replace(SAMPLE, split=replace(SAMPLE.split, test=0.3)), KEEP_ALL),
        prepare(watched(**TINY), KEEP_ALL),
        prepare(watched(**TINY | {"train": "a b c"}), KEEP_ALL),
    ]
    assert folders() == sorted(corpus.folder for corpus in (first, *others))
    assert len(folders()) == len({corpus.fingerprint for corpus in (first, *others)}) == 7
    assert content(first.folder) == before


def test_the_fingerprint_hangs_on_nothing_but_values():
    assert prepare(SAMPLE, KEEP_ALL).fingerprint == fingerprint(replace(SAMPLE), replace(KEEP_ALL))


def test_too_few_patents_for_a_split_are_refused():
    rows = [Patent(text, "", "", "") for text in ("The only one.", "the ONLY one")]
    only = ListSource(rows=rows, query=None, cleaning=SAMPLE.cleaning, split=SAMPLE.split)
    with pytest.raises(DataError, match=r"^made up: no text is left for \w+ \(1 texts in all\); "):
        prepare(only, KEEP_ALL)


def test_a_source_that_has_nothing_leaves_nothing_behind(watched, tmp_path):
    with pytest.raises(DataError) as error:
        prepare(watched(**TINY | {"valid": " \n\n"}), KEEP_ALL)
    assert str(error.value) == (
        f"{tmp_path.name}: no text is left for valid (4 texts in all); "
        "use more patents, or other shares in data.split"
    )
    with pytest.raises(DataError, match=r"train\.txt: no such file"):
        prepare(CorpusSource(path="absent", encoding="utf-8", encoding_errors="strict"), KEEP_ALL)
    assert folders() == []


def test_a_preparation_that_breaks_off_leaves_nothing_behind(watched):
    source = watched(**TINY)
    breaking = BreakingSource(path=source.path, encoding="utf-8", encoding_errors="strict")
    for _ in range(2):
        with pytest.raises(TypeError, match="keys must be str"):
            prepare(breaking, KEEP_ALL)
        assert folders() == []
    prepare(source, KEEP_ALL)
    assert len(folders()) == 1


def test_a_cache_that_cannot_be_written_is_named(watched, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PATENTLM_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"can't be written \(Not a directory\): free disk space"):
        prepare(watched(**TINY), KEEP_ALL)


def prepare_together(barrier, source, answers):
    """What each of several processes does: waits until all are there, then prepares."""
    barrier.wait(60)
    corpus = prepare(source, KEEP_ALL)
    inode = (corpus.folder / "train.npy").stat().st_ino
    answers.put((corpus.fingerprint, inode, len(corpus.vocabulary), corpus.ids("test").tolist()))


def test_processes_that_ask_at_once_get_one_whole_corpus(watched):
    train = "\n".join(f"word{number} a b" for number in range(20_000))
    source = watched(**TINY | {"train": train})
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(3), spawn.Queue()
    asking = [
        spawn.Process(target=prepare_together, args=(barrier, source, answers)) for _ in range(3)
    ]
    for process in asking:
        process.start()
    got = [answers.get(timeout=60) for _ in asking]
    for process in asking:
        process.join(60)
    assert [process.exitcode for process in asking] == [0, 0, 0]
    corpus = prepare(source, KEEP_ALL)
    inode = (corpus.folder / "train.npy").stat().st_ino
    assert got == [(corpus.fingerprint, inode, 20_004, [0, 1, 0, 3, 1, 1, 2, 0])] * 3
    assert folders() == [corpus.folder]
    assert source.readings == 1


def test_nothing_but_plain_values_is_stored(watched):
    corpus = prepare(watched(**TINY), KEEP_ALL)
    names = {"train.npy", "valid.npy", "test.npy", "train_records.npy", "valid_records.npy"}
    names |= {"test_records.npy", "vocabulary.json", "counts.json", "warnings.json"}
    assert set(content(corpus.folder)) == names
    assert json.loads((corpus.folder / "vocabulary.json").read_text()) == [
        "<end>", "<unk>", "b", "a", "c",
    ]  # fmt: skip


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


FILES = ["vocabulary.json", "counts.json", "warnings.json", "train.npy", "test_records.npy"]


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "other"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_corpus_is_made_again_and_said(watched, caplog, name, damage):
    source = watched(**TINY)
    before = content(prepare(source, KEEP_ALL).folder)
    path = prepare(source, KEEP_ALL).folder / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes({"cut": whole[:-1], "empty": b"", "other": b"[1]"}[damage])
    corpus = prepare(source, KEEP_ALL)
    assert content(corpus.folder) == before
    assert source.readings == 2
    assert "is damaged in the cache: it is made again" in caplog.text
    assert folders() == [corpus.folder]
    assert corpus.ids("train").tolist() == [0, 2, 3, 2, 0, 3, 2, 4, 0]


def test_a_pipe_in_the_cache_is_not_waited_for(watched):
    source = watched(**TINY)
    folder = prepare(source, KEEP_ALL).folder
    before = content(folder)
    (folder / "counts.json").unlink()
    os.mkfifo(folder / "counts.json")
    assert content(prepare(source, KEEP_ALL).folder) == before


@pytest.mark.parametrize("split", SPLITS)
def test_an_id_of_no_word_is_damage(watched, caplog, split):
    folder = prepare(watched(**TINY), KEEP_ALL).folder
    before = content(folder)
    ids = np.load(folder / f"{split}.npy")
    ids[-1] = len(json.loads((folder / "vocabulary.json").read_text()))
    np.save(folder / f"{split}.npy", ids)
    assert content(prepare(watched(**TINY), KEEP_ALL).folder) == before
    assert "is damaged in the cache: it is made again" in caplog.text


def test_what_a_killed_preparation_left_is_swept(watched):
    source = watched(**TINY)
    folder = prepare(source, KEEP_ALL).folder
    for name in (folder.name, "f" * 16):
        left = folder.with_name(name).with_suffix(SCRATCH) / "corpus"
        left.mkdir(parents=True)
        (left / "train.npy").write_bytes(b"half")
    with FileLock(folder.with_name("e" * 16).with_suffix(".lock")):  # one at work
        busy = folder.with_name("e" * 16).with_suffix(SCRATCH)
        busy.mkdir()
        prepare(source, KEEP_ALL)  # nothing is prepared
        assert folders() == sorted([folder, busy])
        other = prepare(replace(source, encoding="latin-1"), KEEP_ALL).folder
    assert folders() == sorted([folder, other, busy])


def test_a_prepared_cache_that_can_only_be_read_is_used(watched, cache):
    source = watched(**TINY)
    first = prepare(source, KEEP_ALL)
    for lock in (cache / "corpora").glob("*.lock"):
        lock.unlink()
    before = sorted(cache.rglob("*"))
    (cache / "corpora").chmod(0o500)
    try:
        assert prepare(source, KEEP_ALL) == first
    finally:
        (cache / "corpora").chmod(0o700)
    assert sorted(cache.rglob("*")) == before


def test_a_disk_that_is_full_is_said_in_a_line(watched):
    script = (
        "import resource, sys\n"
        "from tests.test_corpus import *\n"
        "source = WatchedSource(path=sys.argv[1], encoding='utf-8', encoding_errors='strict',\n"
        "    notes=sys.argv[1] + '/notes')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    prepare(source, KEEP_ALL)\nexcept DataError as error:\n    print(error)\n"
    )
    source = watched(train="a b c d\n" * 2000, valid="a\n", test="a\n")
    found = subprocess.run(
        [sys.executable, "-c", script, source.path], capture_output=True, text=True, check=True
    )
    assert "corpora can't be written (" in found.stdout
    assert found.stdout.count("\n") == 1
    assert folders() == []
