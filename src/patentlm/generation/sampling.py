"""How the next word is chosen: filters from logits to logits, then one draw.

A filter takes the logits `(B, V)`, the words written so far `(B, t)` and its one setting, and gives
the logits back with some of them changed; a word at minus infinity can no longer be drawn. All of
them are on the CPU; what an accelerator does otherwise is in `on_device`.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from patentlm.data.words import UNK
from patentlm.errors import ConfigError, PatentLMError

Filter = Callable[[Tensor, Tensor, float], Tensor]

NEVER = -math.inf
NO_WORD = "no word can be drawn: the network's logits are not finite numbers"
BELOW_1 = 1 - 2**-24
"""The largest float32 below 1; times any number it is less, however rounded."""
GREEDY_BELOW = 1e-6
"""A colder temperature than this is greedy: dividing by it would leave the range of a float."""


def repetition_penalty(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Makes words already written less likely: divides their logits by `value` where positive and
    multiplies where negative (Keskar et al. 2019, "CTRL"); 1 changes nothing.

    The sign of a logit means nothing, since softmax ignores a shift; so logits are measured from
    their row's mean. Log-probabilities would be as invariant, but a word as good as certain, which
    is what loops are made of, has a log-probability near 0 and would escape the penalty.
    """
    if value == 1:
        return logits
    finite = logits.isfinite()
    wide = torch.float32 if logits.is_mps else torch.float64  # Apple's GPUs have no float64
    total = logits.masked_fill(~finite, 0).sum(dim=1, keepdim=True, dtype=wide)
    centred = logits - (total / finite.sum(dim=1, keepdim=True)).to(logits.dtype)  # (B, V)
    chosen = centred.gather(1, written)  # (B, t)
    chosen = torch.where(chosen > 0, chosen / value, chosen * value)
    return centred.scatter(1, written, chosen)


