"""What a run tells TensorBoard, read back from its event files."""

from math import exp
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import get_experiment, list_session_groups
from tensorboard.plugins.hparams.api_pb2 import (
    GetExperimentRequest,
    ListSessionGroupsRequest,
    Status,
)
from tensorboard.plugins.hparams.backend_context import Context


@pytest.fixture
def run_folder(run_script, patents_csv, tmp_path):
    run_script(
        "train",
        "data=file",
        f"data.path={patents_csv}",
        "windows=abstract",
        "windows.batch_size=4",
        "model.hidden_size=8",
        "trainer=cpu",
        "trainer.max_epochs=2",
        "trainer.log_every_n_steps=2",
        "callbacks.progress.refresh_rate=0",
        "callbacks.throughput.gflops=true",
        "samples.max_words=10",
        f"hydra.run.dir={tmp_path}/run",
    )
    return tmp_path / "run"


def hparams_tab(folder):
    """The HParams tab as TensorBoard makes it of all runs below a folder: the names of settings
    and metrics, and both of every run."""
    runs = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    provider = MultiplexerDataProvider(runs, str(folder))
    asked = RequestContext(), Context(TBContext(data_provider=provider)), ""
    columns = get_experiment.Handler(*asked, GetExperimentRequest()).run()
    every = ListSessionGroupsRequest(allowed_statuses=Status.values(), slice_size=100)
    rows = list_session_groups.Handler(*asked, every).run().session_groups
    return SimpleNamespace(
        settings=[info.name for info in columns.hparam_infos],
        metrics=[info.name.tag for info in columns.metric_infos],
        rows={row.name: row.hparams for row in rows},
        values={row.name: {m.name.tag: m.value for m in row.metric_values} for row in rows},
    )


def test_a_run_explains_itself(run_folder):
    events = EventAccumulator(str(run_folder)).Reload()
    tags = events.Tags()
    parts = {
        "train": ("loss", "perplexity", "accuracy", "learning_rate", "words_per_second", "gflops"),
        "valid": ("loss", "perplexity", "accuracy"),
        "test": ("loss", "perplexity", "accuracy"),
    }
    assert set(tags["scalars"]) == {f"{part}/{n}" for part, names in parts.items() for n in names}
    losses, perplexities, accuracies = (
        [event.value for event in events.Scalars(f"train/{name}")]
        for name in ("loss", "perplexity", "accuracy")
    )
    assert perplexities == pytest.approx([exp(loss) for loss in losses])
    assert all(0 <= accuracy < 1 for accuracy in accuracies)
    assert len(events.Scalars("valid/perplexity")) == 2
    assert len(events.Scalars("test/perplexity")) == 1
    assert all(event.value > 0 for event in events.Scalars("train/words_per_second"))

    texts = events.Tensors("samples/text_summary")
    assert len(texts) == 2
    assert b"after epoch 2 on patents.csv" in texts[1].tensor_proto.string_val[0]

    (words,) = run_folder.glob("*/embedding/metadata.tsv")
    (vectors,) = run_folder.glob("*/embedding/tensors.tsv")
    assert words.read_text("utf-8").splitlines()[:2] == ["<end>", "<unk>"]
    assert len(words.read_text("utf-8").splitlines()) == len(vectors.read_text().splitlines())


def test_hyperparameters_stand_beside_the_metrics_they_led_to(run_folder):
    tab = hparams_tab(run_folder.parent)
    settings, values = tab.rows["run"], tab.values["run"]
    assert settings["model.hidden_size"].number_value == 8
    assert settings["windows"].string_value == "abstract"
    assert settings["model"].string_value == "lstm_small"
    assert settings["seed"].number_value == 1
    assert "optimizer.lr" not in settings  # nobody asked for it
    assert tab.metrics[:3] == ["test/accuracy", "test/loss", "test/perplexity"]
    assert values["test/perplexity"] == pytest.approx(exp(values["test/loss"]), rel=1e-4)


def test_one_table_shows_what_sets_runs_and_the_jobs_of_a_sweep_apart(run_script, tmp_path):
    tiny = "debug=fast", "data.count=60", "trainer=cpu", "windows=abstract"
    quiet = "callbacks.progress.refresh_rate=0"
    run_script("train", *tiny, quiet, "seed=2", f"hydra.run.dir={tmp_path}/outputs/alone")
    run_script(
        "train", "-m", *tiny, quiet, "optimizer.lr=0.1,0.2", "model=lstm_small,lstm_medium",
        f"hydra.sweep.dir={tmp_path}/outputs/sweep",
    )  # fmt: skip
    tab = hparams_tab(tmp_path / "outputs")
    assert tab.settings[:3] == ["model", "optimizer.lr", "seed"]  # those that differ come first
    assert {"data.count", "trainer", "windows"} <= set(tab.settings[3:])
    jobs = {
        f"sweep/model={model},optimizer.lr={lr}": (model, lr)
        for model in ("lstm_small", "lstm_medium")
        for lr in (0.1, 0.2)
    }
    assert tab.rows.keys() == {"alone", *jobs}
    for name, (model, lr) in jobs.items():
        assert tab.rows[name].keys() == {"model", "optimizer.lr", "seed"}
        assert tab.rows[name]["model"].string_value == model
        assert tab.rows[name]["optimizer.lr"].number_value == lr
    assert tab.rows["alone"]["seed"].number_value == 2
    assert all(values["test/perplexity"] > 1 for values in tab.values.values())
