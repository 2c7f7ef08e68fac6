"""How long dropout takes: torch's and ours.

    python -m benchmarks.dropout_speed

Forward and backward of activations `(20, 35, 200)` and `(16, 140, 400)` and of weights `(1600,
400)`, each by turns, in milliseconds of the processor, so that other work counts little; the
fastest of all. Prints a table and writes
`benchmarks/results/dropout_speed.json`.
"""

from collections.abc import Callable
from time import process_time

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import results
from patentlm.model.dropout import dropout
from patentlm.runtime import keep_freed_memory

SIZES = ((20, 35, 200), (16, 140, 400), (1600, 400))
SHARE = 0.3
ROUNDS = 20


def milliseconds(drop: Callable[[Tensor, float], Tensor], inputs: Tensor) -> float:
    """Of one forward and backward pass."""
    begun = process_time()
    drop(inputs, SHARE).sum().backward()
    return 1000 * (process_time() - begun)


def main() -> None:
    """Measures and prints."""
    keep_freed_memory()
    rows = []
    for size in SIZES:
        inputs = torch.randn(size, requires_grad=True)
        turns = [
            (milliseconds(functional.dropout, inputs), milliseconds(dropout, inputs))
            for _ in range(ROUNDS)
        ]
        theirs, ours = map(min, zip(*turns, strict=True))
        rows.append({"size": str(size), "torch": theirs, "patentlm": ours, "ratio": theirs / ours})
    title = "Dropout, forward and backward, in milliseconds of the processor"
    results.write("dropout_speed", title, rows, seed=None)


if __name__ == "__main__":
    main()
