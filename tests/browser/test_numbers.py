"""The page computes what PyTorch computes."""

import numpy as np
import pytest
import torch
from torch import nn

from patentlm.data.byte_pairs import BytePairTokenizer
from patentlm.data.text import tokenize
from patentlm.export.page.weights import rounded
from patentlm.generation.reader import Reader
from patentlm.model.cells import LSTM, MogrifierLSTM, WeightDropLSTM
from patentlm.model.head import MixtureOfSoftmaxes, SoftmaxHead, TiedHead
from patentlm.model.linear_recurrence import QRNN, MinLSTM
from tests.browser.pages import in_page, make_model, write_page
from tests.networks import make_network, pointer

CELLS = {
    "lstm": LSTM,
    "weight_drop_lstm": lambda **sizes: WeightDropLSTM(weight_drop=0.5, **sizes),
    "gru": nn.GRU,
    "mogrifier": lambda **sizes: MogrifierLSTM(rounds=5, rank=3, **sizes),
    "mogrifier_whole": lambda **sizes: MogrifierLSTM(rounds=4, rank=None, **sizes),
    "qrnn": lambda **sizes: QRNN(width=2, **sizes),
    "qrnn_of_width_1": lambda **sizes: QRNN(width=1, **sizes),
    "min_lstm": MinLSTM,
}
HEADS = {
    "softmax": SoftmaxHead,
    "tied": TiedHead,
    "mixture": lambda **sizes: MixtureOfSoftmaxes(mixtures=3, **sizes),
    "pointer": pointer(4, TiedHead),
    "pointer_to_all": pointer(None),
    "pointer_of_merity": pointer(None, match=0, word_bias=False),
}
TEXT = tokenize("A neural network is a network trained by the neural method, zebra")
VOCABULARY = ["<end>", "<unk>", *dict.fromkeys(TEXT[:-1]), "of", "claims"]


def random_network(vocabulary, cell="lstm", head="softmax", layers=2):
    torch.manual_seed(3)
    network = make_network(
        vocabulary=vocabulary, embedding_size=5, hidden_size=7, layers=layers, cell=CELLS[cell],
        head=HEADS[head],
    )  # fmt: skip
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.7)
    return network


@torch.inference_mode()
def log_probabilities(model, ids):
    """After `<end>` and after each id, `(ids + 1, V)`."""
    reader = Reader(model.network, model.metadata.context)
    hidden = [reader.begin([], 1), *(reader.read(torch.tensor([at])) for at in map(int, ids))]
    return np.array([model.network.head.logits(h).log_softmax(-1)[0].numpy() for h in hidden])


def ask(page, model, words, weights="float32"):
    code = "model.logProbabilities(argument)"
    return np.array(in_page(page, model, code, words, weights=weights))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("cell", CELLS)
def test_log_probabilities(cell, head, laboratory):
    model = make_model(random_network(len(VOCABULARY), cell, head), VOCABULARY)
    wanted = log_probabilities(model, model.vocabulary.encode(TEXT))
    assert ask(laboratory, model, TEXT) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("head", ["tied", "pointer"])
@pytest.mark.parametrize("cell", ["lstm", "mogrifier", "qrnn"])
def test_a_model_of_windows_reads_the_last_words_alone(cell, head, laboratory):
    model = make_model(random_network(len(VOCABULARY), cell, head), VOCABULARY, context=5)
    wanted = log_probabilities(model, model.vocabulary.encode(TEXT))
    assert ask(laboratory, model, TEXT) == pytest.approx(wanted, abs=1e-4)


def test_the_public_surface(window, tmp_path):
    model = make_model(random_network(len(VOCABULARY)), VOCABULARY)
    page = window().open(write_page(model, tmp_path))
    found = page.evaluate("words => window.patentlm.logProbabilities(words)", TEXT)
    wanted = log_probabilities(model, model.vocabulary.encode(TEXT))
    assert np.array(found) == pytest.approx(wanted, abs=1e-4)
    assert page.evaluate("window.patentlm.vocabulary") == VOCABULARY
    options = {"prompt": "a neural", "seed": 4, "maxWords": 9, "temperature": 0.7, "topP": 0.9}
    sampling = {"temperature": 0.7, "top_p": 0.9}
    (text,) = model.write("a neural", count=1, seed=4, max_words=9, sampling=sampling)
    written = page.evaluate("options => window.patentlm.write(options)", options)
    assert written == list(text.tokens)[2:]
    assert page.evaluate("window.patentlm.model.kernel.name") == "WebAssembly SIMD"


def test_byte_pairs(laboratory):
    tokenizer = BytePairTokenizer(vocabulary=270)
    vocabulary = tokenizer.train(["network", "neural", "the"], np.array([9, 8, 7]), tokenised=False)
    settings = {"_target_": "patentlm.data.byte_pairs.BytePairTokenizer", "vocabulary": 270}
    network = random_network(len(vocabulary))
    model = make_model(network, list(vocabulary.tokens), tokenizer=settings)
    words = ["the", "network", "naïve", "🜚", "networks", "a"]
    ids = vocabulary.encode(words).tolist()
    wanted = log_probabilities(model, ids)
    ends = [0, *np.cumsum(vocabulary.encode_batch(words).lengths)]
    assert ask(laboratory, model, words) == pytest.approx(wanted[ends], abs=1e-4)
    tokens = [vocabulary.tokens[at] for at in ids]
    assert ask(laboratory, model, tokens) == pytest.approx(wanted, abs=1e-4)
    assert in_page(laboratory, model, "model.vocabulary.wordsOf(argument)", ids) == words


