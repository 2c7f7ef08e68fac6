"""Sampling on an accelerator, without copying values to the host.

Filters and draws are defined as in `patentlm.generation.sampling`, which uses what is faster on a
CPU.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from patentlm.data.words import UNK
from patentlm.generation import sampling
from patentlm.generation.sampling import BELOW_1, NEVER


def no_repeat_ngram(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """See `sampling.no_repeat_ngram`."""
    n, length = int(value), written.shape[1]
    if n == 0 or length < n:
        return logits
    follows = written[:, n - 1 :]  # (B, runs): the last word of each
    repeats = torch.ones_like(follows, dtype=torch.bool)
    for back in range(1, n):
        repeats &= written[:, n - 1 - back : length - back] == written[:, length - back, None]
    rows, words = logits.shape
    forbidden = torch.zeros(rows, words + 1, dtype=torch.bool, device=logits.device)
    # A further column takes n-grams that do not repeat: selecting others would wait for the device.
    forbidden.scatter_(1, torch.where(repeats, follows, words), True)
    filtered = logits.masked_fill(forbidden[:, :words], NEVER)
    emptied = (filtered == NEVER).all(dim=1, keepdim=True)
    return torch.where(emptied, logits, filtered)


def top_p(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """See `sampling.top_p`."""
    if value >= 1:
        return logits
    # In ascending order, the last of equals first, since the first of equals are kept.
    ordered, places = logits.flip(1).sort(dim=1, stable=True)
    left_out, _ = _quantile(ordered.softmax(dim=1), torch.full_like(logits[:, 0], 1 - value))
    lowest = ordered.gather(1, left_out[:, None])
    ranks = torch.arange(logits.shape[1], device=logits.device)
    shifted = ordered - lowest.nextafter(torch.full_like(lowest, NEVER))
    kept = shifted.masked_fill(ranks < left_out[:, None], NEVER)
    return torch.empty_like(kept).scatter_(1, places, kept).flip(1)


FILTERS = sampling.FILTERS | {"no_repeat_ngram": no_repeat_ngram, "top_p": top_p}
"""The same filters as in `sampling.FILTERS`, in the same order."""


def choose(
    logits: Tensor, written: Tensor, settings: Mapping[str, float | None], uniforms: Tensor
) -> Tensor:
    """Samples one word of each row, as `sampling.choose` does.

    Returns:
        Words `(B,)` int64; `<unk>`, which is never drawn, if a row's logits are not numbers.
    """
    logits[:, UNK] = NEVER
    logits = sampling.apply_filters(logits, written, settings, FILTERS)
    words, whole = _quantile(logits.softmax(dim=1), uniforms)
    return torch.where(whole.isnan(), UNK, words)


def _quantile(probs: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Returns where cumulative sums `(B, V)` first exceed a part of 1, `(B,)`, and the total.

    Sums computed in parallel may not be monotonic; a word of probability 0 is never chosen.
    """
    sums = probs.cumsum(dim=1).masked_fill(probs == 0, 0)
    whole = sums.amax(dim=1)
    asked = torch.minimum(at, whole * BELOW_1)
    return (sums > asked[:, None]).int().argmax(dim=1), whole
