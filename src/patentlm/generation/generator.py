"""Generates texts from a prompt, one word at a time."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.backends import mkldnn
from torch.nn import functional

from patentlm.data.windows import Context
from patentlm.data.words import END, UNK
from patentlm.errors import PatentLMError
from patentlm.generation import on_device
from patentlm.generation import sampling as on_cpu
from patentlm.generation.reader import Reader, states_of
from patentlm.generation.sampling import NO_WORD, check_sampling
from patentlm.model.network import Network
from patentlm.progress import progress_bar

FEWEST_TEXTS, MOST_TEXTS = 8, 32
"""Texts that one thread writes side by side: fewer don't fill it, the logits of more don't fit its
cache."""
ON_DEVICE = 256
"""Texts that an accelerator writes in parallel."""
LOOK_EVERY = 16
"""Words between two checks for ended texts, for which the host waits."""
ONEDNN_ROWS = 256
"""Rows from which on oneDNN's LSTM, which reorders its weights in each call, is faster."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated text.

    Args:
        ids: word ids after the prompt.
        finished: False if the text was cut off at the maximum length.
    """

    ids: tuple[int, ...]
    finished: bool


def generate(
    network: Network,
    *,
    prompt: Sequence[int],
    count: int,
    seed: int,
    max_words: int,
    sampling: Mapping[str, float | None],
    context: Context,
) -> list[Generated]:
    """Generates texts from a prompt, in parallel.

    Text i has random numbers of its own, so it does not depend on `count`. `<unk>` is never
    written.

    Args:
        network: predicts the next word.
        prompt: word ids; may be empty.
        count: number of texts; may be 0.
        seed: random seed.
        max_words: maximum length after the prompt.
        sampling: filters by name, see `patentlm.generation.sampling.FILTERS`.
        context: how far back the network looks.

    Returns:
        The texts.

    Raises:
        ConfigError: if `sampling` does not work.
    """
    check_sampling(sampling)
    if count == 0:
        return []
    network.eval()
    threads = torch.get_num_threads()
    texts = min(MOST_TEXTS, max(FEWEST_TEXTS, math.ceil(count / threads)))
    if next(network.parameters()).device.type != "cpu":
        texts = ON_DEVICE
    parts = torch.split(_uniforms(count, max_words, seed), texts)
    with (
        _set_for_steps(min(count, texts) * states_of(context)),
        progress_bar("Writing", unit="words", total=count * max_words) as bar,
        ThreadPoolExecutor(min(threads, len(parts))) as pool,
    ):
        write = partial(write_part, network, prompt, sampling, context, bar.update)
        return [text for written in pool.map(write, parts) for text in written]


@contextmanager
def _set_for_steps(rows: int) -> Iterator[None]:
    """Context in which each thread computes alone, and without oneDNN for few rows.

    A step is too small to share: threads that wait for each other cost more than they bring, and
    hundreds of times more if another process keeps the cores busy. So each thread writes texts of
    its own.
    """
    threads, onednn = torch.get_num_threads(), mkldnn.enabled
    torch.set_num_threads(1)
    mkldnn.enabled = onednn and rows >= ONEDNN_ROWS  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        mkldnn.enabled = onednn


@torch.inference_mode()
def write_part(
    network: Network,
    prompt: Sequence[int],
    sampling: Mapping[str, float | None],
    context: Context,
    report: Callable[[int], object],
    uniforms: Tensor,
) -> list[Generated]:
    """Generates a text for each row of random numbers `(B, max_words)`, in one thread."""
    torch.set_num_threads(1)  # each thread has a setting of its own
    (count, max_words), start = uniforms.shape, len(prompt)
    reader = Reader(network, context)
    device = reader.device
    choose, every = way_of(device)
    if device.type != "cpu":
        uniforms = uniforms.float().to(device)
    history = torch.tensor(prompt, dtype=torch.int64, device=device).repeat(count, 1)  # (B, t)
    history = functional.pad(history, (0, max_words), value=END)  # room for what will be written
    texts, rows = history[:, start:].clone(), torch.arange(count, device=device)
    hidden = reader.begin(prompt, count)
    for at in range(start, start + max_words):
        logits = network.head.logits(hidden).float()  # (B, V)
        history[:, at] = words = choose(logits, history[:, :at], sampling, uniforms[:, at - start])
        report(len(words))
        if (at + 1 - start) % every == 0 or at + 1 == start + max_words:
            latest = history[:, max(start, at + 1 - every) : at + 1]
            going = _going(latest.tolist())
            if len(going) < len(words):
                texts[rows] = history[:, start:]
                kept = torch.tensor(going, dtype=torch.int64, device=device)
                rows, words, history = rows[kept], words[kept], history[kept]
                uniforms = uniforms[kept]
                reader.keep(kept)
            if not going:
                break
        hidden = reader.read(words)
    texts[rows] = history[:, start:]
    return [_until_end(row) for row in texts.tolist()]


def way_of(device: torch.device) -> tuple[Callable[..., Tensor], int]:
    """Returns how words are chosen, and after how many words ended texts are looked for."""
    return (on_cpu.choose, 1) if device.type == "cpu" else (on_device.choose, LOOK_EVERY)


def _going(latest: list[list[int]]) -> list[int]:
    """Returns the indices of texts without `<end>` among the last words `(B, t)`."""
    if any(UNK in words for words in latest):
        raise PatentLMError(NO_WORD)
    return [place for place, words in enumerate(latest) if END not in words]


def _uniforms(count: int, max_words: int, seed: int) -> Tensor:
    """Returns random numbers `(count, max_words)`, each row made from seed and index alone."""
    rows = [torch.Generator().manual_seed(seed * 1_000_003 + row) for row in range(count)]
    return torch.stack([torch.rand(max_words, generator=row, dtype=torch.float64) for row in rows])


def _until_end(ids: list[int]) -> Generated:
    finished = END in ids
    return Generated(tuple(ids[: ids.index(END)] if finished else ids), finished)
