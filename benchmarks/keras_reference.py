"""The mission's network in Keras, the usual way: Embedding(100) → LSTM(128) → Dense(softmax).

    python -m benchmarks.training_speed DATA_FOLDER --parts keras --windows windows.npz
    python benchmarks/keras_reference.py windows.npz --fit

Adam, batches of 128 windows of 50 words, and the word that follows as the target. Needs NumPy and
Keras alone, so that it runs where neither torch nor patentlm is installed. The last line it prints
is all that was measured, as JSON. Rates leave out what Keras compiles at first; the seconds of
`--fit` do not.
"""

import argparse
import importlib
import json
import math
from pathlib import Path
from time import perf_counter, process_time

import keras
import numpy as np

BATCH_SIZE = 128
EMBEDDING_SIZE, HIDDEN_SIZE = 100, 128
LEARNING_RATE = 1e-3
MAX_EPOCHS = 20
SPLITS = ("train", "valid")
WARM_UP = 5  # steps, or words

Windows = dict[str, np.ndarray]
Figures = dict[str, object]
Logs = dict[str, float] | None


class Stopwatch(keras.callbacks.Callback):
    """Seconds of the epochs of a fit, without what Keras does before the first and after the
    last."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if epoch == 0:
            self.begun, self.processor_begun = perf_counter(), process_time()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.seconds = perf_counter() - self.begun
        self.processor_seconds = process_time() - self.processor_begun


class ValidPerplexity(Stopwatch):
    """Prints and keeps the valid perplexity of each epoch, and the seconds until then."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[Figures] = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch)
        perplexity = math.exp(logs["val_loss"])
        self.epochs.append(
            {
                "valid_perplexity": perplexity,
                "seconds": self.seconds,
                "processor_seconds": self.processor_seconds,
            }
        )
        print(f"epoch {epoch + 1}: valid perplexity {perplexity:.2f}, {self.seconds:.1f} s")


def make_model(vocabulary: int) -> keras.Model:
    """The network, compiled; probabilities `(N, V)` of the word after windows `(N, 50)`."""
    model = keras.Sequential(
        [
            keras.layers.Embedding(vocabulary, EMBEDDING_SIZE),
            keras.layers.LSTM(HIDDEN_SIZE),
            keras.layers.Dense(vocabulary, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    return model


def targets_per_second(model: keras.Model, windows: Windows, steps: int) -> float:
    """Speed of `model.fit` over so many steps, after a short fit that compiles."""
    for number in (WARM_UP, steps):
        rows = np.arange(number * BATCH_SIZE) % len(windows["train_targets"])
        inputs, targets = windows["train_inputs"][rows], windows["train_targets"][rows]
        stopwatch = Stopwatch()
        model.fit(inputs, targets, BATCH_SIZE, callbacks=[stopwatch], verbose=0)
    return steps * BATCH_SIZE / stopwatch.seconds


def fit(model: keras.Model, windows: Windows) -> list[Figures]:
    """Trains until an epoch is no better on valid than the one before it.

    Returns:
        Valid perplexity after each epoch, and the seconds since the first began.
    """
    perplexities = ValidPerplexity()
    model.fit(
        windows["train_inputs"],
        windows["train_targets"],
        BATCH_SIZE,
        epochs=MAX_EPOCHS,
        validation_data=(windows["valid_inputs"], windows["valid_targets"]),
        callbacks=[perplexities, keras.callbacks.EarlyStopping("val_loss", patience=1)],
        verbose=0,
    )
    return perplexities.epochs


def words_per_second(model: keras.Model, windows: Windows, words: int) -> float:
    """Speed of the usual loop of notebooks, which calls `model.predict` for each word."""
    random = np.random.default_rng(1)
    window = windows["valid_inputs"][0]
    for number in (WARM_UP, words):
        start = perf_counter()
        for _ in range(number):
            probabilities = model.predict(window[None], verbose=0)[0].astype(np.float64)
            word = random.choice(len(probabilities), p=probabilities / probabilities.sum())
            window = np.append(window[1:], word)
    return words / (perf_counter() - start)


def measure(arguments: argparse.Namespace) -> Figures:
    """What the arguments ask for, with the versions it was measured with."""
    with np.load(arguments.windows) as stored:
        windows = dict(stored)
    model = make_model(1 + max(int(windows[f"{split}_targets"].max()) for split in SPLITS))
    backend = keras.backend.backend()
    versions = {
        "keras": keras.__version__,
        backend: importlib.import_module(backend).__version__,
    }
    if arguments.steps:
        speed = targets_per_second(model, windows, arguments.steps)
        return {"targets_per_second": speed, **versions}
    if arguments.generate:
        speed = words_per_second(model, windows, arguments.generate)
        return {"words_per_second": speed, **versions}
    return {"epochs": fit(model, windows), **versions}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Measures the mission's network in Keras.")
    parser.add_argument(
        "windows",
        type=Path,
        help="an .npz with train_inputs (N, 50), train_targets (N,), valid_inputs, valid_targets",
    )
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--steps", type=int, help="targets a second of model.fit over STEPS steps")
    mode.add_argument(
        "--fit", action="store_true", help="train with early stopping; valid perplexity by time"
    )
    mode.add_argument(
        "--generate", type=int, metavar="WORDS", help="words a second of one predict call a word"
    )
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
