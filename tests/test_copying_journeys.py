"""Journeys with copying and adaptation through the real scripts."""

import json
import re

import pytest

from tests.test_journeys import ONE_EPOCH

SMALL = (
    "model.embedding_size=8",
    "model.hidden_size=8",
    "optimizer.lr=0.01",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.log_every_n_steps=1",
    "callbacks.progress.refresh_rate=0",
    "samples.max_words=20",
    "data=file",
)
ABSTRACT = ("windows=abstract", "windows.batch_size=4")
WINDOW = ("windows.length=10", "windows.batch_size=64")


@pytest.fixture
def train(run_script, patents_csv, tmp_path):
    def run(*arguments):
        path, folder = f"data.path={patents_csv}", tmp_path / "run"
        run_script("train", *SMALL, path, f"hydra.run.dir={folder}", *arguments)
        return folder

    return run


@pytest.fixture
def shown(run_script, capsys):
    """What a script prints."""

    def run(*arguments):
        capsys.readouterr()
        run_script(*arguments)
        return capsys.readouterr().out

    return run


def perplexity(table, name):
    (line,) = [line for line in table.splitlines() if line.startswith(name)]
    return float(re.split(r"\s{2,}", line)[3])


@pytest.mark.parametrize("windows", [ABSTRACT, WINDOW], ids=["abstract", "many_to_one"])
def test_a_pointer_is_trained_scored_and_writes(train, shown, windows):
    folder = train(*windows, "model/head=pointer_sentinel")
    found = json.loads((folder / "metrics.json").read_text())
    table = shown("evaluate", f"checkpoint={folder}", f"path={folder / 'scores.json'}")
    assert perplexity(table, str(folder)) == pytest.approx(found["test/perplexity"], abs=0.006)
    copied = json.loads((folder / "scores.json").read_text())[str(folder)]["test/copied"]
    assert 0 < copied < 1
    assert re.search(rf"^{re.escape(str(folder))} .* {copied:.1%}$", table, re.M)
    written = shown("generate", f"checkpoint={folder}", "prompt=a neural network", "max_words=9")
    assert written.startswith("A neural network")


def test_a_cache_and_an_adaptation_are_tuned_on_valid_and_used(small_run, shown):
    folder = small_run
    plain = perplexity(shown("evaluate", f"checkpoint={folder}", "split=valid"), str(folder))
    both = ("cache=neural", "adaptation=dynamic", "adaptation.batches=5")
    calibrated = (*both, "report=calibration", "report.abstracts=3")
    found = shown("evaluate", f"checkpoint={folder}", *calibrated).strip()
    assert re.match(rf"{folder}: valid, \d+ targets: perplexity [\d.]+ with\n", found)
    arguments = found.splitlines()[1].split()
    assert [argument.split("=")[0] for argument in arguments] == [
        "adaptation", "adaptation.learning_rate", "adaptation.decay",
        "cache", "cache.theta", "cache.weight",
    ]  # fmt: skip
    table = shown("evaluate", f"checkpoint={folder}", "split=valid", *arguments)
    name = f"{folder} + dynamic evaluation + neural cache"
    assert perplexity(table, name) < plain
    written = shown("generate", f"checkpoint={folder}", "prompt=the", "max_words=9", *arguments)
    assert written.startswith("The")
    few = ("report=text", "samples.count=2", "samples.max_words=9")
    beside = shown("evaluate", f"checkpoint={folder}", *few, "cache=neural")
    assert f"{folder} + neural cache: " in beside
    assert beside != shown("evaluate", f"checkpoint={folder}", *few)


@pytest.mark.parametrize(
    ("word", "settings"),
    [("a", (*ABSTRACT, "tokenizer=bpe", "tokenizer.vocabulary=300")), ("of", WINDOW)],
    ids=["pieces", "many_to_one"],
)  # fmt: skip
def test_what_a_prompt_says_is_learned_before_writing(train, shown, word, settings):
    write = (
        "generate", f"checkpoint={train(*settings)}", f"prompt={f'{word} ' * 20}", "count=2",
        "max_words=3", "sampling=greedy", "sampling.no_repeat_ngram=0",
    )  # fmt: skip
    adapting = ("adaptation=dynamic", "adaptation.segment=3", "adaptation.learning_rate=0.05")
    learned = word.capitalize() + f" {word}" * 22
    assert learned not in shown(*write)
    assert shown(*write, *adapting) == f"{learned} …\n\n{learned} …\n"
    assert shown(*write, *adapting, "cache=neural") == f"{learned} …\n\n{learned} …\n"


def test_models_that_look_back_a_window_are_cached_and_adapted_too(trained, shown):
    folder = trained(*ONE_EPOCH)
    plain = perplexity(shown("evaluate", f"checkpoint={folder}"), str(folder))
    weight = ("cache=neural", "cache.weight=0")
    still = ("adaptation=dynamic", "adaptation.batches=1", "adaptation.learning_rate=0")
    table = shown("evaluate", f"checkpoint={folder}", *weight, *still)
    assert perplexity(table, str(folder)) == pytest.approx(plain, abs=0.011)


def test_mistakes_are_told_in_one_line(small_run, run_script, capsys):
    badly_cached = ("cache=neural", "cache.weight=2")
    badly_adapted = ("adaptation=dynamic", "adaptation.segment=0")
    wildly = ("prompt=the", "adaptation=dynamic", "adaptation.learning_rate=1e39")
    for script, arguments, said in (
        ("evaluate", badly_cached, "error: cache.weight=2: must be a number"),
        ("evaluate", badly_adapted, "error: adaptation.segment=0: must be a whole number"),
        (
            "evaluate",
            ["report=calibration"],
            "error: report=calibration has nothing to tune; give cache=",
        ),
        ("evaluate", ["report=text", "adaptation=dynamic"], "error: report=text writes without a"),
        ("generate", badly_cached, "error: cache.weight=2: must be a number"),
        (
            "generate",
            ["prompt=the", *badly_adapted],
            "error: adaptation.segment=0: must be a whole number",
        ),
        ("generate", wildly, "error: adaptation.learning_rate=1e+39 is too high for this model"),
        ("generate", ["adaptation=dynamic"], "error: adaptation=dynamic learns from the prompt"),
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            run_script(script, f"checkpoint={small_run}", *arguments)
        assert said in capsys.readouterr().err
