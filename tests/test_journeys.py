"""Whole journeys through the real scripts: train → resume → evaluate → generate."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import patentlm

SMALL = (
    "model.embedding_size=8",
    "model.hidden_size=16",
    "windows.batch_size=64",
    "optimizer.lr=0.01",
    "trainer=cpu",
    "trainer.log_every_n_steps=1",
    "callbacks.progress.refresh_rate=0",
    "samples.max_words=30",
)
ONE_EPOCH = (
    "windows=many_to_one", "windows.length=5", "windows.batch_size=64", "trainer.max_epochs=1",
    "trainer.limit_train_batches=40",
)  # fmt: skip
FEW = "trainer.limit_train_batches=5"
"""For what a training leaves behind, not for what it learns."""


@pytest.fixture
def train(run_script, patents_csv, tmp_path):
    """Trains on tiny patents and gives the run's folder."""

    def run(name: str, *arguments: str) -> Path:
        folder = tmp_path / name
        data = () if any(a.startswith("data=") for a in arguments) else ("data=file",)
        path = (f"data.path={patents_csv}",) if data else ()
        run_script("train", *data, *path, *SMALL, f"hydra.run.dir={folder}", *arguments)
        return folder

    return run


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def perplexity_in_table(text: str, name: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return float(re.split(r"\s{2,}", line)[3])


def test_a_run_leaves_behind_what_it_promises(train, capsys):
    folder = train("run", "trainer.max_epochs=2", FEW, "windows.length=10", "seed=7")
    shown = capsys.readouterr().out
    for name in (
        ".hydra/config.yaml", "checkpoints/best.ckpt", "checkpoints/last.ckpt",
        "train.log", "samples.txt", "metrics.json", "run.json",
    ):  # fmt: skip
        assert (folder / name).is_file(), name
    found = metrics(folder)
    assert found.keys() >= {
        "test/perplexity", "test/loss", "test/accuracy", "test/targets", "valid/perplexity",
        "parameters", "vocabulary", "epochs", "fit/seconds", "train/words_per_second", "seed",
    }  # fmt: skip
    record = json.loads((folder / "run.json").read_text())
    assert found["seed"] == 7
    assert found["epochs"] == 2
    assert found["test/targets"] == record["counts"]["test_targets"]
    assert found["data/fingerprint"] == record["fingerprint"]
    assert record["versions"].keys() >= {"python", "torch", "patentlm"}
    for line in ("this model", "unigram", "most common word", "patents.csv: test,"):
        assert line in shown
    assert "exact duplicates" in (folder / "train.log").read_text()
    assert len(re.findall(r"^\d\. ", (folder / "samples.txt").read_text(), re.MULTILINE)) == 3


@pytest.mark.parametrize("windows", ["many_to_one", "every_word", "abstract", "stream"])
def test_all_windowings_are_tested_on_the_same_targets(train, run_script, capsys, windows):
    length = () if windows == "abstract" else ("windows.length=10",)
    settings = ("windows.batch_size=4", "trainer.max_epochs=1", FEW)
    folder = train("run", f"windows={windows}", *length, *settings)
    found = metrics(folder)
    counts = json.loads((folder / "run.json").read_text())["counts"]
    assert found["test/targets"] == counts["test_targets"]
    capsys.readouterr()
    run_script("evaluate", f"checkpoint={folder}")
    table = capsys.readouterr().out
    assert perplexity_in_table(table, str(folder)) == pytest.approx(
        found["test/perplexity"], abs=0.006
    )


def test_a_corpus_that_is_one_running_text_is_tested_as_one_and_marked(train, run_script, capsys):
    settings = ("windows=stream", "windows.running_text=true", "windows.batch_size=4")
    folder = train("run", *settings, "trainer.max_epochs=1", FEW)
    assert metrics(folder)["test/context"] == "running text"
    counts = json.loads((folder / "run.json").read_text())["counts"]
    assert metrics(folder)["test/targets"] == counts["test_targets"]
    capsys.readouterr()
    run_script("evaluate", f"checkpoint={folder}")
    table = capsys.readouterr().out
    assert "running text" in table
    assert perplexity_in_table(table, str(folder)) == pytest.approx(
        metrics(folder)["test/perplexity"], abs=0.006
    )


def test_a_resumed_run_ends_like_one_that_was_not_interrupted(train):
    settings = (
        "windows=abstract", "windows.batch_size=4", "model.dropout=0.3", "model.layers=2",
        "scheduler=exponential",
    )  # fmt: skip
    whole = train("whole", *settings, "trainer.max_epochs=3")
    half = train("half", *settings, "trainer.max_epochs=1")
    resumed = train(
        "resumed", *settings, "trainer.max_epochs=3", f"ckpt_path={half}/checkpoints/last.ckpt"
    )
    for name in ("test/perplexity", "valid/perplexity", "test/accuracy", "epochs", "parameters"):
        assert metrics(resumed)[name] == metrics(whole)[name], name
    assert (resumed / "samples.txt").read_text() == (whole / "samples.txt").read_text()
    weights = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in (whole, resumed)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    texts = [patentlm.load(run).generate("a neural", count=2, seed=5) for run in (whole, resumed)]
    assert texts[0] == texts[1]


def test_a_resumed_run_goes_on_with_muon_a_cycle_and_averaged_weights(train, capsys):
    settings = (
        "experiment=best_cpu", "callbacks=ema", "windows.batch_size=4",
        "trainer.max_epochs=3", FEW,
    )  # fmt: skip
    whole = train("whole", *settings)
    half = train("half", *settings, "+callbacks.early_stopping.stopping_threshold=1e9")
    assert metrics(half)["epochs"] == 1
    last = f"ckpt_path={half}/checkpoints/last.ckpt"
    resumed = train("resumed", *settings, last)
    for name in ("test/perplexity", "valid/perplexity", "epochs"):
        assert metrics(resumed)[name] == metrics(whole)[name], name
    with pytest.raises(SystemExit):
        train("longer", *settings, last, "trainer.max_epochs=4")
    assert "can't be made longer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["minute", "five_minutes", "awd_lstm", "mogrifier", "best_cpu", "copying"]
)
def test_presets_train_and_write(train, run_script, capsys, name):
    folder = train("run", f"experiment={name}", "windows.batch_size=4", "trainer.max_epochs=1")
    assert metrics(folder)["test/perplexity"] < metrics(folder)["vocabulary"]
    capsys.readouterr()
    run_script("generate", f"checkpoint={folder}", "count=2", "max_words=5")
    assert len(capsys.readouterr().out.split("\n\n")) == 2


