"""Where predictions are asked, and what a loader says of it."""

import pytest
import torch
from pytorch_lightning.plugins.precision import DoublePrecision, HalfPrecision

from patentlm.batch import IGNORE, LoadedBatch, select_targets, target_places

TARGETS = torch.tensor([[7, 8, IGNORE], [9, IGNORE, 5]])


def test_what_is_asked_comes_word_by_word():
    hidden = torch.arange(6.0).view(2, 3, 1)
    rows, asked = select_targets(hidden, TARGETS)
    assert rows.tolist() == [[0.0], [3.0], [1.0], [5.0]]
    assert asked.tolist() == [7, 9, 8, 5]


def test_places_that_are_known_need_not_be_found():
    hidden = torch.arange(6.0).view(2, 3, 1)
    rows, asked = select_targets(hidden, TARGETS, target_places(TARGETS)[1:])
    assert (rows.flatten().tolist(), asked.tolist()) == ([3.0, 1.0, 5.0], [9, 8, 5])


def test_nothing_asked_gives_no_rows():
    rows, asked = select_targets(torch.ones(2, 3, 4), torch.full((2, 3), IGNORE))
    assert rows.shape == (0, 4)
    assert asked.shape == (0,)


def test_a_loaded_batch_is_a_pair_that_knows_its_targets():
    batch = LoadedBatch.of((TARGETS + 1, TARGETS), learned=9)
    inputs, targets = batch.to(torch.device("cpu"))
    assert torch.equal(inputs, TARGETS + 1)
    assert torch.equal(targets, batch[1])
    assert (batch.places.tolist(), batch.learned) == ([0, 1, 2, 5], 9)
    assert LoadedBatch.of((inputs, targets)).learned == 4
    assert LoadedBatch.of(batch) is batch


def test_a_loaded_batch_moves_as_a_whole():
    moved = LoadedBatch.of((TARGETS, TARGETS)).to(torch.device("meta"))
    assert {part.device.type for part in (moved.inputs, moved.targets, moved.places)} == {"meta"}


@pytest.mark.parametrize("plugin", [DoublePrecision(), HalfPrecision("bf16-true")])
def test_in_any_precision_words_stay_whole_numbers(plugin):
    batch = plugin.convert_input(LoadedBatch.of((TARGETS, TARGETS)))
    assert torch.equal(batch.inputs, TARGETS)
    assert batch.places.dtype == torch.int64
    assert batch.learned == 4
