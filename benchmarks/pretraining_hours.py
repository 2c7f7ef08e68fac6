"""How long one pass over all of PatentsView takes: an extrapolation, for three machines.

    python -m benchmarks.pretraining_hours [--steps 3]

The network of `experiment=pretrain`, with a vocabulary of 50,000, learns some batches of generated
ids in a plain loop. That gives words per second of a core, by processor time, so that other work on
the machine counts little, and by the operations of a word (six for each weight of its matrices,
Kaplan et al. 2020) GFLOP/s. All cores are taken to do as many times as much. The words of the whole
are its nine million rows times the words of a row, less duplicates and designs, as
`patentsview_table` has them after what is known of the table at the portal. Hours on GPUs are those
operations over an assumed share of the peak of an H100 in bf16 (989 TFLOP/s); eight of them are
taken to do seven times as much. No GPU was measured. Prints a table and
writes `benchmarks/results/pretraining_hours.json`.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import psutil
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from benchmarks import results
from benchmarks.ours import configured
from benchmarks.patentsview_table import COPY, DESIGN, WORDS
from benchmarks.prepare_scale import ALL_ROWS
from benchmarks.stock_reference import targets_per_second
from patentlm.checkpoint import build_network
from patentlm.data.words import SPECIAL
from patentlm.training import run as training
from patentlm.training.precision import fastest_precision

TRAIN = 0.8
TARGETS = round(ALL_ROWS * (1 - DESIGN - COPY) * TRAIN * (WORDS + 1))
PEAK, SHARES, EIGHT = 989e12, (0.05, 0.2), 7
"""Of an H100 in bf16, operations a second; shares of it that are taken; eight beside one."""
TITLE = "Hours of one pass over all of PatentsView (extrapolated)"
NOTE = (
    f"Extrapolated for {TARGETS / 1e9:.2f} billion targets of train. Words per second of a "
    "core are measured by processor time; everything about GPUs is an assumption."
)
BATCH, LENGTH = 4, 128
"""Texts of a batch, fewer than the preset's: a step takes seconds; and words of a text."""


def measured(steps: int) -> tuple[float, float]:
    """Targets a second of a core here, and the operations that one takes."""
    with TemporaryDirectory(prefix="patentlm-hours-") as folder:
        config = configured(["experiment=pretrain", "trainer=cpu"], Path(folder))
    words = config.tokenizer.max_words + len(SPECIAL)
    plain = OmegaConf.to_container(config.model, resolve=True)
    network = build_network(plain, vocabulary=words)  # type: ignore[arg-type]
    ids = torch.randint(words, (BATCH, LENGTH + 1), generator=torch.Generator().manual_seed(1))
    speed = targets_per_second(
        network,
        instantiate(config.optimizer)(network.named_parameters()),
        [(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())],
        steps,
        carry_state=False,
        device="cpu",
        max_norm=config.trainer.gradient_clip_val,
        bf16=fastest_precision("cpu") == "bf16-mixed",
        clock=process_time,
    )
    return speed, 6 * network.macs_per_target(1.0)


def rows(speed: float, operations: float, cores: int) -> list[dict[str, str | float]]:
    """A row a machine."""
    speeds = {"one core here (measured)": speed, f"{cores} cores": cores * speed}
    for share in SHARES:
        one = PEAK * share / operations
        speeds[f"one H100 at {share:.0%} of its peak (assumed)"] = one
        speeds[f"eight H100 at {share:.0%} of their peak (assumed)"] = EIGHT * one
    return [
        {
            "machine": name,
            "words/s": round(words),
            "GFLOP/s": round(words * operations / 1e9),
            "hours an epoch (extrapolated)": float(f"{TARGETS / words / 3600:.2g}"),
        }
        for name, words in speeds.items()
    ]


def main() -> None:
    """Measures, prints and writes."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="that are timed (default: 3)")
    arguments = parser.parse_args()
    training.prepare_process(seed=1)
    table = rows(*measured(arguments.steps), cores=len(psutil.Process().cpu_affinity()))
    results.write("pretraining_hours", TITLE, table, seed=1, note=NOTE)


if __name__ == "__main__":
    main()
