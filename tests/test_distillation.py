"""A network that learns from a teacher's predictions, too."""

import signal
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from patentlm.batch import select_targets
from patentlm.model.ensemble import Ensemble
from patentlm.model.head import MixtureOfSoftmaxes, SoftmaxHead, TiedHead
from patentlm.training.distillation import Learner, Student
from tests.interruption import outcome, signal_at
from tests.networks import make_network, pointer

MIXTURE = partial(MixtureOfSoftmaxes, mixtures=2)
HEADS = {
    "softmax": SoftmaxHead,
    "tied": TiedHead,
    "mixture of softmaxes": MIXTURE,
    "pointer": pointer(None),
    "pointer, tied": pointer(2, TiedHead),
    "pointer, mixture of softmaxes": pointer(None, MIXTURE),
}
INPUTS = torch.tensor([[1, 2, 3, 2, 3], [4, 5, 1, 5, 0]])
TARGETS = torch.tensor([[2, 3, 2, 3, 4], [5, 1, 5, 0, -100]])


def network(seed, **settings):
    torch.manual_seed(seed)
    made = make_network(**settings)
    for parameter in made.parameters():
        nn.init.normal_(parameter)  # so that there is something to tell apart
    return made


def learned(learner):
    """The loss, and the gradients of the network that is trained."""
    hidden, targets = select_targets(learner(INPUTS, None)[0], TARGETS)
    loss = learner.loss(hidden, targets)
    loss.backward()
    return loss, [parameter.grad for parameter in learner.network.parameters()]


def log_probs(model):
    hidden, targets = select_targets(model(INPUTS)[0], TARGETS)
    return model.head.logits(hidden).log_softmax(-1), targets


@pytest.mark.parametrize("head", HEADS)
def test_probabilities_are_those_of_the_logits(head):
    networks = [network(seed, head=HEADS[head]).double() for seed in (1, 2)]
    for made in (*networks, Ensemble(networks)):
        hidden = made(INPUTS)[0]
        probs, logits = made.head.probs(hidden), made.head.logits(hidden)
        torch.testing.assert_close(probs, logits.softmax(-1).to(probs.dtype))
        assert not probs.requires_grad


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("rows", [2, 768])
def test_the_loss_is_that_of_the_words_and_of_the_teachers_probabilities(head, rows, monkeypatch):
    for module in ("linear_cross_entropy", "head"):
        monkeypatch.setattr(f"patentlm.model.{module}.ROWS", rows)
    mine = network(1, head=HEADS[head]).double()
    teacher = network(2, head=HEADS["pointer"]).double()
    loss, gradients = learned(Student(mine, teacher=teacher, weight=0.3))
    mine.zero_grad()
    q, targets = log_probs(mine)
    p = log_probs(teacher)[0].exp().detach()
    expected = 0.7 * F.nll_loss(q, targets) - 0.3 * (p * q).sum(-1).mean()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients, [parameter.grad for parameter in mine.parameters()])


class LowGRU(nn.GRU):
    """Returns hidden vectors as LSTMs do under autocast where they can."""

    def forward(self, inputs, state=None):
        hidden, state = super().forward(inputs, state)
        return hidden.bfloat16() if torch.is_autocast_enabled("cpu") else hidden, state


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("teacher", ["softmax", "pointer"])
def test_low_precision_changes_the_loss_a_little(head, teacher):
    def loss(low):
        knows = network(2, head=HEADS[teacher], cell=LowGRU)
        taught = Student(network(1, head=HEADS[head], cell=LowGRU), teacher=knows, weight=0.5)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            return learned(taught)[0]

    torch.testing.assert_close(loss(True), loss(False), rtol=0.01, atol=0.01)


@pytest.mark.parametrize("head", HEADS)
def test_with_weight_0_it_learns_as_if_alone(head):
    taught = Student(network(1, head=HEADS[head]), teacher=network(2), weight=0.0)
    torch.testing.assert_close(learned(taught), learned(Learner(network(1, head=HEADS[head]))))


