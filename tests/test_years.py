"""Perplexity by year: which texts count to which year, and what is told of them."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

import patentlm
from patentlm.checkpoint import build_data
from patentlm.data.preparation import prepare
from patentlm.reports.comparison import own_data
from patentlm.reports.line_chart import line_chart
from patentlm.reports.years import texts_by_year


@pytest.fixture
def dated_run(run_script, tmp_path, patents_csv):
    """A run that was trained on patents before a day."""
    folder = tmp_path / "run"
    run_script(
        "train", "data=file", f"data.path={patents_csv}", "data/split=date",
        "data.split.test_from=1985-06-01", "model.embedding_size=4", "model.hidden_size=4",
        "trainer=cpu", "trainer.max_epochs=1", "windows=abstract", "windows.batch_size=4",
        "samples.count=1", "samples.max_words=5", f"hydra.run.dir={folder}",
    )  # fmt: skip
    return folder


def corpus_of_run(folder):
    metadata = patentlm.load(folder).metadata
    return prepare(build_data(own_data(metadata)), build_data(metadata.tokenizer))


def test_texts_count_to_the_year_of_their_day(dated_run):
    corpus = corpus_of_run(dated_run)
    found = texts_by_year(corpus, "test")
    days = corpus.records("test")[:, 1].tolist()
    assert list(found) == [1985, 1986]
    for year, texts in found.items():
        assert texts.tolist() == [at for at, day in enumerate(days) if day // 10_000 == year]


def test_the_report_is_a_table_a_plot_and_metrics(dated_run, run_script, capsys):
    before = json.loads((dated_run / "metrics.json").read_text())
    capsys.readouterr()
    run_script("evaluate", f"checkpoint={dated_run}", "report=years")
    shown = capsys.readouterr().out
    after = json.loads((dated_run / "metrics.json").read_text())
    corpus, model = corpus_of_run(dated_run), patentlm.load(dated_run)
    years = texts_by_year(corpus, "test")
    assert after.keys() - before.keys() == {f"test/perplexity/{year}" for year in years}
    assert {name: after[name] for name in before} == before
    first, texts = next(iter(years.items()))
    ids = corpus.ids("test")
    ends = [at for at, word in enumerate(ids.tolist()) if word == 0]
    chosen = [word for text in texts for word in ids[ends[text] + 1 : ends[text + 1] + 1].tolist()]
    expected = model.score(np.array([0, *chosen], ids.dtype), batch_size=8)
    assert after[f"test/perplexity/{first}"] == pytest.approx(expected.perplexity, rel=1e-5)
    row = next(line for line in shown.splitlines() if line.strip().startswith(str(first)))
    assert row.split()[1:3] == [str(len(texts)), f"{len(chosen):,}"]
    plot = ElementTree.parse(dated_run / "perplexity_by_year.svg").getroot()
    assert len(plot.findall("{http://www.w3.org/2000/svg}circle")) == len(years)


def test_a_chart_reaches_from_its_lowest_to_its_highest_value():
    root = ElementTree.fromstring(line_chart("A & B", [(2000, 10.0), (2002, 30.0), (2003, 20.0)]))
    space = "{http://www.w3.org/2000/svg}"
    places = [(c.get("cx"), c.get("cy")) for c in root.findall(f"{space}circle")]
    assert places == [("64.0", "284.0"), ("432.0", "44.0"), ("616.0", "164.0")]
    texts = [text.text for text in root.findall(f"{space}text")]
    assert texts == ["A & B", "30.0", "20.0", "10.0", "2000", "2002", "2003"]


def test_data_without_dates_are_refused(small_run, tmp_path, run_script, capsys):
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.txt").write_text("a network of units\n" * 3)
    with pytest.raises(SystemExit):
        run_script(
            "evaluate", f"checkpoint={small_run}", "report=years", "data=corpus",
            f"data.path={tmp_path}",
        )  # fmt: skip
    assert "no text of test has a date, which report=years goes by" in capsys.readouterr().err
