"""What is set by the machine at hand."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

from patentlm.errors import ConfigError
from patentlm.training import precision as machine
from patentlm.training.precision import fastest_precision
from patentlm.training.trainer import choose_precision


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
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        fastest_precision("cpu")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_chosen_precision_stays() -> None:
    assert choose_precision("64-true", "cpu") == "64-true"
    assert choose_precision("auto", "cpu") == fastest_precision("cpu")


@pytest.fixture
def compiled_for_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch like PyPI's wheel for Linux on a machine without a GPU: CUDA compiled in, none there.

    Stands in for that wheel of several GB, by what its function answers and raises there.
    """

    def current_accelerator(check_available: bool = False) -> torch.device | None:
        return None if check_available else torch.device("cuda")

    def no_driver(*_: object) -> None:
        raise RuntimeError("Found no NVIDIA driver on your system.")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    monkeypatch.setattr(torch.cuda, "get_device_capability", no_driver)
    monkeypatch.setattr(torch.cuda, "_lazy_init", no_driver)


@pytest.mark.usefixtures("compiled_for_cuda")
@pytest.mark.parametrize("accelerator", ["auto", "cpu", "gpu"])
def test_what_torch_was_compiled_for_need_not_be_there(accelerator: str) -> None:
    assert choose_precision("auto", accelerator) == fastest_precision("cpu")


@pytest.mark.usefixtures("compiled_for_cuda")
def test_a_run_works_where_cuda_is_only_compiled_in(
    run_script: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run_script("train", "debug=fast")
    with pytest.raises(SystemExit):
        run_script("train", "debug=fast", "trainer=gpu", "hydra.run.dir=other")
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: trainer=gpu: ")
    assert line.endswith("trainer=cpu works everywhere")


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
        "import torch; from pathlib import Path; from patentlm.runtime import keep_freed_memory\n"
        "pages = lambda: int(Path('/proc/self/statm').read_text().split()[1])\n"
        "keep_freed_memory(); before = pages()\n"
        "block = torch.ones(2**26); del block\n"
        "print((pages() - before) * 4096 >= 2**27)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
