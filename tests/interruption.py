"""Runs that are interrupted at a chosen moment, and what shows that nothing was lost."""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from patentlm.training.lightning_module import LanguageModel

TIMES = {"fit/seconds", "train/words_per_second"}


@contextmanager
def signal_at(moment: str, count: int, number: int = signal.SIGTERM) -> Iterator[None]:
    """Sends this process a signal when a method of the module is called for the n-th time.

    Args:
        moment: `training_step`, `validation_step` or `test_step`.
        count: of calls, the one that brings the signal included.
        number: of the signal.
    """
    calls = [0]
    original = getattr(LanguageModel, moment)

    def counted(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == count:
            os.kill(os.getpid(), number)
        return original(*arguments)

    before = signal.signal(number, signal.SIG_DFL)  # `nohup pytest` ignores some
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LanguageModel, moment, counted)
            yield
    finally:
        signal.signal(number, before)


def digest(value: Any) -> str:
    """Of nested plain data with tensors."""
    found = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, torch.Tensor):
            raw = part.reshape(-1).view(torch.uint8)  # NumPy has no bfloat16
            found.update(str(part.dtype).encode() + raw.numpy().tobytes())
        elif isinstance(part, dict):
            for name in sorted(part, key=str):
                found.update(str(name).encode())
                add(part[name])
        elif isinstance(part, list | tuple):
            for one in part:
                add(one)
        else:
            found.update(repr(part).encode())

    add(value)
    return found.hexdigest()[:12]


def outcome(folder: Path) -> dict[str, Any]:
    """What a complete run came to, bit by bit, but for times."""
    found: dict[str, Any] = {}
    for name in ("best", "last"):
        path = folder / "checkpoints" / f"{name}.ckpt"
        content = torch.load(path, weights_only=True)
        content["callbacks"].pop("Throughput")
        for part in ("state_dict", "optimizer_states", "lr_schedulers", "moment", "callbacks"):
            found[f"{name}.{part}"] = digest(content.get(part))
        found[f"{name}.step"] = content["global_step"]
    metrics = json.loads((folder / "metrics.json").read_text())
    found["metrics"] = {name: value for name, value in metrics.items() if name not in TIMES}
    samples = folder / "samples.txt"
    found["samples"] = samples.read_text() if samples.is_file() else None
    return found


def log(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run, but for its speed: step and value of each point."""
    events = EventAccumulator(str(_in_order(folder))).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag not in TIMES]
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}


def _in_order(folder: Path) -> Path:
    """The event files of a run, with names that sort as the files were written: TensorBoard's end
    in a second and a count without leading zeros, and trainings of these tests share a second."""
    ordered = folder / "ordered"
    ordered.mkdir(exist_ok=True)
    files = sorted(folder.glob("events.out.tfevents.*"), key=lambda file: file.stat().st_mtime_ns)
    for number, file in enumerate(files):
        shutil.copy(file, ordered / f"events.out.tfevents.{number:03}")
    return ordered
