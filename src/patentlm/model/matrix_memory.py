"""Recurrent layers whose memory is a matrix: all words are read at once."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patentlm.model.autocast import without_autocast
from patentlm.model.linear_recurrence import Layers

MLSTMState = tuple[Tensor, Tensor, Tensor, Tensor]
"""Hidden vectors, `(layers, B, H)`; of N heads of size D: memories, `(layers, B, N, D, D)`, sums of
keys, `(layers, B, N, D)`, and the log of the scale of both, `(layers, B, N)`."""
LONGEST, SHORTEST = 6.0, 3.0
"""Biases with which forget gates start, over the heads: some forget later than others."""
SMALL = -80.0
"""A logarithm of what is as good as 0, and whose inverse float32 still holds."""


class MLSTM(Layers):
    """LSTM layers that write vectors under keys, and read them with queries.

    Beck et al. 2024, "xLSTM: extended long short-term memory", equations 19 to 27, with the norm
    over each head of its figure 11. At each word, `C = f C + i k vᵀ` and `n = f n + i k`, and the
    hidden vector is `o * norm(Cᵀ q / max(|n · q|, 1))`. Gates don't read the last output, so that
    the words of a text come from one product of all queries with all keys.

    Args:
        heads: number N of memories of a layer, each with a part of the units.
        others: arguments of `torch.nn.LSTM`; `batch_first` must be true.

    Raises:
        ValueError: if heads cannot share the units.

    Example:
        >>> sizes = {"input_size": 3, "hidden_size": 4, "num_layers": 1}
        >>> layers = MLSTM(heads=2, **sizes, dropout=0.0, batch_first=True)
        >>> hidden, state = layers(torch.zeros(5, 7, 3))
        >>> hidden.shape, state[1].shape
        (torch.Size([5, 7, 4]), torch.Size([1, 5, 2, 2, 2]))
    """

    def __init__(self, *, heads: int, **others: Any) -> None:
        super().__init__(partial(_Layer, heads=heads), **others)

    def forward(self, inputs: Tensor, state: MLSTMState | None = None) -> tuple[Tensor, MLSTMState]:
        """Maps inputs `(B, T, E)` and a state to hidden vectors `(B, T, H)` and the new state."""
        hidden, ends = inputs, []
        for number, layer in enumerate(self.layers):
            before = None if state is None else [part[number] for part in state[1:]]
            hidden, *end = layer(self.dropout(hidden) if number else hidden, before)
            ends.append((hidden[:, -1], *end))
        hiddens, memories, keys, scales = (torch.stack(part) for part in zip(*ends, strict=True))
        return hidden, (hiddens, memories, keys, scales)


class _Layer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, heads: int) -> None:
        super().__init__()
        if hidden_size % heads:
            raise ValueError(f"cell.heads={heads} does not divide hidden_size={hidden_size}")
        self.heads, self.size = heads, hidden_size // heads
        wide = ("output", "query", "key", "value")
        sizes = dict.fromkeys(wide, hidden_size) | dict.fromkeys(("input", "forget"), heads)
        self.products = nn.ModuleDict(
            {name: nn.Linear(input_size, size) for name, size in sizes.items()}
        )
        for linear in self.products.values():
            nn.init.xavier_uniform_(linear.get_parameter("weight"))
            nn.init.zeros_(linear.get_parameter("bias"))
        open_gates = torch.linspace(SHORTEST, LONGEST, heads)
        self.products["forget"].get_parameter("bias").detach().copy_(open_gates)
        self.norm = nn.Parameter(torch.ones(hidden_size))

    def forward(self, inputs: Tensor, state: Any) -> tuple[Tensor, ...]:
        """Maps inputs `(B, T, I)` and the state of this layer to hidden vectors and its state."""
        output, *made = self._products(inputs)
        with without_autocast(output):
            query, key, value, gate, forget = (self._by_head(part) for part in made)
            before = state or self._zeros(output)
            read, *end = read_memory(query, key, value, gate, forget, before)
            normed = F.layer_norm(read, read.shape[-1:]).transpose(1, 2).flatten(2)  # (B, T, H)
            return output.sigmoid() * self.norm * normed, *end

    def _products(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns what all linear layers make of inputs, float32 or wider."""
        weights, biases = zip(*(one.parameters() for one in self.products.values()), strict=True)
        products = F.linear(inputs, torch.cat(weights), torch.cat(biases))
        wide = torch.promote_types(products.dtype, torch.float32)
        return torch.split(products.to(wide), [len(bias) for bias in biases], dim=-1)

    def _by_head(self, values: Tensor) -> Tensor:
        """Maps `(B, T, N D)` to `(B, N, T, D)`."""
        return torch.unflatten(values, -1, (self.heads, -1)).transpose(1, 2)

    def _zeros(self, like: Tensor) -> list[Tensor]:
        rows = len(like), self.heads
        return [like.new_zeros(*rows, *sizes) for sizes in ((self.size,) * 2, (self.size,), ())]


def read_memory(
    query: Tensor, key: Tensor, value: Tensor, gate: Tensor, forget: Tensor, state: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reads a matrix memory after each word, all words at once.

    Beck et al. 2024, appendix A.3. Word t reads the value of word s with the weight
    `exp(i_s) f_(s+1) … f_t (q_t · k_s) / √D`; all weights of a word are scaled alike, so that none
    overflows.

    Args:
        query: `(B, N, T, D)`.
        key: `(B, N, T, D)`.
        value: `(B, N, T, D)`.
        gate: logarithm of the input gate, `(B, N, T, 1)`.
        forget: forget gate before its sigmoid, `(B, N, T, 1)`.
        state: memory `(B, N, D, D)`, sum of keys `(B, N, D)` and the log of their scale `(B, N)`.

    Returns:
        What is read, `(B, N, T, D)`, and the three parts of the new state.
    """
    memory, keys, scale = state
    key, gate = key / key.shape[-1] ** 0.5, gate.transpose(-1, -2)  # (B, N, 1, T)
    decay = F.logsigmoid(forget).cumsum(2)  # (B, N, T, 1)
    seen = torch.ones(2 * gate.shape[-1:], dtype=torch.bool, device=gate.device).tril()
    kept = (decay - decay.transpose(-1, -2) + gate).masked_fill(~seen, -torch.inf)  # (B, N, T, T)
    carried = decay + scale[..., None, None]  # (B, N, T, 1)
    most = torch.maximum(kept.amax(-1, keepdim=True), carried)
    kept, carried = (kept - most).exp(), (carried - most).exp()
    weights = kept * (query @ key.mT)
    found = weights @ value + carried * (query @ memory)
    norm = weights.sum(-1, keepdim=True) + carried * (query @ keys[..., None])
    read = found / torch.maximum(norm.abs(), (-most.clamp(min=SMALL)).exp())
    last, old = kept[..., -1:, :], carried[..., -1:, :]  # (B, N, 1, T), (B, N, 1, 1)
    memory = old * memory + (last * key.mT) @ value
    keys = old[..., 0] * keys + (last @ key)[..., 0, :]
    return read, memory, keys, most[..., -1, 0]
