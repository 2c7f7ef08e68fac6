"""From a file of real patents to a model that copies and writes, with the README's command."""

import json

import pytest

pytestmark = pytest.mark.real_data


def test_a_file_of_patents_becomes_a_model_end_to_end(real_data, train, shown, metrics):
    path = real_data / "neural_network_patents.csv"
    short = "trainer.max_epochs=1 trainer.limit_train_batches=0.5"
    run = train(f"data=file data.path={path} experiment=quick {short}")
    counts = json.loads((run / "run.json").read_text())["counts"]
    assert counts["rows"] == 3_522
    assert counts["exact_duplicates"] > 341
    assert metrics(run)["test/perplexity"] < 78  # three seeds have 67 to 71
    written = shown("generate", f"checkpoint={run}", "prompt=a neural network", "max_words=60")
    assert written.lower().startswith("a neural network")
