"""What keeps a network from learning train by heart: penalties and averaged weights."""

import pytest
import torch

from patentlm.training.averaging import NonMonotonicAveraging, PolynomialAverage
from patentlm.training.regularisation import ActivationPenalty
from tests.networks import make_network


def test_penalties_keep_to_their_equations():
    """Of three positions asked, two of them neighbours; activations of 0 and 1 by hand."""
    network = make_network(hidden_size=2)
    penalty = ActivationPenalty(network, activation=2.0, temporal=1.0)
    hidden = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [9.0, 9.0], [0.0, 2.0]]])
    network.output_dropout(hidden)
    asked = torch.tensor([[True, True, False, True]])
    assert penalty.loss(asked).item() == pytest.approx(2 * (1 + 4) / 6 + (1 + 0) / 2)


def test_activations_are_penalised_after_dropout_and_their_change_before():
    torch.manual_seed(0)
    network = make_network(hidden_size=4, dropout=0.5).train()
    penalty = ActivationPenalty(network, activation=1.0, temporal=1.0)
    ones = torch.ones(1, 50, 4)
    dropped = network.output_dropout(ones)
    asked = torch.ones(1, 50, dtype=torch.bool)
    torch.testing.assert_close(penalty.loss(asked), dropped.square().mean())


def test_a_batch_that_asks_for_nothing_has_no_penalty():
    network = make_network(hidden_size=4)
    penalty = ActivationPenalty(network, activation=1.0, temporal=1.0)
    network.output_dropout(torch.ones(1, 3, 4))
    assert penalty.loss(torch.zeros(1, 3, dtype=torch.bool)) == 0


class Run:
    """What the callback asks of a trainer."""

    def __init__(self) -> None:
        self.callback_metrics, self.global_step, self.sanity_checking = {}, 0, False


def averaging(perplexities: list[float]) -> NonMonotonicAveraging:
    """After epochs of ten steps with these valid perplexities."""
    callback, run = NonMonotonicAveraging(patience=2, monitor="valid/perplexity"), Run()
    for perplexity in perplexities:
        run.callback_metrics["valid/perplexity"] = torch.tensor(perplexity)
        run.global_step += 10
        callback.on_validation_end(run, None)
    return callback


@pytest.mark.parametrize(
    ("perplexities", "begun"),
    [
        ([9, 8, 7, 6], None),
        ([9, 8, 8.5, 7], None),
        ([9, 8, 8.5, 8.2], None),
        ([9, 8, 8.5, 8.7, 8.2], 50),
        ([9, 8, 8.5, 8.7, 8.2, 7], 50),
        ([9, 9.5], None),
    ],
)
def test_averaging_begins_when_valid_no_longer_falls(perplexities, begun):
    """Worse than the best of all epochs but the last two before it."""
    assert averaging(perplexities).begun == begun


def test_the_average_is_of_all_steps_since_it_began():
    callback, average = averaging([9, 8, 8.5, 8.7, 8.2]), torch.tensor(99.0)
    for steps, weight in ((50, 1.0), (51, 2.0), (52, 6.0)):
        average = callback.average(average, torch.tensor(weight), steps)
    assert average == 3


def test_until_then_it_is_the_weights_themselves():
    assert averaging([9, 8]).average(torch.tensor(1.0), torch.tensor(5.0), 20) == 5


@pytest.mark.parametrize(
    ("power", "expected"), [(0, (1 + 2 + 6) / 3), (1, (1 + 2 * 2 + 3 * 6) / 6)]
)
def test_a_polynomial_average_counts_each_step_by_a_power_of_its_number(power, expected):
    callback, average = PolynomialAverage(power=power), torch.tensor(1.0)
    for steps, weight in ((1, 2.0), (2, 6.0)):
        average = callback.average(average, torch.tensor(weight), steps)
    assert average.item() == pytest.approx(expected)
