"""Where predictions are asked."""

import torch

from patentlm.batch import IGNORE, select_targets


def test_what_is_asked_comes_word_by_word():
    hidden = torch.arange(6.0).view(2, 3, 1)
    targets = torch.tensor([[7, 8, IGNORE], [9, IGNORE, 5]])
    rows, asked = select_targets(hidden, targets)
    assert rows.tolist() == [[0.0], [3.0], [1.0], [5.0]]
    assert asked.tolist() == [7, 9, 8, 5]


def test_nothing_asked_gives_no_rows():
    rows, asked = select_targets(torch.ones(2, 3, 4), torch.full((2, 3), IGNORE))
    assert rows.shape == (0, 4)
    assert asked.shape == (0,)
