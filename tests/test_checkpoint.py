"""Checkpoints: what they hold, and what is refused."""

import errno
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import patentlm
from patentlm import checkpoint
from patentlm.checkpoint import CheckpointMetadata, build_data, build_network, find
from patentlm.errors import CheckpointError, ConfigError
from patentlm.integrity import seal

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
    return store(path, **{"state_dict": weights, **make_metadata().as_entry(), **changed})


def store(path: Path, *, patentlm, state_dict, **others) -> Path:
    """A checkpoint with whatever entries, its digest theirs."""
    sealed = seal(patentlm, state_dict)
    torch.save({"patentlm": sealed, "state_dict": state_dict, **others}, path)
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
    with pytest.raises(CheckpointError, match="has format 99, this patentlm reads 3"):
        patentlm.load(path)


def test_weights_of_another_network(tmp_path):
    path = save(tmp_path / "x.ckpt", state_dict={"network.other": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="weights do not fit"):
        patentlm.load(path)


TARGETS = [
    "os.system",
    "builtins.eval",
    "torch.load",
    "torch.hub.load",
    "torch.nn.functional.os.system",
    "torch.nn.LSTM.__init__.__globals__",
    "torch.nn.Identity",
    "patentlm.checkpoint.Path",
    "patentlm.data.corpus.FileLock",
    "patentlm.data.fixed_vocabulary.FixedVocabulary",
    "patentlm.model.network.torch.load",
    "torch.nn.Missing",
    None,
    3,
    ["os.system"],
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_class_that_is_not_in_the_registry_is_refused(target):
    for config in ({**NETWORK, "cell": {"_target_": target}}, {"_target_": target}):
        with pytest.raises(ConfigError, match="_target_"):
            build_network(config, vocabulary=6)
        with pytest.raises(ConfigError, match="_target_"):
            build_data(config)


INTERPOLATIONS = [
    "${oc.create:{_target_: pathlib.Path.touch, _args_: [evil]}}",
    "${oc.env:USPTO_API_KEY}",
    {"_target_": "torch.nn.LSTM", "_partial_": "${oc.decode:true}"},
    {"_target_": "torch.nn.LSTM", "${x}": 1},
]


@pytest.mark.parametrize("value", INTERPOLATIONS)
def test_nothing_in_a_config_is_interpreted(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    sample = {"_target_": "patentlm.data.sources.FileSource", "path": value}
    words = {"_target_": "patentlm.data.words.WordTokenizer", "min_count": value}
    for changed in (
        {"network": {**NETWORK, "cell": value}},
        {"network": {**NETWORK, "hidden_size": value}},
        {"data": sample},
        {"tokenizer": words},
        {"sampling": {"top_k": value}},
    ):
        path = save(tmp_path / "x.ckpt", **make_metadata(**changed).as_entry())
        with pytest.raises(CheckpointError, match=r"holds \$\{…\}"):
            patentlm.load(path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.ckpt"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layers": 10**6}, "network.layers=1000000: must be a whole number from 1 to 1,000"),
        ({"layers": 1000}, "weights do not fit"),
        ({"hidden_size": 65_536}, "weights do not fit"),
        ({"hidden_size": 2.0}, r"network.hidden_size=2.0: must be a whole number"),
        ({"dropout": float("nan")}, "network.dropout=nan: must be a number"),
        ({"sise": 3}, "network.sise: no such setting"),
        ({"cell": None}, "weights do not fit|does not fit"),
        ({"_recursive_": "os.system"}, "network._recursive_"),
        ({"_args_": ["x"]}, "network._args_: no such setting"),
    ],
)
def test_a_config_out_of_its_range_is_refused_before_a_network_is_built(tmp_path, changed, said):
    entry = make_metadata(network={**NETWORK, **changed}).as_entry()
    with pytest.raises(CheckpointError, match=said):
        patentlm.load(save(tmp_path / "x.ckpt", **entry))


def test_an_argument_that_is_missing_is_told():
    network = {name: value for name, value in NETWORK.items() if name != "layers"}
    with pytest.raises(ConfigError, match=r"model: does not fit .*'layers'"):
        build_network(network, vocabulary=6)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"vocabulary": "words"}, "vocabulary='words': must be a list of text"),
        ({"context": -1}, "context=-1: must be null or a whole number"),
        ({"max_words": 10**12}, "max_words=1000000000000: must be a whole number"),
        ({"sampling": {"top_k": 0}}, "sampling.top_k=0: must be null or a whole number"),
        ({"seed": None}, "seed is missing"),
        ({"tokenizer": None}, "tokenizer is missing"),
        ({"tokenizer": {}}, "tokenizer._target_=None: must be"),
        ({"network": None}, "network is missing"),
    ],
)
def test_an_entry_out_of_its_range_is_refused(tmp_path, changed, said):
    with pytest.raises(CheckpointError, match=said):
        patentlm.load(save(tmp_path / "x.ckpt", **make_metadata(**changed).as_entry()))


def test_an_incomplete_entry_is_refused(tmp_path):
    entry = make_metadata().as_entry()
    del entry["patentlm"]["seed"]
    with pytest.raises(CheckpointError, match=r"incomplete \(seed\)"):
        patentlm.load(save(tmp_path / "x.ckpt", **entry))


@given(at=st.integers(0, 2**20), bit=st.integers(0, 7))
@settings(max_examples=30)
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path_factory, at, bit):
    path = save(tmp_path_factory.mktemp("flipped") / "x.ckpt")
    whole = patentlm.load(path, device="cpu").generate("A neural", count=2)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with suppress(CheckpointError):
        assert patentlm.load(path, device="cpu").generate("A neural", count=2) == whole


def test_weights_that_are_not_finite_are_refused(tmp_path):
    network = build_network(NETWORK, vocabulary=len(VOCABULARY))
    weights = {f"network.{name}": weight for name, weight in network.state_dict().items()}
    weights["network.embedding.weight"][0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="not finite numbers"):
        patentlm.load(save(tmp_path / "x.ckpt", state_dict=weights))


def test_a_checkpoint_that_unpacks_to_more_than_it_holds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(10**6))
    with pytest.raises(CheckpointError, match="can't be read as a checkpoint"):
        patentlm.load(tmp_path / "x.ckpt")


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def closed(path):  # root, who runs the tests in CI, may read every file
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(checkpoint, "check_stored", closed)
    with pytest.raises(CheckpointError, match=r"may not be read \(Permission denied\)"):
        checkpoint.read(save(tmp_path / "x.ckpt"))
