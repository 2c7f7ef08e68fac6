"""Samples the next word: filters of the logits, then one draw.

A filter takes the logits `(B, V)`, the words written so far `(B, t)` and its setting, and returns
the logits with some of them changed; minus infinity forbids a word. All of this is for the CPU;
`on_device` has what accelerators do differently.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from patentlm.data.words import UNK
from patentlm.errors import ConfigError, PatentLMError

Filter = Callable[[Tensor, Tensor, float], Tensor]

NEVER = -math.inf
NO_WORD = "no word can be drawn: the network's logits are not finite numbers"
BELOW_1 = 1 - 2**-24
"""The largest float32 below 1; multiplying by it makes any number smaller, also after rounding."""
GREEDY_BELOW = 1e-6
"""Lower temperatures are greedy: dividing by them would overflow."""


def repetition_penalty(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Makes words already written less likely (Keskar et al. 2019, "CTRL"); 1 changes nothing.

    Logits are divided by `value` if positive and multiplied if negative. Since softmax ignores a
    shift, the sign of a logit means nothing by itself, so logits are taken relative to their row's
    mean. Log-probabilities would be as invariant, but an almost certain word, which loops are made
    of, has a log-probability near 0 and would escape the penalty.
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
    """Forbids words that would repeat an n-gram of `value` words; 0 is off.

    Paulus et al. 2017, "A deep reinforced model for abstractive summarization". A row in which no
    word would be left stays as it is.
    """
    n, words = int(value), written.numpy()
    length = words.shape[1]
    if n == 0 or length < n:
        return logits
    repeats = np.ones((len(words), length - n + 1), dtype=bool)  # by the start of an n-gram
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
    """Divides logits by `value`: below 1 sharper, above 1 flatter.

    0 keeps the most likely word alone, the first of several equally likely.
    """
    if value == 1:
        return logits
    if value < GREEDY_BELOW:
        best = logits.argmax(dim=1, keepdim=True)  # (B, 1)
        return torch.full_like(logits, NEVER).scatter(1, best, logits.gather(1, best))
    return (logits - logits.amax(dim=1, keepdim=True)) / value


def top_k(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Keeps the `value` most likely words, and those as likely as the last of them.

    Fan et al. 2018, "Hierarchical neural story generation".
    """
    k = min(int(value), logits.shape[1])
    last = logits.topk(k, dim=1).values[:, -1:]  # (B, 1)
    return logits.masked_fill(logits < last, NEVER)


