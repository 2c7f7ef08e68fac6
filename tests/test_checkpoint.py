"""Checkpoints: what they hold, and what is refused."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

import patentlm
from patentlm.checkpoint import CheckpointMetadata, build_data, build_network, check_resumable, find
from patentlm.errors import CheckpointError

NETWORK = {
    "_target_": "patentlm.model.network.Network",
    "embedding_size": 3,
    "hidden_size": 4,
    "layers": 1,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "output_dropout": 0.0,
    "locked_dropout": False,
    "embedding_dropout": 0.0,
    "frozen_embedding": False,
    "cell": {"_target_": "torch.nn.LSTM", "_partial_": True},
    "head": {"_target_": "patentlm.model.head.SoftmaxHead", "_partial_": True},
}
VOCABULARY = ["<end>", "<unk>", "a", "neural", "network", "."]


def make_metadata(**changed) -> CheckpointMetadata:
    plain = {
        "network": NETWORK,
        "vocabulary": VOCABULARY,
        "context": None,
        "data": {},
        "tokenizer": {
            "_target_": "patentlm.data.words.WordTokenizer",
            "min_count": 1,
            "max_words": None,
        },
        "label": "tiny",
        "fingerprint": "0",
        "sampling": {"temperature": 1.0},
        "max_words": 20,
        "seed": 1,
        "versions": {},
    }
    return CheckpointMetadata(**{**plain, **changed})


def save(path: Path, **changed) -> Path:
    """A checkpoint as a run writes it, with its entries changed."""
    network = build_network(NETWORK, vocabulary=len(VOCABULARY))
    weights = {f"network.{name}": weight for name, weight in network.state_dict().items()}
    plain = {"state_dict": weights, **make_metadata().as_entry()}
    torch.save({**plain, **changed}, path)
    return path


def test_a_checkpoint_writes_and_scores_without_its_corpus(tmp_path):
    model = patentlm.load(save(tmp_path / "x.ckpt"), device="cpu")
    texts = model.generate("A neural", count=3, seed=1)
    assert len(texts) == 3
    assert all(text.startswith("A neural") for text in texts)
    assert model.generate("A neural", count=3, seed=1) == texts
    assert 1 < model.perplexity(["A neural network.", "neural"]) < 20


def test_the_perplexity_of_texts_is_that_of_their_words_and_ends(tmp_path):
    model = patentlm.load(save(tmp_path / "x.ckpt"), device="cpu")
    ids = torch.tensor([[0, 2, 3, 4, 5]])
    logits = model.network.head.logits(model.network(ids)[0])[0]
    loss = nn.functional.cross_entropy(logits, torch.tensor([2, 3, 4, 5, 0]))
    assert model.perplexity(["A neural network."]) == pytest.approx(loss.exp().item(), rel=1e-5)


def test_words_of_the_prompt_are_shown_as_typed(tmp_path):
    model = patentlm.load(save(tmp_path / "x.ckpt"), device="cpu")
    assert model.generate("A zebra network")[0].startswith("A zebra network")


def test_a_run_folder_means_its_best_checkpoint(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    last = save(tmp_path / "checkpoints" / "last.ckpt")
    assert find(tmp_path) == last
    best = save(tmp_path / "checkpoints" / "best.ckpt")
    assert find(tmp_path) == best


def test_no_such_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint there"):
        patentlm.load(tmp_path / "nothing.ckpt")


def test_a_truncated_checkpoint(tmp_path):
    path = save(tmp_path / "x.ckpt")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cut short or something else"):
        patentlm.load(path)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.ckpt").write_bytes(pickle.dumps(Evil()))
    torch.save(Evil(), "y.ckpt")
    for name in ("x.ckpt", "y.ckpt"):
        with pytest.raises(CheckpointError, match="can't be read"):
            patentlm.load(name)
    assert not Path("evil").exists()


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1], {"patentlm": 3}, {"patentlm": {}}])
def test_a_foreign_checkpoint(tmp_path, content):
    torch.save(content, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match="not one that patentlm"):
        patentlm.load(tmp_path / "x.ckpt")


def test_another_format(tmp_path):
    path = save(tmp_path / "x.ckpt", patentlm={"format": 99})
    with pytest.raises(CheckpointError, match="has format 99, this patentlm reads 2"):
        patentlm.load(path)


def test_weights_of_another_network(tmp_path):
    path = save(tmp_path / "x.ckpt", state_dict={"network.other": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="weights do not fit"):
        patentlm.load(path)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.nn.functional.os.system",
        "torch.nn.LSTM.__init__.__globals__",
        "patentlm.checkpoint.Path",
        "patentlm.checkpoint.torch.load",
        "patentlm.data.preparation.FileLock",
        "patentlm.model.network.torch.load",
        "torch.nn.Missing",
    ],
)
def test_a_target_that_is_no_class_of_ours_is_refused(target):
    for config in ({**NETWORK, "cell": {"_target_": target}}, {"_target_": target}):
        with pytest.raises(CheckpointError, match="_target_"):
            build_network(config, vocabulary=6)
        with pytest.raises(CheckpointError, match="_target_"):
            build_data(config)


def test_a_module_that_is_no_network_is_refused():
    with pytest.raises(CheckpointError, match="is a Identity, not a Network"):
        build_network({"_target_": "torch.nn.Identity"}, vocabulary=6)


def test_a_config_that_does_not_fit_is_refused():
    with pytest.raises(CheckpointError, match="does not fit"):
        build_network({**NETWORK, "sise": 3}, vocabulary=6)


def test_resuming_wants_the_same_vocabulary_and_network(tmp_path):
    path = save(tmp_path / "x.ckpt")
    assert check_resumable(path, make_metadata(), epochs=1) == path
    with pytest.raises(CheckpointError, match="another vocabulary"):
        check_resumable(path, make_metadata(vocabulary=[*VOCABULARY, "more"]), epochs=1)
    with pytest.raises(CheckpointError, match="another network"):
        check_resumable(path, make_metadata(network={**NETWORK, "hidden_size": 5}), epochs=1)


def test_resuming_wants_epochs_left_to_train(tmp_path):
    path = save(tmp_path / "x.ckpt", epoch=1)
    assert check_resumable(path, make_metadata(), epochs=3) == path
    assert check_resumable(path, make_metadata(), epochs=-1) == path
    with pytest.raises(CheckpointError, match="has 2 epochs already"):
        check_resumable(path, make_metadata(), epochs=2)