def test_a_teacher_stays_as_it_is_and_drops_nothing():
    teacher = network(2, dropout=0.5)
    before = {name: weight.clone() for name, weight in teacher.state_dict().items()}
    first, second = (learned(Student(network(1), teacher=teacher, weight=1.0)) for _ in range(2))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(teacher.state_dict(), before)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_several_teachers_teach_the_mean_of_their_probabilities():
    teachers = [network(2), network(3, head=pointer(None))]
    loss, _ = learned(Student(network(1), teacher=Ensemble(teachers), weight=1.0))
    mean = torch.stack([log_probs(teacher)[0].exp() for teacher in teachers]).mean(0)
    expected = -(mean * log_probs(network(1))[0]).sum(-1).mean()
    torch.testing.assert_close(loss, expected)


def test_a_teacher_reads_on_where_it_stopped():
    taught = Student(network(1), teacher=network(2, cell=nn.GRU), weight=0.5)
    whole, _ = taught(INPUTS, None)
    first, state = taught(INPUTS[:, :2], None)
    second, _ = taught(INPUTS[:, 2:], state)
    for part, early, late in zip(whole.parts, first.parts, second.parts, strict=True):
        torch.testing.assert_close(part, torch.cat([early, late], dim=1))


def test_without_targets_there_is_nothing_to_learn():
    taught = Student(network(1), teacher=network(2), weight=0.5)
    hidden, targets = select_targets(taught(INPUTS, None)[0], torch.full_like(TARGETS, -100))
    loss = taught.loss(hidden, targets)
    loss.backward()
    assert loss == 0


def test_what_is_logged_is_the_loss_of_the_words():
    taught = Student(network(1), teacher=network(2), weight=0.5)
    hidden, targets = select_targets(taught(INPUTS, None)[0], TARGETS)
    loss = taught.loss(hidden, targets)
    alone, _ = learned(Learner(network(1)))
    torch.testing.assert_close(taught.hard_loss(loss, hidden, targets), alone)


@pytest.fixture
def train(run_script, patents_csv, tmp_path):
    small = ("data=file", f"data.path={patents_csv}", "trainer=cpu", "trainer.max_epochs=2")
    sizes = ("model.embedding_size=4", "model.hidden_size=4", "samples.count=0")

    def run(*arguments, name="run"):
        run_script("train", *small, *sizes, f"hydra.run.dir={tmp_path}/{name}", *arguments)
        return tmp_path / name

    return run


def test_a_run_learns_from_a_trained_model_and_keeps_none_of_it(train, small_run, tmp_path):
    import patentlm

    train(
        "windows=abstract", "distillation=teacher", f"distillation.teacher={small_run}+{small_run}"
    )
    stored = torch.load(tmp_path / "run/checkpoints/best.ckpt", weights_only=True)
    alone = [f"network.{name}" for name in patentlm.load(small_run).network.state_dict()]
    assert list(stored["state_dict"]) == alone


def test_a_taught_run_goes_on_from_the_very_step(train, small_run):
    stream = ("windows=stream", "windows.length=5", "windows.batch_size=4", "trainer.max_steps=6")
    taught = (*stream, "distillation=teacher", f"distillation.teacher={small_run}")
    whole = train(*taught, name="whole")
    with signal_at("training_step", 3, signal.SIGTERM), pytest.raises(SystemExit):
        train(*taught, name="parts")
    assert outcome(train(*taught, name="parts")) == outcome(whole)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "distillation.teacher is not set"),
        (["distillation.teacher=nowhere"], "nowhere: no checkpoint there"),
        (["distillation.teacher={run}+nowhere"], "nowhere: no checkpoint there"),
        (
            ["distillation.teacher={run}", "tokenizer.max_words=9"],
            "knows other words than this run",
        ),
        (["distillation.teacher={run}", "distillation.weight=2"], "distillation.weight"),
    ],
)
def test_a_teacher_that_does_not_fit_is_told_in_a_line(train, small_run, capsys, arguments, line):
    with pytest.raises(SystemExit):
        train("distillation=teacher", *(one.format(run=small_run) for one in arguments))
    (error,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert line in error
