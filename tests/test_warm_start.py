"""Where weights start: rows of known words are copied, new words get the mean."""

import pytest
import torch

from patentlm.checkpoint import build_network
from patentlm.errors import CheckpointError, ConfigError, DataError
from patentlm.training.warm_start import warm_start
from tests.test_checkpoint import NETWORK, VOCABULARY, make_metadata, save

NEW = ["<end>", "<unk>", "network", "zebra", "a", "graph"]
PIECES = {"_target_": "patentlm.data.byte_pairs.BytePairTokenizer", "vocabulary": 300}


def start(*, init_from=None, word_vectors=None, network=NETWORK, **metadata):
    """A network that starts as asked, its vocabulary `NEW`."""
    made = build_network(network, vocabulary=len(NEW))
    metadata = make_metadata(**{"vocabulary": NEW, "network": network, **metadata})
    warm_start(made, metadata, init_from=init_from, word_vectors=word_vectors)
    return made.eval()


@pytest.fixture
def earlier(tmp_path):
    """A checkpoint with the vocabulary `VOCABULARY`, and its network."""
    network = build_network(NETWORK, vocabulary=len(VOCABULARY)).eval()
    torch.nn.init.normal_(network.head.linear.bias)
    weights = {f"network.{name}": weight for name, weight in network.state_dict().items()}
    return save(tmp_path / "x.ckpt", state_dict=weights), network


def test_words_that_both_know_keep_their_rows_and_new_ones_get_the_mean(earlier):
    path, before = earlier
    old, new = before.state_dict(), start(init_from=path).state_dict()
    assert old.keys() == new.keys()
    for name, weight in new.items():
        if name.startswith("recurrent."):
            assert torch.equal(weight, old[name])
            continue
        for word, row in zip(NEW, weight, strict=True):
            if word in VOCABULARY:
                assert torch.equal(row, old[name][VOCABULARY.index(word)])
            else:
                assert torch.equal(row, old[name].mean(dim=0))


def test_the_same_vocabulary_means_the_same_predictions(earlier):
    path, before = earlier
    after = build_network(NETWORK, vocabulary=len(VOCABULARY)).eval()
    warm_start(after, make_metadata(), init_from=path, word_vectors=None)
    for name, weight in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], weight)


def test_another_network_or_tokenizer(earlier):
    path, _ = earlier
    for other in ({"hidden_size": 5}, {"layers": 2}, {"embedding_size": 4}):
        with pytest.raises(CheckpointError, match=r"x\.ckpt: has another network; fine-tune with"):
            start(init_from=path, network={**NETWORK, **other})
    with pytest.raises(CheckpointError, match="trained with another tokenizer"):
        start(init_from=path, tokenizer=PIECES)


def test_clusters_of_words_stay_with_their_words(tmp_path):
    """The rows of a cluster are places in an order by frequency, which other texts have not."""
    head = {
        "_target_": "patentlm.model.adaptive.AdaptiveHead", "_partial_": True,
        "cutoffs": [3], "shrink": 1.0, "tied": False,
    }  # fmt: skip
    config = {**NETWORK, "head": head}
    network = build_network(config, vocabulary=len(VOCABULARY))
    weights = {f"network.{name}": weight for name, weight in network.state_dict().items()}
    path = save(tmp_path / "x.ckpt", state_dict=weights, network=config)
    start(init_from=path, network=config, vocabulary=list(VOCABULARY))
    with pytest.raises(CheckpointError, match=r"adaptive can't be fine-tuned with another vocabul"):
        start(init_from=path, network=config)


def test_dropout_may_be_another(earlier):
    path, before = earlier
    after = start(init_from=path, network={**NETWORK, "input_dropout": 0.5, "output_dropout": 0.5})
    assert torch.equal(after.recurrent.weight_hh_l0, before.recurrent.weight_hh_l0)


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("zebra 1 2 3\na 4 5 6\nneural 7 8 9\n")
    return path


def test_the_embedding_starts_with_the_vectors_found(vectors, caplog):
    caplog.set_level("INFO")
    weight = start(word_vectors=vectors).embedding.weight
    assert weight[3].tolist() == [1, 2, 3]
    assert weight[4].tolist() == [4, 5, 6]
    assert (weight[[0, 1, 2, 5]].abs() <= 0.05).all()
    assert "vectors of 2 of 6 words" in caplog.text


def test_a_frozen_embedding_gets_no_gradient_and_counts_for_nothing():
    frozen = start(network={**NETWORK, "frozen_embedding": True})
    free = start()
    assert free.size - frozen.size == len(NEW) * 3
    hidden, _ = frozen(torch.tensor([[0, 2]]))
    frozen.head.loss(hidden[0], torch.tensor([2, 3])).backward()
    assert frozen.embedding.weight.grad is None
    assert all(p.grad is not None for p in frozen.recurrent.parameters())


def test_vectors_that_cannot_be_used(vectors, earlier):
    with pytest.raises(DataError, match="have 3 numbers, those of the network 4"):
        start(word_vectors=vectors, network={**NETWORK, "embedding_size": 4})
    with pytest.raises(ConfigError, match="set tokenizer=words"):
        start(word_vectors=vectors, tokenizer=PIECES)
    with pytest.raises(ConfigError, match="both start the embedding"):
        start(word_vectors=vectors, init_from=earlier[0])
