"""Training, scoring, writing and dynamic evaluation on a device that computes nothing.

    python -m tests.fake_cuda.checks LIBRARY [all]

`LIBRARY` is `guard.cpp`, compiled; with `all`, each cell meets each head. Prints a line of JSON:
failed checks by name, the types of recurrent layers, and where the host waits for the device in a
training step of each network.
"""

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice, product
from unittest.mock import MagicMock, PropertyMock, patch

from tests.fake_cuda.device import fake_cuda, recurrent_types, waits  # isort: skip; before torch

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from patentlm.data.windows import RUNNING, EveryWord, ManyToOne, Stream, loader
from patentlm.evaluation import dynamic
from patentlm.evaluation.metrics import Score, read_batch
from patentlm.generation.generator import LOOK_EVERY, write_part
from patentlm.generation.sampling import FILTERS
from patentlm.model import cells, head, linear_recurrence, matrix_memory
from patentlm.model.adaptive import AdaptiveHead
from patentlm.model.cache import with_cache
from patentlm.model.network import Network
from patentlm.reports import calibration
from patentlm.training.averaging import Average, ExponentialMovingAverage
from patentlm.training.distillation import Learner, Student
from patentlm.training.lightning_module import LanguageModel
from patentlm.training.muon import Muon
from tests.networks import make_network, pointer

VOCABULARY, SIZE, TEXTS, LONGEST = 60, 32, 4, 40
CELLS = {
    "lstm": cells.LSTM,
    "gru": nn.GRU,
    "weight_drop": partial(cells.WeightDropLSTM, weight_drop=0.3),
    "mogrifier": partial(cells.MogrifierLSTM, rounds=4, rank=8),
    "qrnn": partial(linear_recurrence.QRNN, width=2),
    "min_lstm": linear_recurrence.MinLSTM,
    "mlstm": partial(matrix_memory.MLSTM, heads=4),
}
HEADS = {
    "softmax": head.SoftmaxHead,
    "tied": head.TiedHead,
    "mixture": partial(head.MixtureOfSoftmaxes, mixtures=3),
    "pointer": pointer(None),
}
draw = np.random.default_rng(0)
IDS = np.concatenate([[0], *([*draw.integers(2, VOCABULARY, 4), 0] for _ in range(20))])
WINDOWS = {
    "abstract": EveryWord(IDS, length=None, batch_size=8),
    "stream": Stream(IDS, length=5, batch_size=4, random_length=False, running_text=False),
    "many_to_one": ManyToOne(IDS, length=6, stride=1, batch_size=16),
    "every_word": EveryWord(IDS, length=5, batch_size=8),
}
BATCHES = {
    name: list(islice(loader(some, seed=1), 2 if name == "stream" else 1))
    for name, some in WINDOWS.items()
}
"""Cut before any tensor is fake."""
OPTIMIZERS = {
    "adam": partial(torch.optim.Adam, lr=1e-3, fused=True),
    "adamw": partial(torch.optim.AdamW, lr=1e-3, fused=True),
    "sgd": partial(torch.optim.SGD, lr=1.0),
    "muon": partial(
        Muon, lr=1e-2, momentum=0.95, iterations=5, precision="bf16-mixed", weight_decay=0.01,
        betas=[0.9, 0.99], fused=True,
    ),
}  # fmt: skip
SETTINGS = dynamic.Settings(
    segment=3, learning_rate=1e-3, decay=1e-2, epsilon=1e-3, batches=1, batch_size=4
)
SAMPLING = dict(zip(FILTERS, (1.2, 3, 0.9, 20, 0.9, 0.01), strict=True))
CUDA = torch.device("cuda")


def network(cell: str, head: str, *, embedding_size: int = SIZE) -> Network:
    """One of two layers on the device."""
    with CUDA:
        made = make_network(
            vocabulary=VOCABULARY, embedding_size=embedding_size, hidden_size=SIZE, layers=2,
            dropout=0.3, embedding_dropout=0.1, cell=CELLS[cell], head=HEADS[head],
        )  # fmt: skip
    assert all(parameter.is_cuda for parameter in made.parameters())
    return made


