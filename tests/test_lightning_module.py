"""The LightningModule: what state it carries, and what it scores."""

from functools import partial

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import nn
from torch.utils.data import DataLoader

from patentlm.checkpoint import KEY
from patentlm.evaluation.metrics import Score, batch_metric_sums
from patentlm.model.network import Network
from patentlm.training.lightning_module import LanguageModel
from tests.networks import make_network

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated"),  # Lightning's own call
]


class Recording(Network):
    """Keeps the states it was given: None, or the sum of what was carried."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.given = []

    def forward(self, inputs, state=None):
        self.given.append(None if state is None else round(float(state[0].sum()), 4))
        return super().forward(inputs, state)


CONSTANT = partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0)


SGD = partial(torch.optim.SGD, lr=0.1)


def fitted(
    *,
    carry_state,
    cell=nn.LSTM,
    running_text=False,
    epochs=2,
    optimizer=SGD,
    scheduler=CONSTANT,
    interval="epoch",
    **more,
):
    """A model after epochs of three training batches, each with two of validation."""
    torch.manual_seed(0)
    network = make_network(Recording, vocabulary=5, cell=cell)
    model = LanguageModel(
        network,
        optimizer=optimizer,
        scheduler=scheduler,
        scheduler_interval=interval,
        penalty={"activation": 0.0, "temporal": 0.0},
        carry_state=carry_state,
        running_text=running_text,
        seed=1,
        checkpoint_entry={KEY: {"more": [1]}},
    )
    batches = [(torch.full((2, 3), word), torch.ones(2, 3, dtype=torch.int64)) for word in range(3)]
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        val_check_interval=2,
        **more,
    )
    train, valid = (DataLoader(some, batch_size=None) for some in (batches, batches[:2]))
    trainer.fit(model, train, valid)
    return model, trainer


def carried(model):
    return [state is not None for state in model.network.given]


def test_a_stream_carries_its_state_past_validation_and_begins_an_epoch_anew():
    model, _ = fitted(carry_state=True, epochs=1)
    first, second, *validation, third = model.network.given
    assert first is None
    assert second is not None
    assert validation == [None, None]
    assert third not in (None, second)
    assert carried(fitted(carry_state=True, epochs=2)[0]) == [False, True, False, False, True] * 2


def test_other_windows_start_each_batch_anew():
    model, _ = fitted(carry_state=False)
    assert not any(carried(model))


def test_a_running_text_is_scored_with_the_state_carried():
    model, _ = fitted(carry_state=True, running_text=True, epochs=1)
    assert carried(model) == [False, True, False, True, True]


def test_perplexity_is_over_every_target_of_validation():
    _, trainer = fitted(carry_state=False)
    assert trainer.callback_metrics["valid/targets"] == 12
    loss = trainer.callback_metrics["valid/loss"]
    assert trainer.callback_metrics["valid/perplexity"] == pytest.approx(float(loss.exp()))


def test_scores_are_in_float32_whatever_the_precision_of_training():
    """With a GRU, since not every processor can run an LSTM in bf16."""
    model, trainer = fitted(carry_state=False, cell=nn.GRU, precision="bf16-mixed")
    batch = (torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]]))
    shown = trainer.test(model, DataLoader([batch], batch_size=None), verbose=False)[0]
    exact = Score.of(batch_metric_sums(model.network, batch, None)[0])
    assert shown["test/loss"] == pytest.approx(exact.loss, rel=1e-6)


def test_checkpoints_hold_the_metadata(tmp_path):
    _, trainer = fitted(carry_state=False)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    assert torch.load(tmp_path / "x.ckpt", weights_only=True)[KEY]["more"] == [1]


def test_a_schedule_may_follow_valid_perplexity():
    plateau = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=0)
    better = fitted(carry_state=False, epochs=3, scheduler=plateau)[1]
    assert better.optimizers[0].param_groups[0]["lr"] == 0.1
    worse = fitted(
        carry_state=False, epochs=3, optimizer=partial(SGD, maximize=True), scheduler=plateau
    )[1]
    assert worse.optimizers[0].param_groups[0]["lr"] < 0.1


def test_lightning_still_refuses_to_clip_for_fused_optimizers():
    """Once it does not, `configure_optimizers` need not take the optimizer's flag away."""
    fused = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0, fused=True)
    with pytest.raises(RuntimeError, match="fused"):
        MixedPrecision("bf16-mixed", "cpu").clip_gradients(fused, 1.0)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_fused_optimizer_learns_from_clipped_gradients(precision):
    """SGD at rate 1 moves all weights together as far as it may in a step, at most. With a GRU,
    since not every processor can run an LSTM in bf16."""
    optimizer = partial(torch.optim.SGD, lr=1.0, fused=True)
    settings = {"precision": precision, "max_steps": 1, "gradient_clip_val": 1e-3, "cell": nn.GRU}
    torch.manual_seed(0)
    start = make_network(vocabulary=5, cell=nn.GRU).state_dict()
    model, _ = fitted(carry_state=False, optimizer=optimizer, **settings)
    moved = [(model.network.state_dict()[name] - weight).norm() for name, weight in start.items()]
    assert torch.stack(moved).norm() == pytest.approx(1e-3, rel=1e-2)
