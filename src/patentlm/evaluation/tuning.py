"""Constants of the neural cache and of dynamic evaluation, found on valid alone."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from patentlm.data.corpus import Corpus
from patentlm.data.windows import Context, abstract_starts, evaluation_windows
from patentlm.data.words import Ids
from patentlm.errors import ConfigError
from patentlm.evaluation.dynamic import Settings, mean_squares, read_adapting, score_adapting
from patentlm.evaluation.evaluate import read_windows
from patentlm.model.cache import CacheHead
from patentlm.model.network import Network
from patentlm.trained_model import TrainedModel

SPLIT = "valid"
THETAS = tuple(2 ** (k / 2) for k in range(-16, 7))
SHARES = tuple(k / 50 for k in range(48))
STEP = 2.0
"""Factor between neighbouring learning rates, and between decays."""


def tune(model: TrainedModel, corpus: Corpus, config: DictConfig) -> str:
    """The constants with the lowest perplexity on abstracts of valid, as arguments to use.

    A learning rate and a decay are climbed to from those given, without the cache; then all thetas
    and shares of a grid are tried on one reading.

    Args:
        model: without a cache.
        corpus: its train and valid are read, its test never.
        config: of evaluate.py; its `tune` says how many abstracts.

    Raises:
        ConfigError: if there is nothing to tune, or settings can't work.
    """
    ids, context = some_abstracts(corpus.ids(SPLIT), config.tune), model.contents.context
    cached = model.with_cache(**config.cache).network if config.cache else model.network
    windows = evaluation_windows(ids, context=context, batch_size=config.evaluation_batch_size)
    reads, chosen = read_windows(cached, windows), []
    if config.adaptation:
        settings = Settings(**config.adaptation)
        squares = mean_squares(model.network, corpus.ids("train"), settings, context=context)
        settings, found = climb(model.network, ids, squares, settings, context=context)
        reads = read_adapting(cached, ids, squares, settings, context=context)
        chosen += ["adaptation=dynamic"]
        chosen += [f"adaptation.{n}={getattr(settings, n):.3g}" for n in ("learning_rate", "decay")]
    if config.cache:
        theta, share, found = fit_cache(cached, reads)
        chosen += ["cache=neural", f"cache.theta={theta:.3g}", f"cache.share={share:.3g}"]
    if not chosen:
        raise ConfigError("tune has nothing to tune; give cache=neural or adaptation=dynamic")
    return f"{SPLIT}, {len(ids) - 1:,} targets: perplexity {found:.2f} with\n{' '.join(chosen)}"


def some_abstracts(ids: Ids, count: int) -> Ids:
    """A split `(targets + 1,)` of `count` of its abstracts, evenly spaced; all where there are no
    more."""
    starts = abstract_starts(ids)
    abstracts = len(starts) - 1
    chosen = np.unique(np.linspace(0, abstracts - 1, min(count, abstracts)).round().astype(int))
    texts = [ids[starts[at] + 1 : starts[at + 1] + 1] for at in chosen]
    return np.concatenate([ids[:1], *texts])


@torch.no_grad()
def fit_cache(
    network: Network, reads: Iterable[tuple[Tensor, Tensor]]
) -> tuple[float, float, float]:
    """The best theta and share of `THETAS` and `SHARES`, and the perplexity with them.

    Args:
        network: with a cache, whose own constants do not matter.
        reads: its rows and the targets.
    """
    head = network.head
    assert isinstance(head, CacheHead)
    parts = [_chances(head, rows, targets) for rows, targets in reads]
    known, copied = (torch.cat(part) for part in zip(*parts, strict=True))  # (N, 1), (N, thetas)
    full = ~copied.isnan()
    losses = torch.stack(
        [
            -torch.where(full, share * copied + (1 - share) * known, known).log().mean(0)
            for share in SHARES
        ]
    )  # (shares, thetas)
    share, theta = divmod(int(losses.argmin()), len(THETAS))
    return THETAS[theta], SHARES[share], math.exp(float(losses.min()))


def _chances(head: CacheHead, rows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Of each target, its probability without the cache `(N, 1)`, and that which the cache alone
    gives it with each theta `(N, thetas)`; nan where it is empty."""
    hidden, scores, words = head.split(rows)
    logits = head.softmax.logits(hidden).double()  # type: ignore[operator]
    known = logits.softmax(-1).gather(1, targets[:, None])
    hits = words == targets[:, None]
    copied = [((theta * scores).softmax(-1) * hits).sum(1) for theta in THETAS]
    empty = scores.isinf().all(-1, keepdim=True)
    return known, torch.stack(copied, dim=1).double().masked_fill(empty, torch.nan)


def climb(
    network: Network, ids: Ids, squares: Sequence[Tensor], settings: Settings, *, context: Context
) -> tuple[Settings, float]:
    """Settings with a learning rate and a decay no neighbour of which is better, and the perplexity
    with them."""
    tried: dict[Settings, float] = {}

    def nats(settings: Settings) -> float:
        if settings not in tried:
            tried[settings] = score_adapting(network, ids, squares, settings, context=context).loss
        return tried[settings]

    while True:
        best = min([settings, *_neighbours(settings)], key=nats)
        if best == settings:
            return best, math.exp(tried[best])
        settings = best


def _neighbours(settings: Settings) -> Iterator[Settings]:
    for factor in (STEP, 1 / STEP):
        yield replace(settings, learning_rate=settings.learning_rate * factor)
        yield replace(settings, decay=settings.decay * factor)
