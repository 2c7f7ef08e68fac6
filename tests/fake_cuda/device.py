"""A CUDA device that computes nothing: torch's fake tensors, with what they lack of a GPU.

Shapes, types, devices and strides of every operation are torch's own, and so are autocast, autograd
and the optimizers. What would ask the driver stands here: cuDNN's recurrent layers, with their
checks and the cast to float16 of their autocast wrapper, and reads of values, which are counted.
"""

import ctypes
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

# First of all, before torch looks for its hooks.
ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from patentlm.data.words import END  # noqa: E402

aten = torch.ops.aten
SOURCE = "/src/patentlm/"
torch_kernels = nn.modules.rnn._VF
recurrent_types: Counter[str] = Counter()
"""Types that cuDNN's recurrent layers computed in."""
waits: Counter[str] = Counter()
"""Lines of ours where the host waited for the device."""


@contextmanager
def fake_cuda() -> Iterator[None]:
    """Tensors made in here are fake; "cuda" is there."""
    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    torch.cuda.is_bf16_supported = lambda *args, **kwargs: True
    nn.modules.rnn._VF = SimpleNamespace(lstm=lstm, gru=gru)
    nn.RNNBase.flatten_parameters = lambda layers: None
    FakeTensor.tolist = tolist
    meta = torch.library.Library("aten", "IMPL", "Meta")
    meta.impl("_cudnn_rnn_backward", cudnn_backward)
    with FakeTensorMode(allow_non_fake_inputs=True), Values():
        yield


def lstm(inputs, state, weights, bias, layers, dropout, train, both_ways, batch_first):
    if not (inputs.is_cuda and torch.backends.cudnn.enabled):
        return torch_kernels.lstm(
            inputs, state, weights, bias, layers, dropout, train, both_ways, batch_first
        )
    return cudnn(2, inputs, *state, weights, layers, dropout, train)


def gru(inputs, hidden, weights, bias, layers, dropout, train, both_ways, batch_first):
    if not (inputs.is_cuda and torch.backends.cudnn.enabled):
        with torch._dispatch.python.enable_python_dispatcher():
            return torch_kernels.gru(
                inputs, hidden, weights, bias, layers, dropout, train, both_ways, batch_first
            )
    return cudnn(3, inputs, hidden, None, weights, layers, dropout, train)[:2]


def cudnn(mode, inputs, hidden, cell, weights, layers, dropout, train):
    """cuDNN's forward pass as torch calls it, `(B, T, E)` to `(B, T, H)`."""
    if torch.is_autocast_enabled("cuda"):  # float16, whatever autocast's type
        half = torch.float16
        inputs, hidden, cell = (x if x is None else x.to(half) for x in (inputs, hidden, cell))
        weights = [weight.to(half) for weight in weights]
    assert {part.dtype for part in (*weights, hidden)} == {inputs.dtype}, "types differ"
    assert {part.device for part in (*weights, hidden)} == {inputs.device}, "devices differ"
    assert hidden.is_contiguous(), "the state is not contiguous"
    assert cell is None or cell.is_contiguous(), "the state is not contiguous"
    assert hidden.shape[:2] == (layers, len(inputs)), "the state has other rows"
    recurrent_types[str(inputs.dtype)] += 1
    buffer = weights[0].new_empty(sum(weight.numel() for weight in weights))
    with torch.autocast("cuda", enabled=False):
        outputs, hidden, cell, *_ = torch._cudnn_rnn(
            inputs.transpose(0, 1), list(weights), 4, buffer, hidden, cell, mode, hidden.shape[2],
            0, layers, False, dropout, train, False, [], None,
        )  # fmt: skip
    return outputs.transpose(0, 1), hidden, cell


def cudnn_backward(inputs, weights, stride, buffer, hidden, cell, output, *rest):
    gradients, train = rest[:3], rest[9]
    assert train, "cuDNN has no way back for networks that don't train"
    assert all(g is None or g.dtype == inputs.dtype for g in gradients), "types differ"
    states = (None if x is None else torch.empty_like(x) for x in (hidden, cell))
    return torch.empty_like(inputs), *states, [torch.empty_like(weight) for weight in weights]


def tolist(words):
    """Word 2 everywhere, but the last of several rows ends."""
    note("values", words)
    rows = [[2] * words.shape[-1] for _ in range(words[..., 0].numel())]
    if len(rows) > 1:
        rows[-1][-1] = END
    return rows if words.dim() == 2 else [1] * len(words)


class Values(TorchDispatchMode):
    """Answers what asks for values, and counts it where they lie on the device."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs, first = kwargs or {}, args[0] if args else None
        if operation is aten.nonzero.default:
            note("nonzero", first)
            return torch.empty(
                first.numel() // 2, first.dim(), dtype=torch.int64, device=first.device
            )
        if operation in (aten.index.Tensor, aten.index_put_.default):
            places = [place for mask in args[1] for place in as_places(mask)]
            return operation(first, places, *args[2:], **kwargs)
        if operation is aten._local_scalar_dense.default:
            note("item", first)
            return {torch.bool: True, torch.int64: 1}.get(first.dtype, 1.0)
        if operation is aten._to_copy.default:
            wanted = kwargs.get("device") or first.device
            if torch.device(wanted).type != first.device.type:
                note("copy", first)
        return operation(*args, **kwargs)


def as_places(mask):
    """A mask as torch indexes by it: the places of the half of it that is true."""
    if mask is None or mask.dtype is not torch.bool:
        return [mask]
    note("mask", mask)
    return [
        torch.empty(max(1, mask.numel() // 2), dtype=torch.int64, device=mask.device)
        for _ in range(mask.dim())
    ]


def note(what: str, tensor: torch.Tensor) -> None:
    """Counts a wait in a line of ours."""
    for frame in reversed(traceback.extract_stack()):
        if tensor.is_cuda and SOURCE in frame.filename:
            waits[f"{what} {frame.filename.split(SOURCE)[1]}:{frame.name}"] += 1
            return