@pytest.mark.parametrize(("weights", "loss"), [("float16", 2e-3), ("int8", 0.2)])
def test_smaller_weights_lose_little(weights, loss, laboratory):
    model = make_model(random_network(len(VOCABULARY), head="tied"), VOCABULARY)
    found = ask(laboratory, model, TEXT, weights)
    ids = model.vocabulary.encode(TEXT)
    assert found == pytest.approx(log_probabilities(model, ids), abs=loss)
    smaller = make_model(rounded(model.network, weights), VOCABULARY)
    assert found == pytest.approx(log_probabilities(smaller, ids), abs=1e-4)


@pytest.mark.parametrize("context", [None, 4])
@pytest.mark.parametrize("cell", ["lstm", "gru", "mogrifier", "qrnn"])
def test_gradient_and_leaving_out(cell, context, laboratory):
    model = make_model(random_network(len(VOCABULARY), cell), VOCABULARY, context=context)
    ids = model.vocabulary.encode(TEXT).tolist()
    causes = in_page(laboratory, model, "[...model.influence(argument, 7, 50)]", ids)
    assert [cause["at"] for cause in causes] == list(range(6, -1 if context is None else 2, -1))
    past, target = ids[:7], ids[7]
    whole = log_probabilities(model, past)[-1][target]
    for cause in causes:
        rest = past[: cause["at"]] + past[cause["at"] + 1 :]
        without = log_probabilities(model, rest)[-1][target]
        assert cause["leftOut"] == pytest.approx(whole - without, abs=1e-4)
    slopes = gradient_times_vector(model, past, target).tolist()[::-1]
    assert [cause["gradient"] for cause in causes] == pytest.approx(slopes, abs=1e-4)


def gradient_times_vector(model, past, target):
    context = model.metadata.context
    read = past[-context:] if context else [0, *past]
    vectors = model.network.embedding(torch.tensor(read)).detach()[None].requires_grad_()
    hidden, _ = model.network.recurrent(vectors, None)
    model.network.head.logits(hidden[:, -1]).log_softmax(-1)[0, target].backward()
    slopes = (vectors.grad[0] * vectors[0]).sum(1).detach()
    return slopes if context else slopes[1:]


@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": 0.9, "top_p": 0.8},
        {"temperature": 1.3, "top_k": 3, "repetition_penalty": 1.4},
        {"temperature": 1.0, "min_p": 0.1, "no_repeat_ngram": 3},
        {"temperature": 0, "no_repeat_ngram": 2},
    ],
)
def test_the_same_seed_writes_the_same_text(sampling, laboratory):
    network = random_network(len(VOCABULARY), "lstm")
    network.get_submodule("_head").linear.bias.data[0] -= 3  # long texts
    model = make_model(network, VOCABULARY, sampling=sampling, context=6)
    for seed in (1, 2, 77_777_777_777):
        (text,) = model.write("A neural", count=1, seed=seed, max_words=40, sampling=sampling)
        options = {"prompt": "A neural", "seed": seed, "maxWords": 40}
        written = in_page(laboratory, model, "model.writeWords(argument)", options)
        assert written == list(text.tokens)[2:]


def test_trace(laboratory):
    model = make_model(random_network(len(VOCABULARY), layers=1), VOCABULARY)
    ids = model.vocabulary.encode(TEXT[:4]).tolist()
    arrays = "Object.fromEntries(Object.entries(step).map(([k, v]) => [k, [...v]]))"
    code = f"model.trace(argument).layers[0].map((step) => ({arrays}))"
    steps = in_page(laboratory, model, code, ids)
    hidden, (_, cells) = model.network.recurrent(model.network.embedding(torch.tensor([[0, *ids]])))
    assert np.array([step["h"] for step in steps]) == pytest.approx(
        hidden[0, 1:].detach().numpy(), abs=1e-5
    )
    assert steps[-1]["c"] == pytest.approx(cells[0, 0].tolist(), abs=1e-5)
    last, before = ({name: np.array(part) for name, part in step.items()} for step in steps[:-3:-1])
    assert last["c"] == pytest.approx(last["f"] * before["c"] + last["i"] * last["g"])
    assert last["h"] == pytest.approx(last["o"] * np.tanh(last["c"]))


def test_plain_javascript_where_webassembly_is_forbidden(window, tmp_path):
    model = make_model(random_network(len(VOCABULARY)), VOCABULARY)
    opened = window()
    opened.page.add_init_script("delete window.WebAssembly.Module")
    page = opened.open(write_page(model, tmp_path))
    assert page.evaluate("window.patentlm.model.kernel.name") == "JavaScript"
    found = page.evaluate("words => window.patentlm.logProbabilities(words)", TEXT)
    wanted = log_probabilities(model, model.vocabulary.encode(TEXT))
    assert np.array(found) == pytest.approx(wanted, abs=1e-4)
