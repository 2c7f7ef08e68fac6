"""What a run tells TensorBoard, read back from its event files."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData


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


def test_a_run_explains_itself(run_folder):
    events = EventAccumulator(str(run_folder)).Reload()
    tags = events.Tags()
    parts = {
        "train": ("loss", "perplexity", "accuracy", "learning_rate", "words_per_second", "gflops"),
        "valid": ("loss", "perplexity", "accuracy"),
        "test": ("loss", "perplexity", "accuracy"),
    }
    for part, names in parts.items():
        assert {f"{part}/{name}" for name in names} <= set(tags["scalars"])
    assert not [tag for tag in tags["scalars"] if "hp_metric" in tag]
    assert len(events.Scalars("valid/perplexity")) == 2
    assert len(events.Scalars("test/perplexity")) == 1
    assert all(event.value > 0 for event in events.Scalars("train/words_per_second"))

    texts = events.Tensors("samples/text_summary")
    assert len(texts) == 2
    assert b"after 2 epochs on patents.csv" in texts[1].tensor_proto.string_val[0]

    (words,) = run_folder.glob("*/embedding/metadata.tsv")
    (vectors,) = run_folder.glob("*/embedding/tensors.tsv")
    assert words.read_text("utf-8").splitlines()[:2] == ["<end>", "<unk>"]
    assert len(words.read_text("utf-8").splitlines()) == len(vectors.read_text().splitlines())


def test_hyperparameters_stand_with_the_metrics_they_led_to(run_folder):
    events = EventAccumulator(str(run_folder)).Reload()
    session = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    settings = HParamsPluginData.FromString(session).session_start_info.hparams
    assert settings["model.hidden_size"].number_value == 8
    assert settings["windows"].string_value == "abstract"
    assert settings["model"].string_value == "lstm_small"
    assert settings["seed"].number_value == 1
    assert "optimizer.lr" not in settings  # nobody asked for it
    experiment = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    infos = HParamsPluginData.FromString(experiment).experiment.metric_infos
    metrics = {info.name.tag for info in infos}
    assert metrics == {"test/perplexity", "test/loss", "test/accuracy"}
    assert metrics <= set(events.Tags()["scalars"])


def test_jobs_of_a_sweep_show_what_sets_them_apart(run_script, tmp_path):
    run_script(
        "train", "-m", "debug=fast", "data.count=60", "trainer=cpu", "optimizer.lr=0.1,0.2",
        "model=lstm_small,lstm_medium", "windows=abstract", "callbacks.progress.refresh_rate=0",
        f"hydra.sweep.dir={tmp_path}/sweep",
    )  # fmt: skip
    folder = tmp_path / "sweep" / "model=lstm_medium,optimizer.lr=0.2"
    events = EventAccumulator(str(folder)).Reload()
    session = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    settings = HParamsPluginData.FromString(session).session_start_info.hparams
    assert settings.keys() == {"model", "optimizer.lr", "seed"}
    assert settings["model"].string_value == "lstm_medium"
    assert settings["optimizer.lr"].number_value == 0.2
    assert len(events.Scalars("test/perplexity")) == 1