@pytest.mark.parametrize("callbacks", ["ema", "polynomial"])
def test_what_is_tested_and_kept_are_averaged_weights(train, callbacks):
    settings = ("windows=stream", "windows.random_length=true", "windows.batch_size=4")
    plain, averaged = (
        train(name, *settings, "trainer.max_epochs=1", *more)
        for name, more in (("plain", ()), ("averaged", (f"callbacks={callbacks}",)))
    )
    single, mean = (
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in (plain, averaged)
    )
    assert single.keys() == mean.keys()
    # Weights grow from small ones, so an average over the way there is smaller than its end.
    name = "network.recurrent.weight_hh_l0"
    assert not torch.equal(mean[name], single[name])
    assert mean["network.embedding.weight"].norm() < single["network.embedding.weight"].norm()
    assert metrics(averaged)["test/perplexity"] != metrics(plain)["test/perplexity"]


def test_a_resumed_run_keeps_the_best_of_the_run_before_it(train):
    # Rates that wreck what the first epoch learned, so that it stays the best.
    settings = (
        "windows=abstract", "windows.batch_size=4", "callbacks.early_stopping.patience=9",
        "scheduler=exponential", "scheduler.gamma=50",
    )  # fmt: skip
    first = train("first", *settings, "trainer.max_epochs=2")
    last = f"ckpt_path={first}/checkpoints/last.ckpt"
    resumed = train("resumed", *settings, "trainer.max_epochs=3", last)
    assert [metrics(run)["epochs"] for run in (first, resumed)] == [2, 3]
    for name in ("valid/perplexity", "test/perplexity"):
        assert metrics(resumed)[name] == metrics(first)[name]