def top_p(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Keeps the fewest most likely words with a total probability of `value` or more; 1 keeps all.

    Of equally likely words, the first are kept. Holtzman et al. 2020, "The curious case of neural
    text degeneration".
    """
    if value >= 1:
        return logits
    probs, filtered = logits.softmax(dim=1).numpy(), logits.new_full(logits.shape, NEVER)
    for row, filtered_row, logits_row in zip(probs, filtered.numpy(), logits.numpy(), strict=True):
        nucleus = _nucleus(row, logits_row, value)
        filtered_row[nucleus] = logits_row[nucleus]
    return filtered


def _nucleus(probs: np.ndarray, logits: np.ndarray, value: float) -> np.ndarray:
    """Returns the words that `top_p` keeps; none if `probs` `(V,)` are not numbers."""
    mean_left_out = (1 - value) / len(probs)  # words below it are left out
    for lowest in (100 * mean_left_out, 10 * mean_left_out, mean_left_out):  # sorts few words
        likely = (probs >= lowest).nonzero()[0]
        if probs[likely].sum() >= value:
            break
    # Values alone are sorted several times as fast as with their places.
    sums = np.cumsum(np.sort(probs[likely])[::-1], dtype=np.float64)
    left_out, known = len(sums) - int(np.searchsorted(sums, value)) - 1, logits[likely]
    if left_out <= 0:
        return likely
    last = np.partition(known, left_out)[left_out]
    above, equal = (known > last).nonzero()[0], (known == last).nonzero()[0]
    equal = equal[: len(known) - left_out - len(above)]
    kept: np.ndarray = likely[np.concatenate([above, equal])]
    return kept


def min_p(logits: Tensor, written: Tensor, value: float) -> Tensor:
    """Keeps words with at least `value` times the highest probability; 0 keeps all.

    Nguyen et al. 2024, "Turning up the heat: min-p sampling".
    """
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
"""Filters by their name in a sampling config, in the order in which they are applied."""

_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "repetition_penalty": ("above 0, at most 1000", lambda value: 0 < value <= 1000),
    "no_repeat_ngram": ("a whole number, 0 or more", lambda value: value >= 0 and value % 1 == 0),
    "temperature": ("0 (greedy) to 1000", lambda value: 0 <= value <= 1000),
    "top_k": ("a whole number, 1 or more", lambda value: value >= 1 and value % 1 == 0),
    "top_p": ("above 0, at most 1", lambda value: 0 < value <= 1),
    "min_p": ("0 to 1", lambda value: 0 <= value <= 1),
}


def check_sampling(sampling: Mapping[str, float | None]) -> None:
    """Checks a sampling config; None turns a filter off.

    Raises:
        ConfigError: if a name is unknown, or a value does not work.
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
    """Applies all filters of a sampling config, such as `{"temperature": 0.8, "top_p": 0.95}`.

    Args:
        logits: `(B, V)`, at least one of each row finite.
        written: words written so far, `(B, t)` int64; t may be 0.
        sampling: settings by name in any order, None turns a filter off; already checked by
            `check_sampling`.
        filters: filters by name, in the order in which they are applied.

    Returns:
        Logits `(B, V)`; at least one word of each row stays possible.
    """
    for name, apply in filters.items():
        value = sampling.get(name)
        if value is not None:
            logits = apply(logits, written, value)
    return logits


def choose(
    logits: Tensor, written: Tensor, sampling: Mapping[str, float | None], uniforms: Tensor
) -> Tensor:
    """Samples one word of each row after applying the filters, never `<unk>`.

    Args:
        logits: `(B, V)`; may be overwritten.
        written: words written so far, `(B, t)` int64.
        sampling: settings by name.
        uniforms: random numbers in [0, 1), `(B,)`.

    Returns:
        Words `(B,)` int64.

    Raises:
        PatentLMError: if a row has no possible word, or logits that are not numbers.
    """
    logits.numpy()[:, UNK] = NEVER
    return draw(apply_filters(logits, written, sampling), uniforms)


def draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Samples one word of each row from `softmax(logits)` by inverse transform sampling.

    A row's word depends on its own logits and random number alone. Probabilities are summed in the
    precision of the logits.

    Args:
        logits: `(B, V)`.
        uniforms: random numbers in [0, 1), `(B,)`.

    Returns:
        Words `(B,)` int64, never one of probability zero.

    Raises:
        PatentLMError: if a row has no possible word, or logits that are not numbers.

    Example:
        >>> logits = torch.tensor([[0.25, 0.25, 0.5]]).log().repeat(3, 1)
        >>> draw(logits, torch.tensor([0.1, 0.3, 0.9])).tolist()
        [0, 1, 2]
    """
    words = _quantile(logits.softmax(dim=1), uniforms.numpy())
    if words is None:
        raise PatentLMError(NO_WORD)
    return torch.from_numpy(words)


def _quantile(probs: Tensor, at: np.ndarray | float) -> np.ndarray | None:
    """Returns where cumulative sums `(B, V)` first exceed a part of 1, `(B,)`.

    The probability there is never 0. None if `probs` are not numbers. `probs` are overwritten.
    """
    sums = probs.cumsum_(dim=1)
    whole = sums.numpy()[:, -1]
    if math.isnan(whole.sum()):
        return None
    asked = np.minimum(at, whole * BELOW_1).astype(whole.dtype)
    places = torch.searchsorted(sums, torch.from_numpy(asked)[:, None], right=True)
    return places.numpy()[:, 0]
