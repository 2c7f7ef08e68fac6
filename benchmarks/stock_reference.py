"""Training loops in plain PyTorch: that of its example, in fp32, and ours without Lightning.

The example is the word language model of https://github.com/pytorch/examples, written anew: two
LSTM layers of 200, tied weights, 20 streams read 35 words at a time, and SGD by hand.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, islice, repeat
from multiprocessing import get_context
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from benchmarks.machine import synchronize
from patentlm.batch import IGNORE, Batch, LoadedBatch, select_targets
from patentlm.data.arrays import Ids
from patentlm.model.network import Network, State, detach

STREAMS, LENGTH = 20, 35
SIZE, LAYERS, DROPOUT = 200, 2, 0.2
LEARNING_RATE, MAX_NORM = 20.0, 0.25
WARM_UP = 5  # steps
Clock = Callable[[], float]
"""Seconds, of the day or of the processor."""


class StockNetwork(nn.Module):
    """The example's network, time first: words `(T, B)` to logits `(T, B, V)`, and the state."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(DROPOUT)
        self.encoder = nn.Embedding(vocabulary, SIZE)
        self.recurrent = nn.LSTM(SIZE, SIZE, LAYERS, dropout=DROPOUT)
        self.decoder = nn.Linear(SIZE, vocabulary)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, inputs: Tensor, state: State = None) -> tuple[Tensor, State]:
        embedded = self.dropout(self.encoder(inputs))  # (T, B, E)
        hidden, state = self.recurrent(embedded, state)  # (T, B, H)
        return self.decoder(self.dropout(hidden)), state


def words_per_second(ids: Ids, vocabulary: int, device: str, steps: int) -> float:
    """Speed of the example's loop.

    Args:
        ids: a split, `(targets + 1,)`.
        vocabulary: number of words V.
        device: where it trains.
        steps: how many are timed, after some to warm up.
    """
    network = StockNetwork(vocabulary).to(device).train()

    def learn(batch: Batch, state: State) -> State:
        inputs, targets = (part.to(device) for part in batch)
        return stock_step(network, (inputs, targets), state, LEARNING_RATE)

    return _speed(learn, stock_batches(ids), steps, device, perf_counter)


def stock_step(network: StockNetwork, batch: Batch, state: State, rate: float) -> State:
    """A step of the example's loop, which reads its loss each time; the state after it."""
    inputs, targets = batch
    network.zero_grad()
    logits, state = network(inputs, detach(state))
    loss = cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    clip_grad_norm_(network.parameters(), MAX_NORM)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(parameter.grad, alpha=-rate)
    loss.item()
    return state


def words_per_second_apart(ids: Ids, vocabulary: int, device: str, steps: int) -> float:
    """`words_per_second` in a fresh process, where torch has its own settings."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(words_per_second, ids, vocabulary, device, steps).result()


def stock_batches(ids: Ids) -> list[Batch]:
    """The example's batches, `(T, B)` each; words that fill no whole row are left out."""
    rows = (len(ids) - 1) // STREAMS
    words = torch.from_numpy(ids.astype("int64"))
    inputs, targets = (
        some[: rows * STREAMS].view(STREAMS, rows).t().contiguous()
        for some in (words[:-1], words[1:])
    )
    return list(zip(inputs.split(LENGTH), targets.split(LENGTH), strict=True))


def targets_per_second(
    network: Network,
    optimizer: Optimizer,
    batches: Iterable[Batch],
    steps: int,
    *,
    carry_state: bool,
    max_norm: float | None,
    bf16: bool,
    device: str,
    clock: Clock = perf_counter,
) -> float:
    """Speed of a network of ours in a loop that does what learning takes and no more.

    Args:
        network: what learns.
        optimizer: of its parameters.
        batches: of one epoch; read again where they are too few.
        steps: how many are timed, after some to warm up.
        carry_state: each batch goes on where the one before it stopped.
        max_norm: gradients are clipped to this norm, if any.
        bf16: matrix products are of that type, as with the Trainer's "bf16-mixed".
        device: where the network is.
        clock: `process_time` for targets a second of one core, whatever else the machine does.
    """
    network.train()

    def learn(batch: Batch, state: State) -> State:
        loaded = LoadedBatch.of(batch).to(torch.device(device))
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            hidden, state = network(loaded.inputs, detach(state))  # (B, T, H)
            loss = network.head.loss(*select_targets(hidden, loaded.targets, loaded.places))
        optimizer.zero_grad()
        loss.backward()
        if max_norm is not None:
            clip_grad_norm_(network.parameters(), max_norm)
        optimizer.step()
        return state if carry_state else None

    return _speed(learn, batches, steps, device, clock)


def _speed(
    learn: Callable[[Batch, State], State],
    batches: Iterable[Batch],
    steps: int,
    device: str,
    clock: Clock,
) -> float:
    state: State = None
    endless = chain.from_iterable(repeat(batches))
    for number in (WARM_UP, steps):
        targets = 0
        synchronize(device)
        start = clock()
        for batch in islice(endless, number):
            state = learn(batch, state)
            targets += int((batch[1] != IGNORE).sum())
    synchronize(device)
    return targets / (clock() - start)
