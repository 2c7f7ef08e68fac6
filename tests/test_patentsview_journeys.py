"""From the portal to a trained model through the real scripts, and where the key ends up."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from patentlm.data.patentsview.open_data_portal import ABSTRACTS
from patentlm.data.sample import sample_patents
from patentlm.terminal import KEY as KEY_VARIABLE
from tests.portal import KEY, fresh_portal, running_portal, zip_of  # noqa: F401
from tests.test_journeys import SMALL, metrics

RELEASE = "2026-04-10"


@pytest.fixture
def offered(portal):
    """A portal that has 120 synthetic patents, half of which name a zebra crossing."""
    table = io.StringIO()
    writer = csv.writer(table, delimiter="\t", quoting=csv.QUOTE_ALL)
    writer.writerow(["patent_id", "patent_abstract"])
    for number, patent in enumerate(sample_patents(count=120, seed=3)):
        extra = " by a\tzebra\nCROSSING." if number % 2 else " by hand."
        writer.writerow([str(number), patent.abstract + extra])
    portal.offer(RELEASE, ABSTRACTS, zip_of(table.getvalue().encode()))
    return portal


@pytest.fixture
def train(run_script, tmp_path, offered):
    """Trains on the portal's patents and gives the run's folder."""

    def run(name: str, *arguments: str) -> Path:
        folder = tmp_path / name
        settings = (f"data.api_url={offered.api_url}", "trainer.max_epochs=1", "windows.length=5")
        out = f"hydra.run.dir={folder}"
        run_script("train", "data=patentsview", *SMALL, *settings, out, *arguments)
        return folder

    return run


def everything_in(*folders):
    """All bytes of all files."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(paths) > 10
    return b"\n".join(path.read_bytes() for path in paths)


def test_a_query_becomes_a_model_that_is_evaluated_and_writes(train, run_script, offered, capsys):
    folder = train("run", "data.query=zebra crossing")
    counts = json.loads((folder / "run.json").read_text())["counts"]
    assert (counts["rows"], counts["outside_query"]) == (120, 60)
    assert metrics(folder)["data"] == f"PatentsView {RELEASE}"
    run_script("evaluate", f"checkpoint={folder}")
    table = capsys.readouterr().out
    assert f"PatentsView {RELEASE}: test, {metrics(folder)['test/targets']:,} targets" in table
    run_script("generate", f"checkpoint={folder}", "prompt=a", "count=1")
    assert len(offered.file_requests) == 1


def test_another_query_costs_no_download_and_the_same_one_nothing(train, offered, caplog):
    train("first", "data.query=zebra crossing")
    offered.metadata_answers.clear()
    asked = len(offered.metadata_requests)
    train("second", "data.query={any: [by hand, no such words]}", f"data.release={RELEASE}")
    train("third", "data.query=zebra crossing", "data.release=cached")
    assert len(offered.file_requests) == 1
    assert len(offered.metadata_requests) == asked


def test_a_checkpoint_keeps_to_the_release_it_was_trained_on(train, run_script, offered, capsys):
    folder = train("run", "data.query=zebra crossing")
    offered.offer("2026-07-10", ABSTRACTS, zip_of(b"patent_id\tpatent_abstract\n"))
    run_script("evaluate", f"checkpoint={folder}")
    assert f"PatentsView {RELEASE}" in capsys.readouterr().out


@pytest.mark.parametrize("by", ["environment", "argument"])
def test_the_key_is_in_no_file_that_is_left_behind(
    train, tmp_path, cache, monkeypatch, caplog, capfd, by
):
    arguments = []
    if by == "argument":
        monkeypatch.setenv(KEY_VARIABLE, "")
        arguments = [f"data.api_key={KEY}"]
    train("run", "data.query=zebra crossing", *arguments)
    assert KEY.encode() not in everything_in(tmp_path, cache)
    assert KEY not in caplog.text
    assert KEY not in "".join(capfd.readouterr())


def test_the_key_is_in_no_config_that_is_shown(run_script, capsys):
    run_script("train", "data=patentsview", f"data.api_key={KEY}", "--cfg", "job")
    shown = capsys.readouterr().out
    assert "PatentsViewSource" in shown
    assert KEY not in shown


def test_without_a_key_one_line_says_what_to_do(train, monkeypatch, capsys):
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(SystemExit) as end:
        train("run")
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.match(r"error: USPTO_API_KEY is not set: get a key at data\.uspto\.gov", line)
    assert "data=sample" in line
