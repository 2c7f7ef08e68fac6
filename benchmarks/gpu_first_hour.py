"""What only a real device can tell: exactness, speed and use of its peak, in a few minutes.

    python -m benchmarks.gpu_first_hour [--device cuda] [--quick]

1. Losses and gradients beside the CPU's, in float32, with TF32 off and on.
2. The error of bf16-mixed gradients by targets a step; recurrent weights apart.
3. Training steps of `model=lstm_large` by batch and precision, in targets per second and in TFLOP/s
   of its matrix products beside those of large square matrices.
4. Words per second of generation.

Prints the tables; `--quick` takes tiny sizes, to try the command itself on a CPU.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter

import torch
from tabulate import tabulate
from torch import Tensor, nn
from torch.backends import cudnn

from benchmarks.machine import add_device, synchronize
from patentlm.batch import IGNORE, Batch, select_targets
from patentlm.generation.generator import generate
from patentlm.model import cells, head
from patentlm.model.network import Network
from patentlm.training.precision import cpu_has_bf16_lstm

CELLS = {
    "lstm": (cells.LSTM, head.SoftmaxHead),
    "weight drop": (partial(cells.WeightDropLSTM, weight_drop=0.0), head.TiedHead),
    "mogrifier": (partial(cells.MogrifierLSTM, rounds=4, rank=16), head.SoftmaxHead),
}
BATCHES = (
    (128, 50, True),
    (16, 120, False),
    (64, 120, False),
    (256, 120, False),
    (1024, 120, False),
)
"""Texts, words, and whether the last word alone is a target."""
Gradients = Mapping[str, Tensor]


def network(
    vocabulary: int,
    *,
    size: int = 512,
    embedding_size: int = 400,
    dropout: float = 0.0,
    cell: Callable[..., nn.Module] = cells.LSTM,
    head: Callable[..., nn.Module] = head.SoftmaxHead,
) -> Network:
    """By default that of `model=lstm_large`."""
    torch.manual_seed(0)
    return Network(
        vocabulary=vocabulary, embedding_size=embedding_size, hidden_size=size, layers=2,
        dropout=dropout, input_dropout=dropout, output_dropout=dropout, locked_dropout=False,
        embedding_dropout=0.0, frozen_embedding=False, cell=cell, head=head,
    )  # fmt: skip


def batch(vocabulary: int, texts: int, words: int, *, last: bool = False) -> Batch:
    """Random words."""
    draw = torch.Generator().manual_seed(1)
    inputs, targets = (torch.randint(2, vocabulary, (texts, words), generator=draw) for _ in "it")
    if last:
        targets[:, :-1] = IGNORE
    return inputs, targets


def loss_of(made: Network, some: Batch, places: Tensor | None = None) -> Tensor:
    hidden, _ = made(some[0], None)
    return made.head.loss(*select_targets(hidden, some[1], places))


def gradients(
    made: Network, some: Batch, device: str, *, bf16: bool = False
) -> tuple[float, Gradients]:
    """The loss, and the gradients by name, in float32 on the CPU."""
    made = made.to(device).train()
    made.zero_grad()
    inputs, targets = (part.to(device) for part in some)
    with torch.autocast(device, torch.bfloat16, enabled=bf16):
        loss = loss_of(made, (inputs, targets))
    loss.backward()
    return float(loss.detach()), {n: p.grad.float().cpu() for n, p in made.named_parameters()}


def error(found: Gradients, exact: Gradients, part: str = "") -> float:
    """The largest relative error of a parameter's gradient."""
    return max(
        float((found[name] - exact[name]).norm() / exact[name].norm().clamp(min=1e-30))
        for name in exact
        if part in name
    )


def exactness(device: str) -> str:
    """Beside the CPU."""
    rows = []
    for name, (cell, kind) in CELLS.items():
        made = network(500, size=64, embedding_size=64, cell=cell, head=kind)
        some = batch(500, 8, 12)
        loss, exact = gradients(made, some, "cpu")
        for tf32 in (False, True):
            cudnn.allow_tf32 = tf32
            there, found = gradients(made, some, device)
            rows.append((name, "on" if tf32 else "off", abs(there - loss), error(found, exact)))
    return tabulate(rows, ("cell", "TF32", "loss off by", "gradients off by"), floatfmt=".1e")


