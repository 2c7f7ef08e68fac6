"""Whole journeys with pieces of words, with word vectors, and from one corpus to another."""

import json
import re
import shutil

import pytest
import torch

import patentlm
from tests.test_journeys import SMALL, metrics

SHORT = (*SMALL, "windows=abstract", "windows.batch_size=4", "trainer.max_epochs=1")


@pytest.fixture
def train(run_script, patents_csv, tmp_path):
    """Trains on tiny patents and gives the run's folder."""

    def run(name, *arguments, data=patents_csv):
        folder = tmp_path / name
        source = ("data=file", f"data.path={data}")
        run_script("train", *source, *SHORT, f"hydra.run.dir={folder}", *arguments)
        return folder

    return run


@pytest.fixture
def other_csv(patents_csv, tmp_path):
    """The same patents about other things: nets are meshes now, and layers are gone."""
    text = patents_csv.read_text(encoding="utf-8")
    path = tmp_path / "other.csv"
    path.write_text(re.sub("network", "mesh", text).replace("layer", "floor"), encoding="utf-8")
    return path


@pytest.fixture
def evaluate(run_script, capsys):
    """The table of some runs: by model, what stands in each column."""

    def run(*arguments):
        capsys.readouterr()
        run_script("evaluate", *arguments)
        table = capsys.readouterr().out
        heading = next(line for line in table.splitlines() if line.lstrip().startswith("model"))
        names = re.split(r"\s{2,}", heading.strip())
        rows = [re.split(r"\s{2,}", line) for line in table.splitlines() if "%" in line]
        return {row[0]: dict(zip(names, row, strict=True)) for row in rows}

    return run


def test_pieces_are_trained_scored_and_written_where_the_corpus_is_absent(
    train, run_script, evaluate, cache, capsys
):
    folder = train("run", "tokenizer=bpe", "tokenizer.vocabulary=400")
    found = metrics(folder)
    assert found["vocabulary"] == 400
    counts = json.loads((folder / "run.json").read_text())["counts"]
    assert counts["test_unknown"] == 0
    bits = found["test/loss"] / 0.6931471805599453 * counts["test_targets"]
    assert found["test/bits_per_character"] == pytest.approx(bits / counts["test_characters"])
    row = evaluate(f"checkpoint={folder}")[str(folder)]
    assert float(row["perplexity"]) == pytest.approx(found["test/perplexity"], abs=0.006)
    assert float(row["bits/char"]) == pytest.approx(found["test/bits_per_character"], abs=6e-4)
    alone = folder.parent / "alone.ckpt"
    shutil.move(folder / "checkpoints" / "best.ckpt", alone)
    shutil.rmtree(folder)
    shutil.rmtree(cache)
    capsys.readouterr()
    run_script("generate", f"checkpoint={alone}", "prompt=A zebra, (fast)", "format=jsonl")
    shown = capsys.readouterr()
    assert json.loads(shown.out)["text"].startswith("A zebra, (fast)")
    assert "not in the vocabulary" not in shown.err
    assert patentlm.load(alone).perplexity(["A zebra."]) > 1


def test_words_and_pieces_stand_in_one_table(train, evaluate):
    words = train("words", "tokenizer.min_count=1")
    pieces = train("pieces", "tokenizer=bpe", "tokenizer.vocabulary=300")
    few = train("few", "tokenizer.max_words=20")
    characters = {
        json.loads((run / "run.json").read_text())["counts"]["test_characters"]
        for run in (words, pieces, few)
    }
    assert len(characters) == 1
    rows = evaluate(f"checkpoint={words},{pieces},{few}")
    for run in (words, pieces, few):
        row, found = rows[str(run)], metrics(run)
        assert float(row["perplexity"]) == pytest.approx(found["test/perplexity"], abs=0.006)
        assert float(row["bits/char"]) == pytest.approx(found["test/bits_per_character"], abs=6e-4)
    assert rows[str(pieces)]["unknown"] == "0.0%"
    assert float(rows[str(few)]["unknown"].strip("%")) > 40
    assert rows["unigram"]["unknown"] == rows[str(words)]["unknown"]


def test_the_characters_of_a_tokenised_corpus_are_those_of_its_lines(run_script, tmp_path):
    corpus = tmp_path / "tiny"
    corpus.mkdir()
    for split in ("train", "valid", "test"):
        (corpus / f"{split}.txt").write_text("The <unk> once .\nthe naïve net .\n" * 20)
    for tokenizer in ("words", "bpe"):
        folder = tmp_path / tokenizer
        data = ("data=corpus", f"data.path={corpus}", f"tokenizer={tokenizer}")
        run_script("train", *data, *SHORT, f"hydra.run.dir={folder}")
        counts = json.loads((folder / "run.json").read_text())["counts"]
        assert counts["test_characters"] == 20 * (17 + 16)
        assert counts["test_unknown"] == 20


def test_a_model_is_fine_tuned_and_scored_on_both_corpora(train, other_csv, evaluate):
    first = train("first", "trainer.max_epochs=8")
    before, after = (
        train("scratch", data=other_csv),
        train("tuned", f"init_from={first}", data=other_csv),
    )
    assert metrics(after)["test/perplexity"] < metrics(before)["test/perplexity"]
    assert "weights of" in (after / "train.log").read_text()
    assert "mesh" in patentlm.load(after).vocabulary.ids
    models = f"checkpoint={first},{after}"
    theirs = evaluate(models)
    ours = evaluate(models, "data=file", f"data.path={other_csv}")
    for rows, run in ((theirs, first), (ours, after)):
        found = metrics(run)["test/perplexity"]
        assert float(rows[str(run)]["perplexity"]) == pytest.approx(found, abs=0.006)
    assert theirs[str(first)]["unknown"] != theirs[str(after)]["unknown"]
    assert theirs["unigram"]["unknown"] == theirs[str(first)]["unknown"]


def test_a_fine_tuned_run_resumes_where_the_first_model_is_gone(train):
    first = train("first")
    start = f"init_from={first}"
    whole = train("whole", start, "trainer.max_epochs=2")
    half = train("half", start)
    shutil.rmtree(first)
    resumed = train(
        "rest", start, "trainer.max_epochs=2", f"ckpt_path={half}/checkpoints/last.ckpt"
    )
    assert metrics(resumed)["test/perplexity"] == metrics(whole)["test/perplexity"]


def test_frozen_word_vectors_stay_and_the_checkpoint_needs_no_file(train, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("3 8\na 1 2 3 4 5 6 7 8\nthe 8 7 6 5 4 3 2 1\nzebra 0 0 0 0 0 0 0 0\n")
    vectors = f"word_vectors={path}"
    frozen = train("frozen", vectors, "model.frozen_embedding=true")
    trained = train("trained", vectors)
    path.unlink()
    assert (
        metrics(trained)["parameters"] - metrics(frozen)["parameters"]
        == 8 * (metrics(frozen)["vocabulary"])
    )
    for run, stays in ((frozen, True), (trained, False)):
        model = patentlm.load(run, device="cpu")
        weight = model.network.embedding.weight[model.vocabulary.ids["a"]].detach()
        start = torch.arange(1.0, 9.0)
        assert torch.equal(weight, start) == stays
        assert torch.allclose(weight, start, atol=1)
        assert model.network.size == metrics(run)["parameters"]
    assert "vectors of 2 of" in (frozen / "train.log").read_text()
