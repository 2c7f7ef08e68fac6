"""A model card (Mitchell et al. 2019, "Model cards for model reporting") in Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import OmegaConf
from tabulate import tabulate

from patentlm.data.windows import describe_context
from patentlm.export.run import ExportedRun

FIGURES = {
    "test/perplexity": "perplexity on test",
    "valid/perplexity": "perplexity on valid",
    "test/accuracy": "accuracy on test",
    "test/targets": "targets of test",
    "epochs": "epochs",
    "fit/seconds": "seconds of fitting",
}
"""Metrics of `metrics.json` that a card shows, with their labels."""


def model_card(run: ExportedRun) -> str:
    """Writes the model card of a run from `run.json` and `metrics.json`.

    Args:
        run: the trained model and its run's folder, which may lack both files.

    Returns:
        Markdown that begins with the YAML that model hubs read.
    """
    metrics = run.folder.metrics or {}
    return "\n".join([*_front_matter(run, metrics), "", *_body(run, metrics), ""])


def _front_matter(run: ExportedRun, metrics: Mapping[str, Any]) -> Iterator[str]:
    content: dict[str, Any] = {
        "library_name": "patentlm",
        "pipeline_tag": "text-generation",
        "language": "en",
        "tags": ["lstm", "language-model", "patents"],
    }
    if "test/perplexity" in metrics:
        content["model-index"] = [{"name": _name(run), "results": [_result(run, metrics)]}]
    yield from ("---", OmegaConf.to_yaml(OmegaConf.create(content)).rstrip(), "---")


def _result(run: ExportedRun, metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": run.model.metadata.label, "type": "patents", "split": "test"},
        "metrics": [{"type": "perplexity", "value": round(metrics["test/perplexity"], 2)}],
    }


def _body(run: ExportedRun, metrics: Mapping[str, Any]) -> Iterator[str]:
    metadata = run.model.metadata
    yield from (f"# {_name(run)}", "")
    yield f"A recurrent language model of patent abstracts, trained on {metadata.label}."
    yield "It predicts one word after the other, and writes an abstract that way."
    yield from ("", "```python", "import patentlm", "")
    yield 'model = patentlm.load("this folder")'
    yield from ('print(model.generate("a neural network")[0])', "```", "", "## Network", "")
    yield _table(_network_rows(run))
    figures = [(name, _shown(metrics[key])) for key, name in FIGURES.items() if key in metrics]
    if figures:
        yield from ("", "## Figures", "", _table(figures))
    yield from ("", "## Data", "", *_data(run), "", "## Limits", "")
    yield "It knows the words of its training texts alone, and what it writes is made up: no"
    yield "invention, prior art or legal text."


def _network_rows(run: ExportedRun) -> Iterator[tuple[str, str]]:
    network, metadata = run.model.network, run.model.metadata
    yield "parameters", f"{network.size:,}"
    yield "vocabulary", f"{len(metadata.vocabulary):,}"
    yield "context", describe_context(metadata.context)
    for part in ("cell", "head"):
        yield part, str(metadata.network[part]["_target_"]).rsplit(".", 1)[-1]
    for name in ("layers", "embedding_size", "hidden_size"):
        yield name.replace("_", " "), str(metadata.network[name])
    yield "seed", str(metadata.seed)
    yield "versions", ", ".join(f"{name} {what}" for name, what in metadata.versions.items())


def _data(run: ExportedRun) -> Iterator[str]:
    yield f"{run.model.metadata.label}, fingerprint `{run.model.metadata.fingerprint}`."
    record = run.folder.record or {}
    counts = {name: f"{count:,}" for name, count in record.get("counts", {}).items()}
    if counts:
        yield from ("", _table(counts.items()))
    if record.get("overrides"):
        yield from ("", "Trained with:", "", "```console")
        yield from (f"$ python train.py {' '.join(record['overrides'])}", "```")


def _name(run: ExportedRun) -> str:
    return f"patentlm {run.model.metadata.label}"


def _table(rows: Any) -> str:
    return tabulate(list(rows), ("", ""), tablefmt="pipe", disable_numparse=True)


def _shown(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
