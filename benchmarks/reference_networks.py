"""Networks of other people's examples, trained their way: valid perplexity after each epoch.

`word_language_model` is PyTorch's example (see `stock_reference`), `transformer` a small GPT of the
shape of nanoGPT's, on the batches of our presets. Both are scored as ours are: on every word and
the end of each abstract, from words of the same abstract.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import process_time

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from benchmarks.stock_reference import LEARNING_RATE, StockNetwork, stock_batches, stock_step
from patentlm.batch import IGNORE, Batch
from patentlm.data.arrays import Ids
from patentlm.model.network import State

WIDTH, HEADS, LAYERS, DROPOUT = 128, 4, 4, 0.2
WARM_UP_SHARE, WEIGHT_DECAY, MAX_NORM = 0.1, 0.1, 1.0
PEAK_RATES = (1e-3, 2e-3, 4e-3)
TRIAL = 5  # times shorter than the training for which they choose a rate

Logits = Callable[[Tensor], Tensor]
"""Of words `(B, T)`: logits `(B, T, V)` of the next ones."""
Epoch = dict[str, float]
"""`valid_perplexity`, and the `processor_seconds` since training began."""


class Transformer(nn.Module):
    """A causal transformer (Radford et al. 2019): words `(B, T)` to logits `(B, T, V)`.

    Args:
        vocabulary: number of words V.
        positions: most words of a text.
    """

    def __init__(self, vocabulary: int, positions: int) -> None:
        super().__init__()
        self.words, self.positions = (nn.Embedding(n, WIDTH) for n in (vocabulary, positions))
        block = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, DROPOUT, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            block, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.head = nn.Linear(WIDTH, vocabulary, bias=False)
        self.head.weight = self.words.weight
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, inputs: Tensor) -> Tensor:
        steps = inputs.shape[1]
        vectors = self.words(inputs) + self.positions.weight[:steps]
        later = nn.Transformer.generate_square_subsequent_mask(steps, dtype=vectors.dtype)
        return self.head(self.blocks(vectors, mask=later, is_causal=True))  # type: ignore[no-any-return]


def best_transformer(
    vocabulary: int, train: Sequence[Batch], valid: Sequence[Batch], epochs: int
) -> list[Epoch]:
    """Trains with the rate that ends best on valid in trials of a fifth of the epochs.

    Args:
        vocabulary: number of words V.
        train: batches of an epoch.
        valid: batches it is scored on.
        epochs: of the training itself.

    Returns:
        The epochs of that training, without those of the trials.
    """
    fit = partial(fit_transformer, vocabulary, train, valid)

    def end(rate: float) -> float:
        return list(fit(max(1, epochs // TRIAL), rate=rate))[-1]["valid_perplexity"]

    return list(fit(epochs, rate=min(PEAK_RATES, key=end)))


def fit_transformer(
    vocabulary: int, train: Sequence[Batch], valid: Sequence[Batch], epochs: int, *, rate: float
) -> Iterator[Epoch]:
    """AdamW with a warm-up and a cosine, gradients clipped, as nanoGPT trains.

    Args:
        vocabulary: number of words V.
        train: batches of an epoch, in another order in each.
        valid: batches it is scored on.
        epochs: how many.
        rate: the highest of the learning rate.
    """
    positions = max(inputs.shape[1] for batches in (train, valid) for inputs, _ in batches)
    network = Transformer(vocabulary, positions)
    steps = epochs * len(train)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, steps, pct_start=WARM_UP_SHARE, cycle_momentum=False
    )

    def epoch() -> None:
        for place in torch.randperm(len(train)):
            inputs, targets = train[place]
            optimizer.zero_grad()
            logits = network(inputs).flatten(0, 1)
            cross_entropy(logits, targets.flatten(), ignore_index=IGNORE).backward()
            clip_grad_norm_(network.parameters(), MAX_NORM)
            optimizer.step()
            schedule.step()

    return _epochs(network, epoch, network, valid, epochs)


def fit_word_language_model(
    vocabulary: int, ids: Ids, valid: Sequence[Batch], epochs: int
) -> Iterator[Epoch]:
    """The example's loop: plain SGD, its rate a quarter after each epoch that is not the best.

    Args:
        vocabulary: number of words V.
        ids: the training split, `(targets + 1,)`.
        valid: batches it is scored on.
        epochs: how many.
    """
    network = StockNetwork(vocabulary)
    batches, rate, best = stock_batches(ids), LEARNING_RATE, math.inf

    def epoch() -> None:
        state: State = None
        for batch in batches:
            state = stock_step(network, batch, state, rate)

    def logits(inputs: Tensor) -> Tensor:
        return network(inputs.t())[0].transpose(0, 1)  # type: ignore[no-any-return]

    for found in _epochs(network, epoch, logits, valid, epochs):
        yield found
        if found["valid_perplexity"] > best:
            rate /= 4
        best = min(best, found["valid_perplexity"])


def _epochs(
    network: nn.Module,
    epoch: Callable[[], None],
    logits: Logits,
    valid: Sequence[Batch],
    epochs: int,
) -> Iterator[Epoch]:
    """Trains epoch by epoch, scoring after each."""
    begun = process_time()
    for _ in range(epochs):
        network.train()
        epoch()
        network.eval()
        perplexity = valid_perplexity(logits, valid)
        yield {"valid_perplexity": perplexity, "processor_seconds": process_time() - begun}


@torch.no_grad()
def valid_perplexity(logits: Logits, valid: Sequence[Batch]) -> float:
    """Perplexity over all targets.

    >>> batch = torch.tensor([[0, 1]]), torch.tensor([[1, 0]])
    >>> round(valid_perplexity(lambda inputs: torch.zeros(1, 2, 4), [batch]), 6)  # of four words
    4.0
    """
    total, count = 0.0, 0
    for inputs, targets in valid:
        found, words = logits(inputs).flatten(0, 1), targets.flatten()
        total += cross_entropy(found, words, ignore_index=IGNORE, reduction="sum").item()
        count += int((words != IGNORE).sum())
    return math.exp(total / count)
