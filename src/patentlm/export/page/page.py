"""`format=page`: a trained network and all it can show, in one HTML file."""

from pathlib import Path
from typing import Any

from patentlm.data.byte_pairs import BytePairVocabulary
from patentlm.data.windows import RUNNING
from patentlm.export.files import write_text
from patentlm.export.page.assembly import assemble
from patentlm.export.page.material import gather
from patentlm.export.page.network import describe_network
from patentlm.export.page.weights import as_text, check, encode
from patentlm.export.run import ExportedRun
from patentlm.trained_model import TrainedModel


def write(run: ExportedRun, *, path: str | None, weights: str) -> str:
    """Writes the page.

    Args:
        run: the trained model and its run's folder.
        path: file to write; None for `page.html` in the run's folder.
        weights: format of the weights: `float32`, `float16` or `int8`.

    Returns:
        A line about what was written.

    Raises:
        ConfigError: if the page can't run the network, or the file can't be written.
    """
    check(weights)
    model, stored = pack(run.model, weights)
    data = {"model": model, "material": gather(run, weights)}
    target = run.target(path, "page.html")
    write_text(target, assemble(_title(run), data, as_text(stored)))
    return _describe(target, len(stored))


def pack(model: TrainedModel, weights: str) -> tuple[dict[str, Any], bytes]:
    """Returns the description of the network for the JavaScript, and its weights.

    Raises:
        ConfigError: if the page can't run the network.
    """
    network, tensors = describe_network(model.network)
    described, stored = encode(tensors, weights)
    metadata = model.metadata
    return {
        "title": metadata.label,
        "network": network,
        "tensors": described,
        "vocabulary": list(model.vocabulary.tokens),
        "pieces": isinstance(model.vocabulary, BytePairVocabulary),
        # Each text on the page begins with a zero state.
        "context": None if metadata.context == RUNNING else metadata.context,
        "sampling": metadata.sampling,
        "max_words": metadata.max_words,
        "seed": metadata.seed,
    }, stored


def _describe(target: Path, stored: int) -> str:
    """Returns a line about what was written."""
    size = target.stat().st_size
    return (
        f"{target}: {size / 1e6:,.1f} MB, {stored / 1e6:,.1f} MB of it weights; "
        "open it with a double click"
    )


def _title(run: ExportedRun) -> str:
    return f"patentlm · {run.model.metadata.label}"
