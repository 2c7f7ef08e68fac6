"""The scripts' own inputs: paths, prompts, devices, and what a run is told once."""

import json
import shutil

import pytest
import torch

import patentlm
from patentlm.data.byte_pairs import BytePairTokenizer
from patentlm.data.words import Vocabulary
from patentlm.errors import ConfigError, DataError
from patentlm.reports.comparison import own_data, paths_in
from patentlm.settings.hooks import job_name


def test_a_comma_belongs_to_a_path_that_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("lr=0.1,seed=1", "other"):
        (tmp_path / name).mkdir()
    assert paths_in("lr=0.1,seed=1") == ["lr=0.1,seed=1"]
    assert paths_in("other,lr=0.1,seed=1, other") == ["other", "lr=0.1,seed=1", "other"]
    assert paths_in("nothing,other") == ["nothing", "other"]


def test_the_name_of_a_job_fits_a_folder():
    short = "seed=1,model.layers=2"
    long = ",".join(f"model.setting{at}=0.123456" for at in range(20))
    assert job_name(short) == short
    assert len(job_name(long).encode()) <= 200
    assert job_name(long) != job_name(long + "1")
    assert len(job_name("é" * 300).encode()) <= 200


def test_relative_paths_mean_what_they_did_where_a_script_was_started(
    run_script, patents_csv, tmp_path, capsys
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(patents_csv, tmp_path / "patents.csv")
    run_script(
        "train", "data=file", "data.path=patents.csv", "windows=abstract", "windows.batch_size=4",
        "model.hidden_size=4", "model.embedding_size=4", "trainer=cpu", "trainer.max_epochs=1",
        "trainer.precision=32-true", "callbacks.progress.refresh_rate=0", "samples.max_words=3",
        "hydra.run.dir=run", "hydra.job.chdir=true",
    )  # fmt: skip
    capsys.readouterr()
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for moved in ("false", "true"):
        run_script("evaluate", "checkpoint=../run", f"hydra.job.chdir={moved}", folder=elsewhere)
        assert f"{found['test/perplexity']:.2f}" in capsys.readouterr().out
    two = "checkpoint=../run+../run"
    run_script("evaluate", two, "hydra.job.chdir=true", folder=elsewhere)
    assert f"{found['test/perplexity']:.2f}" in capsys.readouterr().out


CASED = Vocabulary(["<end>", "<unk>", "The", "neural", "network", ".", "U.S.", "<pad>"])


def test_a_corpus_with_capitals_is_read_as_it_was():
    assert CASED.read("The neural U.S. Network.") == ["The", "neural", "U.S.", "Network."]
    assert CASED.read("neural network.") == ["neural", "network", "."]
    assert CASED.unknown("the neural The") == ["the"]


def test_a_corpus_without_capitals_is_read_in_lower_case():
    lower = Vocabulary(["<end>", "<unk>", "the", "network"])
    assert lower.read("The Network") == ["the", "network"]


def test_pieces_of_a_corpus_with_capitals_keep_them():
    import numpy as np

    tokenizer = BytePairTokenizer(vocabulary=260)
    counts = np.array([50, 40])
    cased = tokenizer.train(["Theory", "network"], counts, tokenised=True)
    lower = tokenizer.train(["theory", "network"], counts, tokenised=True)
    assert cased.read("The Theory") == ["The", "Theory"]
    assert lower.read("The Theory") == ["the", "theory"]


def test_lone_surrogates_are_one_line():
    with pytest.raises(DataError, match=r"'a\\ud800' holds lone surrogates"):
        CASED.read("a\ud800")


@pytest.mark.parametrize("with_capitals", [False, True])
def test_the_perplexity_of_a_corpus_is_that_of_its_lines(
    run_script, tmp_path, capsys, with_capitals
):
    line = "The neural network learns a U.S. map ." if with_capitals else "the network learns ."
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("train", "valid", "test"):
        (folder / f"{name}.txt").write_text(f"{line}\n" * 8 + "Unseen-here !\n" * (name == "test"))
    run_script(
        "train", "data=corpus", "data.path=corpus", "windows=abstract", "windows.batch_size=2",
        "model.hidden_size=4", "model.embedding_size=4", "trainer=cpu", "trainer.max_epochs=1",
        "trainer.log_every_n_steps=1", "callbacks.progress.refresh_rate=0", "samples.count=0",
        "hydra.run.dir=run", "trainer.precision=32-true",
    )  # fmt: skip
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    model = patentlm.load(tmp_path / "run", device="cpu")
    lines = (folder / "test.txt").read_text().splitlines()
    assert model.metadata.data["path"] == str(folder)
    if with_capitals:
        assert model.perplexity(lines) == pytest.approx(found["test/perplexity"], rel=1e-5)
    capsys.readouterr()
    run_script("evaluate", "checkpoint=run", "ngram_order=2")
    assert (
        f"note: reads {folder}, which the checkpoint names as its data" in capsys.readouterr().err
    )


def test_texts_are_written_as_the_run_was_told(small_run, run_script, capsys):
    model = patentlm.load(small_run)
    run_script("generate", f"checkpoint={small_run}", "prompt=A neural", "count=2", "seed=3")
    written = capsys.readouterr().out.strip().split("\n\n")
    texts = model.generate("A neural", count=2, seed=3)
    assert [text.removesuffix(" …") for text in written] == texts
    run_script("generate", f"checkpoint={small_run}", "sampling.temperature=0", "max_words=4")
    (greedy,) = capsys.readouterr().out.strip().split("\n\n")
    assert greedy.removesuffix(" …") == model.generate(temperature=0, max_words=4)[0]


def test_filters_that_are_given_stand_in_place_of_the_runs_own(small_run):
    model = patentlm.load(small_run)
    own = model.metadata.sampling
    given = dict.fromkeys(own) | {"temperature": 0.5}
    assert model.sampling_of(given) == own | {"temperature": 0.5}
    assert model.sampling_of({"top_k": 3}) == {"top_k": 3}


def test_a_device_that_is_not_there_is_one_line(small_run):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    for device in ("cuda", "cuda:7", "mps"):
        with pytest.raises(ConfigError, match=f"device={device}: this machine has no such device"):
            patentlm.load(small_run, device=device)


def test_hosts_are_never_taken_from_a_checkpoint(small_run, capsys):
    from dataclasses import replace

    metadata = patentlm.load(small_run).metadata
    found = own_data(replace(metadata, data={"api_url": "https://evil.example/api"}))
    assert found == {"api_url": "https://api.uspto.gov/api/v1"}
    assert own_data(metadata)["path"] == metadata.data["path"]
    shown = capsys.readouterr().err
    assert shown == f"note: reads {metadata.data['path']}, which the checkpoint names as its data\n"
    with pytest.raises(DataError, match=r"give data=…"):
        own_data(replace(metadata, data={}))
