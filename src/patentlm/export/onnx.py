"""Exports one step of a network as ONNX."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import Dim

from patentlm.checkpoint import VOCABULARY
from patentlm.errors import ConfigError
from patentlm.export.files import replacing, write_json, write_text
from patentlm.export.onnx_example import example
from patentlm.export.onnx_session import compare
from patentlm.export.run import ExportedRun
from patentlm.export.step import Step
from patentlm.trained_model import TrainedModel

MODEL, SMALL = "model.onnx", "model.int8.onnx"
ANY = 2**62
"""Maximum size of folded constants: all, or each step would reorder the weights."""


def write(run: ExportedRun, *, path: str | None, int8: bool) -> str:
    """Writes `model.onnx`, `vocabulary.json` and `example.py`.

    Args:
        run: the trained model and its run's folder.
        path: folder to write; None for `onnx` in the run's folder.
        int8: also write `model.int8.onnx`, and measure both files.

    Returns:
        What was written, and with `int8` a table of size, speed and perplexity.

    Raises:
        ConfigError: if the packages are not installed, the network can't be exported, or the
            folder can't be written.
        DataError: if there are no texts to measure on.
    """
    _check_installed()
    folder = run.target(path, "onnx")
    write_model(run.model, folder / MODEL)
    write_json(folder / VOCABULARY, list(run.model.vocabulary.tokens))
    write_text(folder / "example.py", example(run.model))
    size = (folder / MODEL).stat().st_size
    lines = [f"{folder}: {MODEL} ({size / 1e6:,.1f} MB), {VOCABULARY} and example.py"]
    if int8:
        write_int8(folder / MODEL, folder / SMALL)
        lines += ["", compare([folder / MODEL, folder / SMALL], run)]
    return "\n".join(lines)


def write_model(model: TrainedModel, target: Path) -> None:
    """Writes one step of a model as ONNX.

    Its inputs are `word`, ids `(B,)` int64, and `state_0`, `state_1`, …, which are zeros before a
    text; its outputs are `log_probabilities` `(B, V)` of the next word, and `new_state_0`, ….

    Args:
        model: the trained model, on the CPU.
        target: the file to write.

    Raises:
        ConfigError: if torch can't export the network or the file can't be written.
    """
    step = Step(model.network)
    state = step.zeros()
    names = [f"state_{n}" for n in range(len(state))]
    sizes = {name: Dim(name) for name in ("batch", "memory")}
    shapes = tuple({at: sizes[name] for at, name in part.items()} for part in step.dynamic())
    with replacing(target) as part, _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                step,
                (torch.zeros(2, dtype=torch.int64), *state),
                input_names=["word", *names],
                output_names=["log_probabilities", *(f"new_{name}" for name in names)],
                dynamic_shapes=({0: sizes["batch"]}, shapes),
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            kind = type(model.network.recurrent).__name__
            raise ConfigError(f"format=onnx: torch can't export {kind} as ONNX") from error
        assert program is not None
        optimizer = importlib.import_module("onnxscript.optimizer")
        optimizer.fold_constants(program.model, input_size_limit=ANY, output_size_limit=ANY)
        optimizer.remove_unused_nodes(program.model)
        program.model.metadata_props["context"] = str(model.metadata.context)
        program.model.metadata_props["trained_on"] = model.metadata.label
        program.save(str(part))


def write_int8(source: Path, target: Path) -> None:
    """Quantises the weights of an ONNX file to 8-bit integers, with one scale for each row.

    Weights that onnxruntime can't quantise stay as they are.

    Args:
        source: file with weights in float32.
        target: file to write.
    """
    quantization = importlib.import_module("onnxruntime.quantization")
    with replacing(target) as part, _quiet():
        quantization.quantize_dynamic(source, part, per_channel=True)


def _check_installed() -> None:
    try:
        for name in ("onnx", "onnxruntime", "onnxscript"):
            importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError("format=onnx needs pip install -e '.[export]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Context that hides notes of the exporters that no user can act on."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
