"""The cache of corpora: each is prepared once, and none is ever half."""

import errno
import fcntl
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock

from patentlm.data.preparation import SCRATCH, fingerprint, prepare
from patentlm.data.sources import CorpusSource
from patentlm.data.splits import SPLITS
from patentlm.errors import DataError
from tests.corpora import KEEP_ALL, SAMPLE, TINY, content, files_of, folders
from tests.made_up import BreakingSource


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


def test_a_file_system_without_locks_is_named(watched, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(DataError, match=r"without locks \(.*No locks available\)"):
        prepare(watched(**TINY), KEEP_ALL)


def test_a_cache_that_cannot_be_written_is_named(watched, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PATENTLM_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"can't be written \(Not a directory\): free disk space"):
        prepare(watched(**TINY), KEEP_ALL)


def prepare_together(barrier, source, answers):
    """What each of several processes does: waits until all are there, then prepares."""
    barrier.wait(600)
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
    got = [answers.get(timeout=600) for _ in asking]
    for process in asking:
        process.join(600)
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


def test_a_file_in_place_of_a_corpus_is_damage(watched, caplog):
    source = watched(**TINY)
    folder = prepare(source, KEEP_ALL).folder
    before = content(folder)
    shutil.rmtree(folder)
    folder.touch()
    assert content(prepare(source, KEEP_ALL).folder) == before
    assert "is damaged in the cache: it is made again" in caplog.text


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
        "from tests.made_up import WatchedSource\n"
        "from tests.test_corpus_cache import *\n"
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