def module(
    made: Network, optimizer: str, *, carry_state: bool, log: bool, teacher: Network | None
) -> LanguageModel:
    """The LightningModule with a trainer that only answers."""
    model = LanguageModel(
        made, optimizer=OPTIMIZERS[optimizer],
        scheduler=partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0),
        scheduler_interval="epoch", penalty={"activation": 2.0, "temporal": 1.0},
        carry_state=carry_state, running_text=False, seed=1, checkpoint_entry={},
        learner=partial(Student, teacher=teacher, weight=0.5) if teacher else Learner,
    )  # fmt: skip
    trainer = MagicMock(world_size=1, log_every_n_steps=1 if log else 10**9)
    trainer.accumulate_grad_batches = 1
    kind = type(model)
    kind.trainer = property(lambda self: trainer)
    kind.global_step, kind.device = PropertyMock(return_value=0), CUDA
    model.log = lambda name, value, **settings: None
    return model


def train(
    made: Network,
    windows: str,
    optimizer: str = "adam",
    *,
    bf16: bool = True,
    log: bool = True,
    teacher: Network | None = None,
) -> LanguageModel:
    """Two steps."""
    carry_state = WINDOWS[windows].carry_state
    model = module(made, optimizer, carry_state=carry_state, log=log, teacher=teacher)
    stepper = model.configure_optimizers()["optimizer"]
    made.train()
    for batch in BATCHES[windows]:
        loaded = batch.to(CUDA)
        waits.clear()  # what moves batches does not stall the device
        with torch.autocast("cuda", torch.bfloat16, enabled=bf16):
            loss = model.training_step(loaded, 0)["loss"]
        assert (loss.is_cuda, loss.dtype) == (True, torch.float32)
        loss.backward()
        clip_grad_norm_(made.parameters(), 1.0)
        for name, weight in made.named_parameters():
            assert weight.grad.dtype == weight.dtype, name
        stepper.step()
        stepper.zero_grad()
    return model


def train_and_validate(cell: str, head: str, windows: str, bf16: bool) -> None:
    model = train(network(cell, head), windows, bf16=bf16)
    model.network.eval()
    model.on_validation_epoch_start()
    with torch.no_grad():
        for batch in BATCHES[windows]:
            model.validation_step(batch.to(CUDA), 0)
    assert model.metric_sums.device.type == "cpu"


def learn_from_a_teacher(made: Network, windows: str) -> None:
    train(made, windows, log=False, teacher=network("lstm", "pointer"))
    assert not waits, dict(waits)


