"""Resuming a run: from which checkpoint, and which settings may have changed."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patentlm.checkpoint import CheckpointMetadata, find, metadata_of, read
from patentlm.errors import CheckpointError
from patentlm.paths import expanded
from patentlm.sweeps.run_folder import RunFolder
from patentlm.training.changes import Changes
from patentlm.training.checkpoints import BEST, LAST
from patentlm.training.length import Length
from patentlm.training.lightning_module import SETTINGS

log = logging.getLogger(__name__)

KEPT, ANEW, CORPUS, NETWORK, FIRST = (
    "has to stay",
    "may change: the new value counts from there on",
    "may lie elsewhere; its words have to stay",
    "has to stay",
    "counts at the first start alone",
)
RULES = {
    "seed": KEPT,
    "shuffle": KEPT,
    "data": CORPUS,
    "tokenizer": CORPUS,
    "windows": KEPT,
    "model": NETWORK,
    "penalty": ANEW,
    "subwords": KEPT,
    "distillation": KEPT,
    "optimizer": ANEW,
    "optimizer._target_": KEPT,
    "scheduler": KEPT,
    "scheduler.gamma": ANEW,
    "scheduler.factor": ANEW,
    "scheduler.patience": ANEW,
    "trainer": ANEW,
    "trainer.accumulate_grad_batches": KEPT,
    "trainer.limit_train_batches": KEPT,
    "trainer.overfit_batches": KEPT,
    "callbacks": ANEW,
    "callbacks.averaging": KEPT,
    "callbacks.checkpoint.monitor": KEPT,
    "callbacks.checkpoint.mode": KEPT,
    "logger": ANEW,
    "sampling": ANEW,
    "samples": ANEW,
    "evaluation_batch_size": ANEW,
    "page": ANEW,
    "ckpt_path": FIRST,
    "init_from": FIRST,
    "word_vectors": FIRST,
}
"""What a run that goes on may change, by setting; the longest name that fits counts.

A schedule that falls over the whole run keeps its length, too, and so `trainer.max_epochs` and
`trainer.max_steps`; under others a run may be made longer.
"""

LENGTHS = ("scheduler.total_steps", "scheduler.T_max")
"""Settings that are computed from the data."""


@dataclass(frozen=True)
class Found:
    """A checkpoint to resume from."""

    path: Path
    content: Mapping[str, Any]
    given: bool
    """Whether it was asked for; else it is the last one of this very run."""

    @property
    def step(self) -> int:
        """Number of optimizer steps done before the checkpoint."""
        return int(self.content["global_step"])


def rule_of(name: str) -> str:
    """Returns the rule for changing a setting of a resumed run.

    >>> rule_of("optimizer.lr")
    'may change: the new value counts from there on'
    >>> rule_of("windows.batch_size")
    'has to stay'
    """
    while name not in RULES:
        name, _, last = name.rpartition(".")
        if not last:
            raise KeyError(name)
    return RULES[name]


def settings_to_keep(config: Mapping[str, Any], length: Length) -> dict[str, Any]:
    """Returns the settings that must not change when a run resumes, and the learning rate."""
    kept = {name: value for name, value in leaves(config) if rule_of(name) == KEPT}
    for name, end in zip(LENGTHS, (length.total_steps, length.epochs), strict=True):
        if name in kept:
            kept[name] = length.total_steps if length.steps is not None else end
    return {**kept, "optimizer.lr": config["optimizer"]["lr"]}


def leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Flattens a plain config to single settings by dotted name."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def find_checkpoint(folder: RunFolder, given: str | None) -> Found | None:
    """Finds the checkpoint to resume from: the newest readable one of this run, or one given.

    Raises:
        CheckpointError: if none can be read.
    """
    damaged: list[str] = []
    for path in (folder.path / "checkpoints" / name for name in (LAST, BEST)):
        if not path.is_file():
            continue
        try:
            found = Found(path, read(path), given=False)
        except CheckpointError:
            damaged.append(os.path.relpath(path))
            continue
        if damaged:
            log.warning("%s is damaged: going on from an earlier checkpoint", *damaged)
        return found
    if damaged:
        raise CheckpointError(
            f"{' and '.join(damaged)}: can't be read, it is cut short or something else; move the "
            "run's folder away to start anew"
        )
    if given is None:
        return None
    path = expanded(given) / "checkpoints" / LAST
    path = path if path.is_file() else find(given)
    return Found(path, read(path), given=True)


def check(
    found: Found, metadata: CheckpointMetadata, settings: Mapping[str, Any], length: Length
) -> None:
    """Checks that a run may resume from a checkpoint.

    Args:
        found: the checkpoint.
        metadata: metadata of this run's checkpoints.
        settings: settings that this run has to keep, see `settings_to_keep`.
        length: length of this run.

    Raises:
        CheckpointError: if a setting has changed that must not, or no step is left.
    """
    path, earlier = found.path, metadata_of(found.content, found.path)
    if earlier.vocabulary != metadata.vocabulary or earlier.fingerprint != metadata.fingerprint:
        raise CheckpointError(
            f"{path}: trained with another vocabulary or other texts ({len(earlier.vocabulary):,} "
            f"words of {earlier.label}, here {len(metadata.vocabulary):,}); give the data it was "
            "trained on, or fine-tune it with init_from"
        )
    if earlier.network != metadata.network:
        raise CheckpointError(f"{path}: has another network; resume with the model it began with")
    _check_settings(path, found.content.get(SETTINGS, {}), settings)
    epochs = found.content["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    if found.given and length.epochs is not None and length.epochs <= epochs:
        raise CheckpointError(f"{path}: has {epochs} epochs already; set trainer.max_epochs higher")
    if found.given and length.steps is not None and length.steps <= found.step:
        raise CheckpointError(
            f"{path}: has {found.step} steps already; set trainer.max_steps higher"
        )


def _check_settings(path: Path, earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name in sorted({*earlier, *now} - {"optimizer.lr"}):
        before, here = earlier.get(name), now.get(name)
        if before == here:
            continue
        if name in LENGTHS and before is not None and here is not None:
            raise CheckpointError(
                f"{path}: a schedule that falls over the whole run can't be made longer or shorter "
                f"({name}={before}, here {here}); go on with the scheduler, trainer.max_epochs and "
                "trainer.max_steps it began with"
            )
        raise CheckpointError(
            f"{path}: trained with {name}={before}, here {here}, which has to stay where a run "
            "goes on; set it as it was, or start a new run with init_from"
        )


def rate_change(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    """Returns the ratio of the new learning rate to the old one.

    Raises:
        CheckpointError: if the old one was 0 and the new one is not.
    """
    before, here = (settings["optimizer.lr"] for settings in (earlier, now))
    if before == here:
        return 1.0
    if not before:
        raise CheckpointError("optimizer.lr=0 can't be changed where a run goes on")
    return float(here) / float(before)


def changes(found: Found, scheduler: Mapping[str, Any], settings: Mapping[str, Any]) -> Changes:
    """Returns the changes to apply to the optimizer and schedule of a resumed run.

    Raises:
        CheckpointError: if the learning rate can't be changed.
    """
    anew = {name: v for name, v in scheduler.items() if rule_of(f"scheduler.{name}") == ANEW}
    return Changes(anew, rate=rate_change(found.content[SETTINGS], settings))


def table() -> str:
    """Returns the rules as a Markdown table, for the documents."""
    rows = [f"| `{name}` | {rule} |" for name, rule in RULES.items()]
    return "\n".join(["| setting | where a run goes on |", "| --- | --- |", *rows])
