"""Imports run one way; the frameworks stay in the rooms meant for them."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
FILES = sorted(SOURCE.rglob("*.py"))
LIGHTNING = {
    "training", "launching", "reporting", "callbacks", "loggers", "sweeps.pruning",
    "data.datamodule", "model.language_model",
}  # fmt: skip
HYDRA = {
    "training", "launching", "command", "checkpoint", "sweeps.jobs", "sweeps.search",
    "hydra_plugins.patentlm_optuna.sweeper",
}  # fmt: skip
OPTUNA = {"sweeps.search", "sweeps.pruning"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removeprefix("patentlm.")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_run_one_way(path):
    room = module_name(path).split(".")[0]
    forbidden = {
        "data": ("patentlm.model", "patentlm.generation", "patentlm.evaluation"),
        "model": ("patentlm.data", "patentlm.generation", "patentlm.evaluation"),
    }.get(room, ())
    assert not [name for name in imports_of(path) if name.startswith(forbidden)] or not forbidden


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_frameworks_stay_in_their_rooms(path):
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert "pytorch_lightning" not in roots or module_name(path) in LIGHTNING
    assert "hydra" not in roots or module_name(path) in HYDRA
    assert "optuna" not in roots or module_name(path) in OPTUNA


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_functions_stay_small(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name
