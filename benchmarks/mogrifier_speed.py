"""How long Mogrifier layers take to learn: a product a step for each gradient, and one for all.

    python -m benchmarks.mogrifier_speed

Forward and backward of the two layers of `experiment=mogrifier` on 16 texts of 140 words, by turns.
Prints a table and writes `benchmarks/results/mogrifier_speed.json`.
"""

from collections.abc import Sequence
from time import process_time
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from benchmarks import results
from patentlm.model import cells
from patentlm.runtime import keep_freed_memory

TEXTS, WORDS, SIZE = 16, 140, 400
ROUNDS = 8


class StepByStep:
    """Stands in for `cells._StepwiseLinear`; autograd adds up the gradients of all steps."""

    def __init__(self, bias: Tensor | None, *weights: Tensor, shape: Sequence[int]) -> None:
        self.bias, self.weights = bias, weights

    def __call__(self, *values: Tensor) -> Tensor:
        biases = [self.bias, *[None] * len(self.weights)]
        return sum(map(linear, values, self.weights, biases))


def milliseconds(layers: nn.Module, inputs: Tensor, stepwise: type) -> float:
    """Of one forward and backward pass."""
    begun = process_time()
    with patch.object(cells, "_StepwiseLinear", stepwise):
        layers(inputs, None)[0].sum().backward()
    return 1000 * (process_time() - begun)


def main() -> None:
    """Measures, prints and writes."""
    torch.set_flush_denormal(True)
    keep_freed_memory()
    layers = cells.MogrifierLSTM(
        rounds=4,
        rank=64,
        input_size=SIZE,
        hidden_size=SIZE,
        num_layers=2,
        dropout=0.0,
        batch_first=True,
    )
    inputs = torch.randn(TEXTS, WORDS, SIZE)
    contenders = {"one for all steps": cells._StepwiseLinear, "a product a step": StepByStep}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, stepwise in contenders.items():
            times[name].append(milliseconds(layers, inputs, stepwise))
    rows = [{"gradient": n, "milliseconds": results.spread(some)} for n, some in times.items()]
    results.write(
        "mogrifier_speed", "Forward and backward of two Mogrifier layers", rows, seed=None
    )


if __name__ == "__main__":
    main()