def no_repeat_ngram(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Forbids each word that would complete a run of `value` words already written (Paulus et al.
    2017, "A deep reinforced model for abstractive summarization"); 0 is off.

    A row in which that would leave no word at all stays as it is.
    """
    n, words = int(value), written.numpy()
    length = words.shape[1]
    if n == 0 or length < n:
        return logits
    repeats = np.ones((len(words), length - n + 1), dtype=bool)  # by where a run of n begins
    for back in range(1, n):
        repeats &= words[:, n - 1 - back : length - back] == words[:, length - back, None]
    rows, runs = repeats.nonzero()
    if len(rows) == 0:
        return logits
    filtered = logits.numpy().copy()
    filtered[rows, words[rows, runs + n - 1]] = NEVER
    rows = np.unique(rows)
    emptied = rows[(filtered[rows] == NEVER).all(axis=1)]
    filtered[emptied] = logits.numpy()[emptied]
    return torch.from_numpy(filtered)


def temperature(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Divides by `value`: below 1 sharper, above 1 flatter; 0 keeps the likeliest word alone, the
    first where several are equally likely."""
    if value == 1:
        return logits
    if value < GREEDY_BELOW:
        best = logits.argmax(dim=1, keepdim=True)  # (B, 1)
        return torch.full_like(logits, NEVER).scatter(1, best, logits.gather(1, best))
    return (logits - logits.amax(dim=1, keepdim=True)) / value


def top_k(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Keeps the `value` likeliest words, and those as likely as the last of them (Fan et al. 2018,
    "Hierarchical neural story generation")."""
    k = min(int(value), logits.shape[1])
    last = logits.topk(k, dim=1).values[:, -1:]  # (B, 1)
    return logits.masked_fill(logits < last, NEVER)


def top_p(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Keeps the fewest likeliest words whose probabilities add up to `value` or more, the first of
    those equally likely (Holtzman et al. 2020, "The curious case of neural text degeneration"); 1
    keeps all."""
    if value >= 1:
        return logits
    rows, each = logits.numpy(), np.arange(len(logits))
    ordered = np.sort(rows, axis=1)  # values alone: many times faster than with their places
    left_out = _quantile(torch.from_numpy(ordered).softmax(dim=1), 1 - value)  # (B,)
    if left_out is None:
        return logits  # of which nothing can be drawn
    lowest = ordered[each, left_out]
    # Softmax ignores a shift, and so a threshold serves, many times faster than a mask.
    below = torch.from_numpy(np.nextafter(lowest, rows.dtype.type(NEVER)))
    kept = functional.threshold(logits - below[:, None], 0.0, NEVER, inplace=True)
    for row in (ordered[each, left_out - 1] == lowest).nonzero()[0]:
        equal = (rows[row] == lowest[row]).nonzero()[0]
        likelier = np.count_nonzero(rows[row] > lowest[row])
        kept.numpy()[row, equal[rows.shape[1] - left_out[row] - likelier :]] = NEVER
    return kept


def min_p(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Keeps words of at least `value` times the probability of the likeliest (Nguyen et al. 2024,
    "Turning up the heat: min-p sampling"); 0 keeps all."""
    relative = (logits - logits.amax(dim=1, keepdim=True)).exp()  # (B, V)
    return logits.masked_fill(relative < value, NEVER)


FILTERS: dict[str, Filter] = {
    "repetition_penalty": repetition_penalty,
    "no_repeat_ngram": no_repeat_ngram,
    "temperature": temperature,
    "top_k": top_k,
    "top_p": top_p,
    "min_p": min_p,
}
"""The filters by their name in a sampling config, in the order in which they apply."""

_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "repetition_penalty": ("above 0, at most 1000", lambda value: 0 < value <= 1000),
    "no_repeat_ngram": ("a whole number, 0 or more", lambda value: value >= 0 and value % 1 == 0),
    "temperature": ("0 (greedy) to 1000", lambda value: 0 <= value <= 1000),
    "top_k": ("a whole number, 1 or more", lambda value: value >= 1 and value % 1 == 0),
    "top_p": ("above 0, at most 1", lambda value: 0 < value <= 1),
    "min_p": ("0 to 1", lambda value: 0 <= value <= 1),
}


def check_sampling(sampling: Mapping[str, float | None]) -> None:
    """Checks a sampling config; None leaves a filter out.

    Raises:
        ConfigError: an unknown name, or a value its filter cannot work with.
    """
    for name, value in sampling.items():
        if name not in FILTERS:
            raise ConfigError(f"sampling knows no {name!r}, only {', '.join(FILTERS)}")
        if value is None:
            continue
        range_, fits = _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
            raise ConfigError(f"sampling.{name} must be {range_}, not {value!r}")


def apply_filters(
    logits: Tensor,
    written: Tensor,
    sampling: Mapping[str, float | None],
    filters: Mapping[str, Filter] = FILTERS,
) -> Tensor:
    """Logits after all filters of a sampling config, such as `{"temperature": 0.8, "top_p": 0.95}`.

    Args:
        logits: `(B, V)`, at least one of each row finite.
        written: words written so far, `(B, t)` int64; t may be 0.
        sampling: settings by name in any order, None to leave a filter out; `check_sampling` must
            have passed them.
        filters: by name, in the order in which they apply.

    Returns:
        `(B, V)`; at least one word of each row stays possible.
    """
    for name, apply in filters.items():
        value = sampling.get(name)
        if value is not None:
            logits = apply(logits, written, value)
    return logits


def choose(
    logits: Tensor, written: Tensor, sampling: Mapping[str, float | None], uniforms: Tensor
) -> Tensor:
    """One word of each row, filtered and drawn, never `<unk>`.

    Args:
        logits: `(B, V)`, which may change.
        written: words written so far, `(B, t)` int64.
        sampling: settings by name.
        uniforms: numbers in [0, 1), `(B,)`.

    Returns:
        Words `(B,)` int64.

    Raises:
        PatentLMError: a row has no possible word, or logits that are not numbers.
    """
    logits.numpy()[:, UNK] = NEVER
    return draw(apply_filters(logits, written, sampling), uniforms)


def draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """One word of each row, drawn from `softmax(logits)` by inverting its distribution.

    A row's word depends on its own logits and its own number alone, whatever else is in the batch.
    Probabilities are summed in the precision of the logits.

    Args:
        logits: `(B, V)`.
        uniforms: numbers in [0, 1), `(B,)`.

    Returns:
        Words `(B,)` int64, never one of probability zero.

    Raises:
        PatentLMError: a row has no possible word, or logits that are not numbers.
    """
    words = _quantile(logits.softmax(dim=1), uniforms.numpy())
    if words is None:
        raise PatentLMError(NO_WORD)
    return torch.from_numpy(words)


def _quantile(probs: Tensor, at: np.ndarray | float) -> np.ndarray | None:
    """The first place in each row `(B, V)` where the sum so far exceeds a part of 1, from 0 to
    below 1, `(B,)`; its probability is never 0. None if `probs` are not numbers. They change."""
    sums = probs.cumsum_(dim=1)
    whole = sums.numpy()[:, -1]
    if math.isnan(whole.sum()):
        return None
    asked = np.minimum(at, whole * BELOW_1).astype(whole.dtype)
    places = torch.searchsorted(sums, torch.from_numpy(asked)[:, None], right=True)
    return places.numpy()[:, 0]
