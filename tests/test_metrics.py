"""Scores: literal sums, and the same numbers whatever the batch."""

import math

import pytest
import torch

from patentlm.batch import IGNORE
from patentlm.evaluation.metrics import Score, batch_metric_sums, metric_sums
from tests.networks import make_network


def test_figures_of_a_score():
    score = Score(nll_sum=8 * math.log(2), correct=1, correct5=3, targets=4)
    assert score.loss == pytest.approx(2 * math.log(2))
    assert score.perplexity == pytest.approx(4)
    assert score.bits == pytest.approx(2)
    assert (score.accuracy, score.accuracy5) == (0.25, 0.75)


def test_a_tally_counts_by_hand():
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    sums = metric_sums(probabilities.log(), torch.tensor([1, 1]))
    assert sums.tolist() == pytest.approx([-math.log(0.25) - math.log(0.8), 1, 2, 2])


def test_five_likeliest_of_many():
    logits = torch.arange(10.0).repeat(3, 1)
    assert metric_sums(logits, torch.tensor([9, 5, 4])).tolist()[1:] == [1, 2, 3]


def test_only_asked_targets_are_counted_over_all_rows_of_logits():
    torch.manual_seed(0)
    network = make_network(vocabulary=6)
    inputs, targets = torch.randint(6, (40, 60)), torch.randint(6, (40, 60))
    targets[:, ::3] = IGNORE
    sums, _ = batch_metric_sums(network, (inputs, targets), None)
    logits = network.head.logits(network(inputs)[0])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert sums[3] == 40 * 40
    assert Score.of(sums).loss == pytest.approx(loss.item(), rel=1e-5)