def rounding(device: str, vocabulary: int, sizes: Sequence[tuple[int, int]]) -> str:
    """bf16-mixed beside float32."""
    rows = []
    for texts, words in sizes:
        made, some = network(vocabulary), batch(vocabulary, texts, words)
        _, exact = gradients(made, some, device)
        _, found = gradients(made, some, device, bf16=True)
        rows.append((texts * words, error(found, exact), error(found, exact, "weight_hh")))
    return tabulate(rows, ("targets a step", "gradients off by", "recurrent ones"), floatfmt=".3f")


def has_bf16(device: str) -> bool:
    """Not every processor can run an LSTM in it."""
    return device != "cpu" or cpu_has_bf16_lstm()


def seconds(work: Callable[[], object], device: str, times: int) -> float:
    """Of one turn, after three that do not count."""
    for _ in range(3):
        work()
    synchronize(device)
    begun = perf_counter()
    for _ in range(times):
        work()
    synchronize(device)
    return (perf_counter() - begun) / times


def peak_flops(device: str, size: int) -> float:
    """Of products of two large square matrices in bf16."""
    square = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2 * size**3 / seconds(lambda: square @ square, device, 10)


def training(
    device: str, vocabulary: int, sizes: Sequence[tuple[int, int, bool]], size: int
) -> str:
    """Steps of the large network."""
    peak, rows = peak_flops(device, size), []
    for texts, words, last in sizes:
        for bf16 in (False, True) if has_bf16(device) else (False,):
            made = network(vocabulary, dropout=0.5).to(device).train()
            optimizer = torch.optim.Adam(made.parameters(), 1e-3, fused=True)
            some = batch(vocabulary, texts, words, last=last)
            places = (some[1].t().flatten() != IGNORE).nonzero()[:, 0].to(device)
            inputs, targets = (part.to(device) for part in some)

            def step() -> None:
                with torch.autocast(device, torch.bfloat16, enabled=bf16):  # noqa: B023
                    loss = loss_of(made, (inputs, targets), places)  # noqa: B023
                loss.backward()
                optimizer.step()  # noqa: B023
                optimizer.zero_grad()  # noqa: B023

            taken, learned = seconds(step, device, 3 if size < 1024 else 20), len(places)
            flops = 6 * made.macs_per_target(texts * words / learned) * learned / taken
            precision = "bf16-mixed" if bf16 else "32-true"
            row = (f"{texts} x {words}", learned, precision, taken * 1e3, learned / taken)
            rows.append((*row, flops / 1e12, flops / peak))
    headers = ("batch", "targets", "precision", "ms", "targets/s", "TFLOP/s", "of the peak")
    return tabulate(rows, headers, floatfmt=("", "", "", ".2f", ",.0f", ".1f", ".2f"))


def writing(device: str, vocabulary: int, counts: Sequence[int], words: int) -> str:
    """Texts side by side."""
    made, rows = network(vocabulary).to(device).eval(), []
    settings = {"prompt": [5], "seed": 1, "sampling": {"top_p": 0.9}, "context": None}
    for count in counts:
        go = partial(generate, made, count=count, max_words=words, **settings)
        go()
        begun = perf_counter()
        written = sum(len(text.ids) for text in go())
        rows.append((count, written / (perf_counter() - begun)))
    return tabulate(rows, ("texts", "words/s"), floatfmt=",.0f")


def asked() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add_device(parser, default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the command")
    return parser.parse_args()


def main() -> None:
    """Measures and prints."""
    arguments = asked()
    device, quick = arguments.device, arguments.quick
    name = torch.cuda.get_device_name() if device == "cuda" else device
    print(f"torch {torch.__version__}, {name}, cuDNN {cudnn.version()}\n")
    vocabulary = 500 if quick else 5963
    texts = (2,) if quick else (16, 64, 256)
    print(exactness(device), end="\n\n")
    if has_bf16(device):
        print(rounding(device, vocabulary, [(n, 8 if quick else 120) for n in texts]), end="\n\n")
    sizes = ((2, 8, False),) if quick else BATCHES
    print(training(device, vocabulary, sizes, 256 if quick else 8192), end="\n\n")
    print(writing(device, vocabulary, (2,) if quick else (1, 32, 256), 10 if quick else 100))


if __name__ == "__main__":
    main()
