"""An LSTM that reads words many of which are the same, on a CPU.

Most words of a batch occur in it several times, and what a word brings to the gates does not
depend on where it stands. So it is worked out once for each different word, and so is the gradient
that comes back: of an LSTM's six matrix products three shrink to a fraction. The results are those
of `torch.nn.LSTM`. Each thread takes rows of its own through all steps, where torch's kernel has
the threads wait for each other in every step.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

ROWS = 32
"""Fewest rows of a thread, half of the fewest of a batch: with fewer, calling torch takes longer
than what it does."""

R = TypeVar("R")
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def suits(recurrent: nn.Module, inputs: Tensor) -> TypeGuard[nn.LSTM]:
    """Whether `lstm_over_words` can take the place of recurrent layers and is faster: one layer of
    torch's LSTM in full precision, on a CPU, with enough rows in `inputs` `(B, T)`."""
    return (
        type(recurrent) is nn.LSTM
        and (recurrent.num_layers, recurrent.bidirectional, recurrent.proj_size) == (1, False, 0)
        and recurrent.bias
        and inputs.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and len(inputs) >= 2 * ROWS
    )


def lstm_over_words(
    lstm: nn.LSTM, embedding: Tensor, inputs: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Hidden vectors after each word and the state after the last, from a state of zeros.

    Args:
        lstm: one that `suits`.
        embedding: a vector for each word of the vocabulary, `(V, E)`.
        inputs: words, `(B, T)`.

    Returns:
        hidden `(B, T, H)`, and the state as torch's LSTM has it.
    """
    from_inputs, from_hidden, *biases = lstm.all_weights[0]
    words, places = torch.unique(inputs.t(), return_inverse=True)  # (U,), (T, B)
    vectors = nn.functional.embedding(words, embedding)  # (U, E)
    products = torch.addmm(torch.add(*biases), vectors, from_inputs.t())  # (U, 4H)
    hidden, memory = _Recurrence.apply(products, from_hidden, places)  # type: ignore[no-untyped-call]
    return hidden.transpose(0, 1), (hidden[None, -1], memory[None])


class _Trace(NamedTuple):
    """What the steps leave behind; gates in torch's order: input, forget, cell, output."""

    places: Tensor  # (T, B): which product
    gates: Tensor  # (T, B, 4H)
    hidden: Tensor  # (T + 1, B, H)
    memory: Tensor  # (T + 1, B, H)
    shown: Tensor  # (T, B, H): tanh of the memory after each step

    def of(self, rows: slice) -> "_Trace":
        return _Trace(*(part[:, rows] for part in self))

    def steps(self) -> Iterator[tuple[Tensor, ...]]:
        """For each step places, gates together and one by one, the memory before it, and shown."""
        parts = (self.places, self.gates, *self.gates.chunk(4, dim=2), self.memory[:-1], self.shown)
        return zip(*(part.unbind() for part in parts), strict=True)


class _Recurrence(torch.autograd.Function):
    """The products of the different words `(U, 4H)`, the recurrent weight `(4H, H)` and places
    `(T, B)` to hidden `(T, B, H)` and the last memory `(B, H)`."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, weight: Tensor, places: Tensor) -> tuple[Tensor, ...]:
        (steps, rows), size = places.shape, weight.shape[1]
        gates = products.new_empty(steps, rows, 4 * size)
        hidden, memory = products.new_zeros(2, steps + 1, rows, size)
        trace = _Trace(places, gates, hidden, memory, torch.empty_like(hidden[1:]))
        turned = weight.t().contiguous()
        _share_out(lambda some: _read(products, turned, trace.of(some)), rows)
        ctx.save_for_backward(weight, *trace)
        ctx.words = len(products)
        return hidden[1:], memory[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_hidden: Tensor, by_memory: Tensor) -> tuple[Tensor | None, ...]:
        weight, *parts = ctx.saved_tensors
        trace = _Trace(*parts)

        def go_back(some: slice) -> Tensor:
            return _go_back(weight, ctx.words, trace.of(some), by_hidden[:, some], by_memory[some])

        by_products = torch.stack(_share_out(go_back, trace.places.shape[1])).sum(dim=0)
        by_weight = trace.gates.flatten(0, 1).t() @ trace.hidden[:-1].flatten(0, 1)
        return by_products, by_weight, None


@torch.no_grad()
def _read(products: Tensor, turned: Tensor, trace: _Trace) -> None:
    """Fills a trace step by step; the recurrent weight is turned to `(H, 4H)`."""
    befores, afters = trace.hidden[:-1].unbind(), trace.hidden[1:].unbind()
    for step, before, after, memory in zip(
        trace.steps(), befores, afters, trace.memory[1:].unbind(), strict=True
    ):
        places, gates, enter, forget, cell, leave, kept, shown = step
        torch.index_select(products, 0, places, out=gates)
        gates.addmm_(before, turned)
        # tanh x is 2 sigmoid 2x - 1, and torch's sigmoid is several times as fast as its tanh.
        cell.mul_(2)
        gates.sigmoid_()
        cell.mul_(2).sub_(1)
        torch.mul(forget, kept, out=memory).addcmul_(enter, cell)
        torch.mul(memory, 2, out=shown).sigmoid_().mul_(2).sub_(1)
        torch.mul(leave, shown, out=after)


@torch.no_grad()
def _go_back(
    weight: Tensor, words: int, trace: _Trace, by_hidden: Tensor, by_memory: Tensor
) -> Tensor:
    """Turns a trace's gates into their gradients, step by step from the last, and gives the sum of
    those of each product, `(U, 4H)`."""
    size = weight.shape[1]
    by_products = weight.new_zeros(words, 4 * size)
    by_before, by_memory = torch.zeros_like(by_memory), by_memory.clone()
    spare = torch.empty_like(by_memory)
    change = by_memory.new_empty(len(by_memory), 4 * size)
    by_enter, by_forget, by_cell, by_leave = change.chunk(4, dim=1)
    for step, given in reversed(list(zip(trace.steps(), by_hidden.unbind(), strict=True))):
        places, gates, enter, forget, cell, leave, kept, shown = step
        by_before.add_(given)
        torch.mul(by_before, shown, out=by_leave)
        torch.mul(by_before, leave, out=spare)
        by_memory.add_(tanh_backward(spare, shown, grad_input=spare))
        torch.mul(by_memory, cell, out=by_enter)
        torch.mul(by_memory, kept, out=by_forget)
        torch.mul(by_memory, enter, out=by_cell)
        by_memory.mul_(forget)
        both = gates[:, : 2 * size]
        sigmoid_backward(change[:, : 2 * size], both, grad_input=both)
        tanh_backward(by_cell, cell, grad_input=cell)
        sigmoid_backward(by_leave, leave, grad_input=leave)
        by_products.index_add_(0, places, gates)
        torch.mm(gates, weight, out=by_before)
    return by_products


def _share_out(work: Callable[[slice], R], rows: int) -> list[R]:
    """Has each thread do the work on some of the rows; torch's own threads stay out of it."""
    threads = torch.get_num_threads()
    parts = max(1, min(threads, rows // ROWS))
    if parts == 1:
        return [work(slice(rows))]
    bounds = [rows * part // parts for part in range(parts + 1)]
    inference = torch.is_inference_mode_enabled()  # each thread has a mode of its own

    def work_alike(some: slice) -> R:
        with torch.inference_mode(inference):
            return work(some)

    return list(_pool(threads).map(work_alike, (slice(*ends) for ends in pairwise(bounds))))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
