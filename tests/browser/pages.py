"""Pages of networks that were never trained, and such networks in a page that is open."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from patentlm.checkpoint import CheckpointMetadata
from patentlm.errors import DataError
from patentlm.export.page import write
from patentlm.export.page.page import pack
from patentlm.export.page.weights import as_text
from patentlm.export.run import ExportedRun
from patentlm.model.network import Network
from patentlm.sweeps.run_folder import RunFolder
from patentlm.trained_model import TrainedModel


def make_model(network: Network, vocabulary: list[str], **changed: Any) -> TrainedModel:
    """A model that was never trained."""
    words = {
        "_target_": "patentlm.data.words.WordTokenizer", "min_count": 1, "max_words": None,
    }  # fmt: skip
    about: dict[str, Any] = {
        "network": {}, "vocabulary": vocabulary, "context": None, "data": {}, "tokenizer": words,
        "label": "tiny", "fingerprint": "0", "sampling": {"temperature": 1.0}, "max_words": 30,
        "seed": 1, "versions": {},
    }  # fmt: skip
    return TrainedModel(network.eval(), CheckpointMetadata(**{**about, **changed}))


def write_page(model: TrainedModel, folder: Path, weights: str = "float32") -> Path:
    """The page of a model whose corpus can't be had."""

    def no_corpus() -> Any:
        raise DataError("/home/somebody/patents.csv: no such file; check data.path")

    run = ExportedRun(
        checkpoint=folder / "none.ckpt", model=model, folder=RunFolder(folder),
        prepare_corpus=no_corpus,
    )  # fmt: skip
    write(run, path=None, weights=weights)
    return folder / "page.html"


def in_page(page: Page, model: TrainedModel, code: str, argument: Any = None, **how: str) -> Any:
    """What JavaScript gives for `model` and `argument`, with a network made in a page."""
    description, stored = pack(model, how.get("weights", "float32"))
    make = "new window.patentlm.model.constructor(description, weights)"
    return page.evaluate(
        f"([description, weights, argument]) => {{ const model = {make}; return {code}; }}",
        [description, as_text(stored), argument],
    )
