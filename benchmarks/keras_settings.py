"""Why the seed run is ahead of Keras: the same run, set the way Keras sets it.

    python -m benchmarks.keras_settings data=corpus data.path=../shared/data/neural_network_split

The recurrent weights start orthogonal as one matrix instead of gate by gate, one of the LSTM's two
bias vectors is frozen at zero, and Adam's epsilon is 1e-7. Prints both scores after each epoch and
writes `benchmarks/results/keras_settings.json`.
"""

import sys
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from benchmarks import results
from patentlm.batch import IGNORE, Batch
from patentlm.checkpoint import build_network
from patentlm.evaluation.scoring import score_network
from patentlm.model.network import Network
from patentlm.training.run import make_data

CONF = Path(__file__).parent.parent / "conf"
EPOCHS = 5


def set_like_keras(network: Network) -> torch.optim.Optimizer:
    """Changes the network's start, and gives the optimizer for it."""
    lstm = network.recurrent
    assert isinstance(lstm, nn.LSTM)
    nn.init.orthogonal_(lstm.weight_hh_l0)
    lstm.bias_hh_l0.requires_grad_(False)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.Adam(learned, lr=1e-3, eps=1e-7, fused=True)


def learn(network: Network, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    """One step."""
    inputs, targets = batch
    asked = targets != IGNORE
    loss = network.head.loss(network(inputs)[0][asked], targets[asked])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def main() -> None:
    """Trains, prints and writes."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["experiment=seed", *sys.argv[1:]])
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    data = make_data(config)
    plain = OmegaConf.to_container(config.model, resolve=True)
    network = build_network(plain, vocabulary=len(data.corpus.vocabulary))
    optimizer = set_like_keras(network)
    batches = data.train_dataloader()
    rows = []
    for epoch in range(EPOCHS):
        batches.sampler.set_epoch(epoch)
        network.train()
        for batch in batches:
            learn(network, optimizer, batch)
        scored = {
            f"{split} perplexity": score_network(network, data.evaluation_windows(split)).perplexity
            for split in ("valid", "test")
        }
        rows.append({"epoch": epoch + 1, **scored})
        print(rows[-1], flush=True)
    title = "The mission's network, set as Keras sets it"
    results.write("keras_settings", title, rows, seed=config.seed)


if __name__ == "__main__":
    main()
