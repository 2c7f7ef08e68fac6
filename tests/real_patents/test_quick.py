"""`experiment=quick` without copying on the fixed split, and what follows a training."""

import json

import pytest

import patentlm

pytestmark = pytest.mark.real_data

HALF = "trainer.max_epochs=1 trainer.limit_train_batches=0.5"
PIECES = "tokenizer=bpe tokenizer.vocabulary=4000"


@pytest.fixture(scope="module")
def quick(train, split):
    """Trains with some more arguments."""
    return lambda arguments: train(f"{split} experiment=quick model/head=tied {arguments}")


@pytest.fixture(scope="module")
def quick_run(quick):
    return quick(HALF)


def test_half_an_epoch_is_better_than_frequencies_by_far(quick_run, metrics):
    """They have 371 on test; three seeds have 189 to 198 on valid."""
    assert metrics(quick_run)["valid/perplexity"] < 220


@pytest.mark.long
def test_two_epochs_are_as_good_as_keras_at_its_best_and_pieces_as_good_as_words(quick, metrics):
    by_words, by_pieces = metrics(quick("")), metrics(quick(PIECES))
    assert by_words["valid/perplexity"] < 95.4
    assert by_pieces["test/bits_per_character"] < 1.1 * by_words["test/bits_per_character"]


def test_pieces_and_words_are_compared_by_character(quick, quick_run, shown, metrics):
    """No piece is unknown, so these predict more of the same texts, and are soon about as good."""
    pieces = quick(f"{HALF} {PIECES}")
    assert "bits/char" in shown("evaluate", f"checkpoint={quick_run},{pieces}")
    by_words, by_pieces = metrics(quick_run), metrics(pieces)
    assert by_pieces["test/targets"] > by_words["test/targets"]
    assert by_pieces["test/bits_per_character"] < 1.2 * by_words["test/bits_per_character"]
    written = shown("generate", f"checkpoint={pieces}", "prompt=a neural network", "max_words=30")
    assert "a neural network" in written.lower()


def test_a_trained_model_is_a_head_start(quick, quick_run, metrics):
    """Half an epoch after the other's half: better than the same from nothing."""
    tuned = quick(f"{HALF} init_from={quick_run}")
    assert metrics(tuned)["test/perplexity"] < 0.8 * metrics(quick_run)["test/perplexity"]


def test_word_vectors_can_be_those_of_another_run(quick, quick_run, tmp_path, metrics):
    """The vectors that a model has learned, as a text file that another one starts with."""
    model = patentlm.load(quick_run)
    rows = zip(model.vocabulary.tokens, model.network.embedding.weight.tolist(), strict=True)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows))
    short = "trainer.max_epochs=1 trainer.limit_train_batches=10"
    frozen = quick(f"{short} word_vectors={vectors} model.frozen_embedding=true")
    started = patentlm.load(frozen).network.embedding.weight
    assert (started == model.network.embedding.weight).all(dim=1).float().mean() > 0.99
    assert metrics(frozen)["parameters"] < metrics(quick_run)["parameters"]


def test_a_cache_knows_that_patents_repeat_themselves(quick_run, shown, metrics):
    table = shown("evaluate", f"checkpoint={quick_run}", "cache=neural")
    row = next(row for row in table.splitlines() if row.startswith(f"{quick_run} + neural cache"))
    with_cache = float(row.split(" abstract ")[1].split()[0])
    assert with_cache < 0.7 * metrics(quick_run)["test/perplexity"]


def test_what_it_writes_stands_beside_real_abstracts(quick_run, shown):
    table = shown("evaluate", f"checkpoint={quick_run}", "report=text", "samples.count=20")
    assert "real (test)" in table
    for figure in ("distinct-2", "repeated 4-grams", "8-grams in train", "longest run in train"):
        assert figure in table
    written = shown("generate", f"checkpoint={quick_run}", "novelty=true", "format=jsonl")
    assert json.loads(written)["copied"]["longest"] >= 1
