"""Describes a network for the page's JavaScript: its kind, and its tensors by name."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from patentlm.errors import ConfigError
from patentlm.model.cells import LSTM, MogrifierLSTM, WeightDropLSTM
from patentlm.model.head import MixtureOfSoftmaxes, SoftmaxHead, TiedHead
from patentlm.model.linear_recurrence import QRNN, MinLSTM
from patentlm.model.network import Network
from patentlm.model.pointer import PointerSentinelHead

Tensors = dict[str, Tensor]
"""Tensors `(rows, columns)` or `(size,)` by name; the first is the embedding."""


def describe_network(network: Network) -> tuple[dict[str, Any], Tensors]:
    """Returns the network as plain values, which name tensors with `@`, and the tensors.

    Raises:
        ConfigError: if the page can't run its cell or head.
    """
    tensors: Tensors = {"embedding": network.embedding.weight.detach()}
    cell, layers = _layers(network.recurrent, tensors)
    head = _head(network.get_submodule("_head"), tensors)
    return {"cell": cell, "embedding": "@embedding", "layers": layers, "head": head}, tensors


def _layers(recurrent: nn.Module, tensors: Tensors) -> tuple[str, list[dict[str, Any]]]:
    if type(recurrent) in (nn.LSTM, LSTM, nn.GRU):
        cell = "gru" if isinstance(recurrent, nn.GRU) else "lstm"
        numbers = range(recurrent.num_layers)  # type: ignore[arg-type]
        return cell, [_layer(recurrent, number, tensors, f"layer{number}") for number in numbers]
    if isinstance(recurrent, WeightDropLSTM | MogrifierLSTM):
        stack = [(f"layer{number}", layer) for number, layer in enumerate(recurrent.layers)]
        layers = [_layer(layer.lstm, 0, tensors, name) for name, layer in stack]  # type: ignore[arg-type]
        if isinstance(recurrent, WeightDropLSTM):
            return "lstm", layers
        gates = [_gates(layer.gates, tensors, name) for name, layer in stack]  # type: ignore[arg-type]
        return "mogrifier", [
            {**layer, "gates": some} for layer, some in zip(layers, gates, strict=True)
        ]
    if isinstance(recurrent, QRNN | MinLSTM):
        cell = "qrnn" if isinstance(recurrent, QRNN) else "min_lstm"
        return cell, [
            _linear_layer(layer, tensors, f"layer{number}")
            for number, layer in enumerate(recurrent.layers)
        ]
    raise ConfigError(
        f"format=page: it knows no {type(recurrent).__name__}; it runs the cells lstm, "
        "weight_drop_lstm, gru, mogrifier, qrnn and min_lstm"
    )


def _layer(cells: nn.Module, number: int, tensors: Tensors, name: str) -> dict[str, Any]:
    """Describes one of torch's recurrent layers, with biases that are always added summed up."""
    _check_plain(cells)
    weights: Mapping[str, Tensor] = {
        part: getattr(cells, f"{part}_l{number}").detach()
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    bias, of_hidden = weights["bias_ih"] + weights["bias_hh"], None
    if isinstance(cells, nn.GRU):
        size = cells.hidden_size
        bias[2 * size :] -= weights["bias_hh"][2 * size :]
        of_hidden = weights["bias_hh"][2 * size :]
    parts = {
        "input": weights["weight_ih"],
        "hidden": weights["weight_hh"],
        "bias": bias,
        "hiddenBias": of_hidden,
    }
    return _named(parts, tensors, name)


def _check_plain(cells: nn.Module) -> None:
    plain = {"bidirectional": False, "proj_size": 0, "bias": True}
    for setting, value in plain.items():
        if getattr(cells, setting) != value:
            raise ConfigError(
                f"format=page: it runs cells with {setting}={value} alone, "
                f"not {getattr(cells, setting)}"
            )


def _linear_layer(layer: nn.Module, tensors: Tensors, name: str) -> dict[str, Any]:
    """Describes a layer of `linear_recurrence`; a width of 2 has weights for the input before."""
    weight, bias = layer.products.joined()  # type: ignore[operator, union-attr]
    width = getattr(layer, "width", 1)
    *earlier, now = (part.contiguous() for part in weight.chunk(width, dim=1))
    parts = {"input": now, "earlier": earlier[0] if earlier else None, "bias": bias}
    return _named(parts, tensors, name)


def _gates(gates: nn.ModuleList, tensors: Tensors, name: str) -> list[dict[str, Any]]:
    found = []
    for turn, gate in enumerate(gates):
        *_, last = gate.children()
        parts = {str(n): part.weight for n, part in enumerate(gate.children())}
        *matrices, bias = _named(
            {**parts, "bias": last.bias}, tensors, f"{name}.gate{turn}"
        ).values()
        found.append({"matrices": matrices, "bias": bias})
    return found


def _head(head: nn.Module, tensors: Tensors) -> dict[str, Any]:
    parts: dict[str, Any]
    if type(head) is SoftmaxHead:
        parts = {"weight": head.linear.weight, "bias": head.linear.bias}
        return {"kind": "softmax", **_named(parts, tensors, "head")}
    if type(head) is TiedHead:
        projection = head.projection.weight if isinstance(head.projection, nn.Linear) else None
        parts = {"bias": head.linear.bias, "projection": projection}  # None: equal sizes
        return {"kind": "softmax", "weight": "@embedding", **_named(parts, tensors, "head")}
    if type(head) is MixtureOfSoftmaxes:
        parts = {
            "prior": head.prior.weight,
            "latent": head.latent.weight,
            "latentBias": head.latent.bias,
            "bias": head.linear.bias,
        }
        return {"kind": "mixture", "weight": "@embedding", **_named(parts, tensors, "head")}
    if type(head) is PointerSentinelHead:
        query: Any = head.query[0]
        runs: Any = head.run_weights
        parts = {
            "query": query.weight,
            "queryBias": query.bias,
            "sentinel": head.sentinel,
            "runs": runs and runs.weight,
            "runsBias": runs and runs.bias,
            "wordBias": head.word_bias,
        }
        plain = {"size": head.size, "match": head.match}
        softmax = _head(head.softmax, tensors)
        return {
            "kind": "pointer", "softmax": softmax, **plain, **_named(parts, tensors, "pointer")
        }  # fmt: skip
    raise ConfigError(
        f"format=page: it knows no {type(head).__name__}; it runs the heads softmax, tied, "
        "mixture_of_softmaxes and pointer_sentinel"
    )


def _named(parts: Mapping[str, Any], tensors: Tensors, name: str) -> dict[str, str | None]:
    """Adds tensors to the others; returns their names."""
    for part, tensor in parts.items():
        if tensor is not None:
            tensors[f"{name}.{part}"] = tensor.detach()
    return {part: None if tensor is None else f"@{name}.{part}" for part, tensor in parts.items()}