def test_a_checkpoint_generates_where_the_corpus_is_absent(trained, run_script, tmp_path, capsys):
    # The cache of this test is empty.
    alone = shutil.copy(trained(*ONE_EPOCH) / "checkpoints" / "best.ckpt", tmp_path / "alone.ckpt")
    capsys.readouterr()
    run_script(
        "generate", f"checkpoint={alone}", "prompt=A zebra, (fast)", "count=2", "format=jsonl"
    )
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert len(lines) == 2
    assert all(line["text"].startswith("A zebra, (fast)") for line in lines)
    assert all(line.keys() == {"text", "words", "finished"} for line in lines)
    assert "not in the vocabulary, read as <unk>: zebra" in shown.err
    assert patentlm.load(alone).perplexity(["A neural network."]) > 1


@pytest.mark.parametrize("sampling", ["greedy", "temperature", "top_k", "nucleus", "min_p"])
def test_every_sampling_writes_reproducibly(trained, run_script, capsys, sampling):
    folder = trained(*ONE_EPOCH)
    capsys.readouterr()
    for _ in range(2):
        run_script("generate", f"checkpoint={folder}", f"sampling={sampling}", "max_words=20")
    shown = capsys.readouterr().out
    assert shown[: len(shown) // 2] == shown[len(shown) // 2 :]
    assert len(shown) > 20


def test_a_tokenised_corpus_is_used_as_it_is(train, tmp_path, capsys):
    corpus = tmp_path / "tiny"
    corpus.mkdir()
    for split in ("train", "valid", "test"):
        (corpus / f"{split}.txt").write_text("The <unk> once .\nthe neural net .\n" * 20)
    folder = train(
        "run", "data=corpus", f"data.path={corpus}", "windows.length=4", "trainer.max_epochs=1"
    )
    assert metrics(folder)["test/targets"] == 20 * 2 * 5
    # <end>, <unk>, The, the, once, neural, net and the dot.
    assert metrics(folder)["vocabulary"] == 8


def test_the_synthetic_corpus_is_labelled_wherever_it_shows(train, run_script, capsys):
    folder = train(
        "run", "data=sample", "data.count=60", "windows.length=5", "trainer.max_epochs=1", FEW
    )
    assert "synthetic" in (folder / "samples.txt").read_text()
    assert "sample (synthetic text): test" in capsys.readouterr().out
    run_script("generate", f"checkpoint={folder}", "max_words=5")
    assert "trained on sample (synthetic text)" in capsys.readouterr().err


def test_one_table_holds_several_checkpoints_and_the_baselines(trained, run_script, capsys):
    runs = [trained(*ONE_EPOCH), trained(*ONE_EPOCH, "seed=2")]
    capsys.readouterr()
    run_script("evaluate", f"checkpoint={runs[0]},{runs[1]}", "split=valid")
    table = capsys.readouterr().out
    assert "patents.csv: valid," in table
    for run in runs:
        assert perplexity_in_table(table, str(run)) == pytest.approx(
            metrics(run)["valid/perplexity"], abs=0.006
        )
    for name in ("Kneser-Ney 5-gram", "unigram", "most common word", "bits/word", "top-5"):
        assert name in table


def test_the_last_checkpoint_is_of_the_last_epoch_even_where_an_earlier_one_is_best(train):
    patient = "callbacks.early_stopping.patience=5"
    folder = train(
        "run", "trainer.max_epochs=3", FEW, "windows.length=5", "optimizer.lr=0", patient
    )
    epochs = {
        name: torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["epoch"]
        for name in ("best", "last")
    }
    assert epochs == {"best": 0, "last": 2}


def test_a_batch_can_be_learned_by_heart(train):
    sizes = ("windows.length=10", "model.embedding_size=100", "model.hidden_size=128")
    folder = train("run", "debug=overfit", *sizes)
    losses = EventAccumulator(str(folder)).Reload().Scalars("train/loss")
    assert len(losses) == 100
    assert losses[-1].value < 0.1 < 1 < losses[0].value


def test_a_quick_look_runs_everything(train):
    folder = train("run", "debug=fast", "windows.length=10", "profiler=simple")
    assert metrics(folder)["epochs"] == 1
    assert metrics(folder)["test/targets"] == 2 * 256
    assert "training_step" in (folder / "fit-profile.txt").read_text()
