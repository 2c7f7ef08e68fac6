"""Reads texts word by word, as a network was trained to read."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from patentlm.data.windows import Context
from patentlm.data.words import END
from patentlm.model.network import Network, State


class Reader:
    """Reads several texts in parallel, one word at a time.

    With a context of n words, each prediction depends on the last n words, read from a zero state.
    So n states are kept, each started one word after the one before: all read the same words, and
    the one that has read n gives the hidden vector and is reset. That is one step of the network
    for each word, where reading the context again would be n. Otherwise one state is carried.

    Args:
        network: the network.
        context: how far back it looks.
    """

    def __init__(self, network: Network, context: Context) -> None:
        self.network = network
        self.device = next(network.parameters()).device
        self.restarts = isinstance(context, int)
        self.states = states_of(context)  # S
        self._state: State = None  # its parts (layers, B · S, …)
        self._oldest = 0

    def begin(self, prompt: Sequence[int], count: int) -> Tensor:
        """Reads a prompt once for `count` texts; returns hidden vectors `(B, H)`."""
        words = [END, *prompt]
        if self.restarts:
            words = ([END] * self.states + words)[-self.states :]
        for word in torch.tensor(words, device=self.device)[:, None]:
            hidden = self.read(word)
        self._state = _change(self._state, lambda part: torch.cat([part] * count, dim=1))
        return hidden.repeat(count, 1)

    def read(self, words: Tensor) -> Tensor:
        """Reads one word of each text `(B,)`; returns hidden vectors `(B, H)` on the device."""
        inputs = words
        if self.restarts:
            self._state = _change(self._state, self._restart)
            inputs = inputs.repeat_interleave(self.states)  # (B · S,)
        hidden, self._state = self.network(inputs[:, None], self._state)
        self._oldest = (self._oldest + 1) % self.states
        return hidden[self._oldest :: self.states, 0]  # type: ignore[no-any-return]

    def keep(self, texts: Tensor) -> None:
        """Continues with some of the texts, given by their indices `(B',)` on the device."""
        states = torch.arange(self.states, device=self.device)
        kept = (texts[:, None] * self.states + states).flatten()
        self._state = _change(self._state, lambda part: part[:, kept])

    def _restart(self, part: Tensor) -> Tensor:
        part[:, self._oldest :: self.states] = 0
        return part


def states_of(context: Context) -> int:
    """Returns how many states a `Reader` keeps for each text."""
    return context if isinstance(context, int) else 1


def _change(state: State, by: Callable[[Tensor], Tensor]) -> State:
    """Applies a change to each tensor of a state; None, which stands for zeros, stays None."""
    if isinstance(state, Tensor):
        return by(state)
    return None if state is None else type(state)(_change(part, by) for part in state)
