"""What is set by the machine at hand."""

import subprocess
import sys

import pytest
import torch

from patentlm import machine
from patentlm.errors import ConfigError
from patentlm.machine import fastest_precision
from patentlm.training import choose_precision


def test_a_cpu_gets_one_of_two_precisions() -> None:
    assert fastest_precision("cpu") in ("32-true", "bf16-mixed")


def test_what_is_not_known_gets_float32() -> None:
    assert fastest_precision("mps") == "32-true"


@pytest.mark.parametrize(
    ("product", "lstm", "step", "precision"),
    [
        (1.0, True, 0.6, "bf16-mixed"),
        (1.0, True, 0.9, "32-true"),
        (1.0, False, None, "32-true"),
        (100.0, True, None, "32-true"),
    ],
)
def test_bf16_only_where_it_trains_faster(
    monkeypatch: pytest.MonkeyPatch,
    product: float,
    lstm: bool,
    step: float | None,
    precision: str,
) -> None:
    """A processor that is hopeless at a product, or can't run an LSTM, is not made to do a step."""
    slowdowns = {machine._product: product, machine._training_step: step}
    monkeypatch.setattr(machine, "_slowdown", slowdowns.__getitem__)
    monkeypatch.setattr(machine, "cpu_has_bf16_lstm", lambda: lstm)
    assert fastest_precision("cpu") == precision


def test_measuring_leaves_the_threads_as_they_were() -> None:
    fastest_precision("cpu")
    assert torch.get_num_threads() == 1


def test_a_chosen_precision_stays() -> None:
    assert choose_precision("64-true", "cpu") == "64-true"
    assert choose_precision("auto", "cpu") == fastest_precision("cpu")


def test_bf16_is_refused_where_no_lstm_can_run_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: object) -> None:
        raise RuntimeError("could not create a primitive descriptor")

    monkeypatch.setattr(torch.nn.LSTM, "forward", unable)
    with pytest.raises(ConfigError, match=r"^trainer.precision=bf16-mixed: this processor can't"):
        choose_precision("bf16-mixed", "cpu")
    assert choose_precision("16-mixed", "cpu") == "16-mixed"


def test_freed_memory_is_kept() -> None:
    """In a process of its own, since it can't be undone: what was freed is still resident."""
    if not sys.platform.startswith("linux"):
        pytest.skip("about glibc")
    code = (
        "import torch; from pathlib import Path; from patentlm.machine import keep_freed_memory\n"
        "pages = lambda: int(Path('/proc/self/statm').read_text().split()[1])\n"
        "keep_freed_memory(); before = pages()\n"
        "block = torch.ones(2**26); del block\n"
        "print((pages() - before) * 4096 >= 2**27)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
