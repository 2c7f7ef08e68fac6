"""Journeys on real patents, through the scripts as people start them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import patentlm

pytestmark = pytest.mark.real_data

ROOT = Path(__file__).parent.parent
PROMPTS = ("a neural network", "a method for training", "")
SAMPLINGS = ("greedy", "temperature", "top_k", "nucleus", "min_p")


def python(script: str, *arguments: str) -> str:
    """What a script prints to stdout; it must succeed."""
    command = [sys.executable, ROOT / script, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def seed_run(real_data, tmp_path_factory):
    """The classic network on the fixed split; four epochs, so that CI stays short."""
    folder = tmp_path_factory.mktemp("seed") / "run"
    python(
        "train.py",
        "data=corpus",
        f"data.path={real_data}/neural_network_split",
        "experiment=seed",
        "trainer.max_epochs=4",
        "callbacks.progress.refresh_rate=0",
        f"hydra.run.dir={folder}",
    )
    return folder


def test_the_missions_model_is_as_good_as_in_keras(seed_run):
    metrics = json.loads((seed_run / "metrics.json").read_text())
    assert metrics["test/targets"] == 48_633
    assert metrics["vocabulary"] == 5_963
    assert metrics["valid/perplexity"] < 95.4 * 1.01
    assert metrics["test/perplexity"] < 91.4 * 1.01


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_it_writes_several_abstracts_reproducibly(seed_run, sampling):
    for prompt in PROMPTS:
        arguments = (
            f"checkpoint={seed_run}",
            f"prompt={prompt}",
            "count=3",
            "seed=1",
            f"sampling={sampling}",
            "sampling.repetition_penalty=1.1",
            "sampling.no_repeat_ngram=4",
            "format=jsonl",
        )
        written = python("generate.py", *arguments)
        assert prompt or written == python("generate.py", *arguments)
        texts = [json.loads(line) for line in written.splitlines()]
        assert len(texts) == 3
        for text in texts:
            assert text["text"].lower().startswith(prompt)
            assert text["finished"] or text["words"] == 250
            assert "<unk>" not in text["text"]


def test_one_table_compares_it_with_the_baselines(seed_run):
    table = python("evaluate.py", f"checkpoint={seed_run}")
    print(table)
    metrics = json.loads((seed_run / "metrics.json").read_text())
    assert "48,633 targets" in table
    assert f"{metrics['test/perplexity']:.2f}" in table
    assert "100.33" in table  # Kneser-Ney, which nothing but the split decides


def test_a_file_of_patents_becomes_a_model_end_to_end(real_data, tmp_path):
    path = f"data.path={real_data}/neural_network_patents.csv"
    shown = python(
        "train.py",
        "data=file",
        path,
        "trainer.max_epochs=1",
        "callbacks.progress.refresh_rate=0",
        f"hydra.run.dir={tmp_path}/run",
    )
    print(shown)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["counts"]["rows"] == 3_522
    assert record["counts"]["exact_duplicates"] > 341
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["test/perplexity"] < 200


@pytest.fixture(scope="module")
def quick(real_data, tmp_path_factory):
    """Trains `experiment=quick` without copying on the fixed split, a little changed."""

    def train(name, *arguments):
        folder = tmp_path_factory.mktemp("quick") / name
        python(
            "train.py",
            "data=corpus",
            f"data.path={real_data}/neural_network_split",
            "experiment=quick",
            "model/head=tied",
            "callbacks.progress.refresh_rate=0",
            f"hydra.run.dir={folder}",
            *arguments,
        )
        return folder

    return train


@pytest.fixture(scope="module")
def quick_run(quick):
    return quick("run")


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_quick_is_as_good_as_keras_at_its_best(quick_run):
    assert metrics_of(quick_run)["valid/perplexity"] < 95.4


def test_pieces_and_words_are_compared_by_character(quick, quick_run):
    """No piece is unknown, so these predict more of the same texts, and are about as good."""
    pieces = quick("pieces", "tokenizer=bpe", "tokenizer.vocabulary=4000")
    print(python("evaluate.py", f"checkpoint={quick_run},{pieces}"))
    by_words, by_pieces = (metrics_of(run) for run in (quick_run, pieces))
    assert by_pieces["test/targets"] > by_words["test/targets"]
    assert by_pieces["test/bits_per_character"] < 1.1 * by_words["test/bits_per_character"]
    assert (
        "a neural network"
        in python("generate.py", f"checkpoint={pieces}", "prompt=a neural network").lower()
    )


def test_a_trained_model_is_a_head_start(quick, quick_run):
    """Half an epoch after the other's two: better than the same from nothing."""
    half = ("trainer.max_epochs=1", "trainer.limit_train_batches=0.5")
    fresh, tuned = quick("fresh", *half), quick("tuned", *half, f"init_from={quick_run}")
    assert metrics_of(tuned)["test/perplexity"] < 0.7 * metrics_of(fresh)["test/perplexity"]


def test_word_vectors_can_be_those_of_another_run(quick, quick_run, tmp_path):
    """The vectors that a model has learned, as a text file that another one starts with."""
    model = patentlm.load(quick_run)
    rows = zip(model.vocabulary.tokens, model.network.embedding.weight.tolist(), strict=True)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows))
    short = ("trainer.max_epochs=1", "trainer.limit_train_batches=0.5")
    frozen = quick("frozen", *short, f"word_vectors={vectors}", "model.frozen_embedding=true")
    started = patentlm.load(frozen).network.embedding.weight
    assert (started == model.network.embedding.weight).all(dim=1).float().mean() > 0.99
    assert metrics_of(frozen)["parameters"] < metrics_of(quick_run)["parameters"]


def test_a_cache_knows_that_patents_repeat_themselves(quick_run):
    plain = json.loads((quick_run / "metrics.json").read_text())["test/perplexity"]
    table = python("evaluate.py", f"checkpoint={quick_run}", "cache=neural")
    print(table)
    row = next(row for row in table.splitlines() if row.startswith(f"{quick_run} + neural cache"))
    with_cache = float(row.split(" abstract ")[1].split()[0])
    assert with_cache < 0.7 * plain


def test_what_it_writes_stands_beside_real_abstracts(quick_run):
    shown = python("evaluate.py", f"checkpoint={quick_run}", "report=text", "samples.count=40")
    print(shown)
    assert "real (test)" in shown
    for figure in ("distinct-2", "repeated 4-grams", "8-grams in train", "longest run in train"):
        assert figure in shown
    written = python("generate.py", f"checkpoint={quick_run}", "novelty=true", "format=jsonl")
    assert json.loads(written)["copied"]["longest"] >= 1
