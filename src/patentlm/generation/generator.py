"""Prompt → text, one word at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import trange

from patentlm.data.windows import Context
from patentlm.data.words import END, UNK
from patentlm.generation.sampling import apply_filters, check_sampling, draw
from patentlm.model.network import Network, State


@dataclass(frozen=True, slots=True)
class Generated:
    """Word ids written after the prompt, and whether the text came to its end or was cut off at
    the most words allowed."""

    ids: tuple[int, ...]
    finished: bool


@torch.inference_mode()
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
    """Writes `count` texts that begin with a prompt, side by side.

    Text i is drawn from random numbers of its own, so it does not depend on `count`. `<unk>` is
    never written.

    Args:
        network: predicts the next word.
        prompt: word ids; may be empty.
        count: how many texts.
        seed: equal seeds, equal texts.
        max_words: where a text is cut off that has not ended, the prompt left out.
        sampling: filters by name, see `patentlm.generation.sampling.FILTERS`.
        context: how far back the network was made to look.

    Raises:
        ConfigError: if `sampling` can't work.
    """
    check_sampling(sampling)
    network.eval()
    uniforms = _uniforms(count, max_words, seed)
    history = torch.tensor([[END, *prompt]]).repeat(count, 1)  # (B, 1 + t)
    reader = _Reader(network, context)
    done = torch.zeros(count, dtype=torch.bool)
    with _one_thread():
        for step in trange(
            max_words, desc="Writing", unit=" words", delay=2, disable=None, leave=False
        ):
            logits = reader.logits(history)  # (B, V)
            logits[:, UNK] = -torch.inf
            words = draw(apply_filters(logits, history[:, 1:], sampling), uniforms[:, step])
            history = torch.cat([history, words.masked_fill(done, END)[:, None]], dim=1)
            done |= words == END
            if done.all():
                break
    return [_until_end(row) for row in history[:, 1 + len(prompt) :].tolist()]


@contextmanager
def _one_thread() -> Iterator[None]:
    """A step is too small to share: threads that wait for each other cost more than they bring,
    and hundreds of times more where another process keeps the cores busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Reader:
    """Feeds a growing history to the network the way it was trained to read.

    With a context of n words each prediction is made from the last n, read from a zero state;
    otherwise the state is carried and each step reads what is new.
    """

    def __init__(self, network: Network, context: Context) -> None:
        self.network, self.context = network, context
        self.device = next(network.parameters()).device
        self.state: State = None
        self.seen = 0

    def logits(self, history: Tensor) -> Tensor:
        """Logits `(B, V)` of the word after a history `(B, t)`; both on the CPU, where all is the
        same for all devices, and some devices lack float64."""
        history = history.to(self.device)
        if isinstance(self.context, int):
            blanks = history.new_full((len(history), max(0, self.context - history.shape[1])), END)
            hidden, _ = self.network(torch.cat([blanks, history[:, -self.context :]], dim=1))
        else:
            hidden, self.state = self.network(history[:, self.seen :], self.state)
            self.seen = history.shape[1]
        return self.network.head.logits(hidden[:, -1]).float().cpu()


def _uniforms(count: int, max_words: int, seed: int) -> Tensor:
    """A row of random numbers for each text `(count, max_words)`, made from (seed, row) alone."""
    rows = [torch.Generator().manual_seed(seed * 1_000_003 + row) for row in range(count)]
    return torch.stack([torch.rand(max_words, generator=row, dtype=torch.float64) for row in rows])


def _until_end(ids: list[int]) -> Generated:
    finished = END in ids
    return Generated(tuple(ids[: ids.index(END)] if finished else ids), finished)