def write(made: Network, context: object) -> None:
    """Several texts after a prompt, some of which end, with all filters."""
    made.eval()
    uniforms = torch.rand(TEXTS, LONGEST, dtype=torch.float64)
    waits.clear()
    with torch.no_grad():  # of inference mode the device knows nothing
        write_on = write_part.__wrapped__
        texts = write_on(made, [5, 6, 7], SAMPLING, context, lambda words: None, uniforms)
    assert len(texts) == TEXTS
    # Once so often, and once for what was written.
    assert sum(waits.values()) <= 1 + -(-LONGEST // LOOK_EVERY), dict(waits)


def adapt(made: Network, context: object) -> None:
    ends = np.flatnonzero(IDS == 0)
    squares = dynamic.second_moments(made, IDS, SETTINGS, context=context)
    with patch.object(Score, "of", classmethod(lambda kind, sums, copied: sums)):
        dynamic.score_adapting(made, IDS[: ends[2] + 1], squares, SETTINGS, context=context)
    dynamic.adapt(made, IDS[: ends[1]], squares, SETTINGS, context=context)


def calibrate(made: Network) -> None:
    """The neural cache: written with, and fitted."""
    cached = with_cache(made.eval(), size=None, theta=0.5, weight=0.2)
    write(cached, None)
    with torch.no_grad(), patch.object(calibration.math, "exp", lambda loss: 1.0):
        calibration.fit(cached, [read_batch(cached, b, None)[:2] for b in BATCHES["abstract"]])


def checks() -> dict[str, Callable[[], object]]:
    """All of them by name; pairs of settings meet, not all with all."""
    pairs = product(CELLS, HEADS) if "all" in sys.argv else zip(CELLS, cycle(HEADS), strict=False)
    found: dict[str, Callable[[], object]] = {}
    windows, contexts = cycle((*WINDOWS, *list(WINDOWS)[:1])), cycle((6, None, RUNNING))
    for cell, kind in pairs:
        name, cut, context = f"{cell}/{kind}", next(windows), next(contexts)
        found[f"train {name}/{cut}"] = partial(train_and_validate, cell, kind, cut, True)
        found[f"write {name}/{context}"] = partial(on_device, write, cell, kind, context)
    for cell, kind in zip(CELLS, cycle(HEADS), strict=False):
        context = next(contexts)
        found[f"adapt {cell}/{kind}/{context}"] = partial(on_device, adapt, cell, kind, context)
    for cell, cut, optimizer in zip(CELLS, cycle(WINDOWS), cycle(OPTIMIZERS), strict=False):
        found[f"optimizer {cell}/{optimizer}"] = partial(
            on_device, train, cell, "tied", "abstract", optimizer
        )
        found[f"float32 {cell}/{cut}"] = partial(train_and_validate, cell, "softmax", cut, False)
    for kind, cut in zip(HEADS, WINDOWS, strict=True):
        found[f"taught {kind}/{cut}"] = partial(on_device, learn_from_a_teacher, "lstm", kind, cut)
    for kind in HEADS:
        found[f"sizes {kind}"] = partial(
            on_device, train, "lstm", kind, "abstract", embedding_size=24
        )
    found["cache"] = partial(on_device, calibrate, "lstm", "tied")
    return found


def on_device(
    do: Callable[..., object], cell: str, kind: str, *settings: object, embedding_size: int = SIZE
) -> None:
    """Does something with a fresh network."""
    do(network(cell, kind, embedding_size=embedding_size), *settings)


def failures() -> dict[str, str]:
    """Where each check that fails does."""
    failed = {}
    for name, check in checks().items():
        try:
            check()
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            failed[name] = f"{frame.filename}:{frame.lineno} {type(error).__name__}: {error}"
    return failed


def waits_of_a_step() -> dict[str, list[str]]:
    """Lines of ours that wait for the device in a step of each network that logs nothing, and
    while weights are averaged."""
    found = {}
    for cell, kind in zip(CELLS, cycle(HEADS), strict=False):
        train(network(cell, kind), "abstract", log=False)
        found[f"{cell}/{kind}"] = sorted(waits.elements())
    train(make_adaptive(), "abstract", log=False)
    found["adaptive"] = sorted(waits.elements())
    made = network("lstm", "tied")
    average = Average(made, ExponentialMovingAverage(decay=0.9, start=1).average)
    waits.clear()
    for _ in range(3):
        average.update_parameters(made)
    return found | {"averaging": sorted(waits.elements())}


def make_adaptive() -> Network:
    """With three clusters."""
    head_ = partial(AdaptiveHead, cutoffs=(10, 20, 30), shrink=2, tied=False)
    with CUDA:
        return make_network(
            vocabulary=VOCABULARY, embedding_size=SIZE, hidden_size=SIZE, layers=2, head=head_
        )


def main() -> None:
    """Runs the checks and prints."""
    warnings.simplefilter("ignore")
    logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)
    with fake_cuda():
        failed = failures()
        types = dict(recurrent_types)
        report = {"checks": len(checks()), "failed": failed, "types": types}
        print(json.dumps(report | {"waits": waits_of_a_step()}), flush=True)
        # torch may crash when it frees fake storages after their mode has ended.
        os._exit(0)


if __name__ == "__main__":
    main()
