"""Imports run one way; the frameworks stay in the rooms meant for them."""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

from patentlm.settings.checking import WAYS as WAYS_TO_MAKE
from patentlm.settings.kinds import Named, Part
from patentlm.settings.schema import HYDRA as HYDRA_SETTINGS
from patentlm.settings.schema import SCRIPTS

CONF = Path(__file__).parent.parent / "conf"
WAYS = WAYS_TO_MAKE.keys()
SOURCE = Path(__file__).parent.parent / "src"
FILES = sorted(SOURCE.rglob("*.py"))
LIGHTNING = {
    "training.run", "training.trainer", "training.distributed", "training.report",
    "training.averaging", "training.checkpoints", "training.lightning_module", "training.loggers",
    "training.progress", "training.stopping", "training.tensorboard", "training.throughput",
    "sweeps.pruning", "data.datamodule",
}  # fmt: skip
HYDRA = {
    "training.run", "training.trainer", "training.length", "training.distributed",
    "training.parts", "training.teachers", "command", "sweeps.jobs", "sweeps.search",
    "settings.arguments", "settings.explaining", "settings.hooks",
    "hydra_plugins.patentlm_optuna.sweeper",
}  # fmt: skip
OPTUNA = {"sweeps.search", "sweeps.pruning"}
FLOORS = [  # each room imports from those above it alone
    {"__init__", "errors", "batch", "progress", "signals", "terminal"},
    {"paths"},
    {"data", "model", "runtime", "settings", "integrity"},
    {"evaluation", "generation", "registry"},
    {"checkpoint"},
    {"trained_model", "sweeps"},
    {"reports", "export"},
    {"training"},
    {"command"},
    {"hydra_plugins"},
]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removeprefix("patentlm.")


def imports_of(path: Path) -> set[str]:
    """Modules that a file imports, those of `from package import module` by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {node.module} | {name for name in members if is_module(name)}
    return found


def is_module(name: str) -> bool:
    path = SOURCE.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def floor_of(room: str) -> int:
    (floor,) = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return floor


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_run_one_way(path):
    room = module_name(path).split(".")[0]
    names = (name for name in imports_of(path) if name.startswith("patentlm."))
    rooms = {name.split(".")[1] for name in names} - {room}
    if room != "__init__":  # the public surface, which loads lazily
        assert not [other for other in rooms if floor_of(other) >= floor_of(room)]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_frameworks_stay_in_their_rooms(path):
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert "pytorch_lightning" not in roots or module_name(path) in LIGHTNING
    assert "hydra" not in roots or module_name(path) in HYDRA
    assert "optuna" not in roots or module_name(path) in OPTUNA


def settings_of(path: Path) -> dict:
    found = yaml.safe_load(path.read_text("utf-8")) or {}
    return {name: value for name, value in found.items() if name not in ("defaults", "hydra")}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_setting_of_a_script_has_a_type_and_a_range(script):
    assert settings_of(CONF / f"{script}.yaml").keys() <= SCRIPTS[script].keys()


@pytest.mark.parametrize("path", sorted(CONF.glob("*/*.yaml")), ids=lambda path: path.stem)
def test_every_argument_of_an_option_has_a_type_and_a_range(path):
    found = settings_of(path)
    if "_target_" in found:
        assert found.keys() - WAYS - {"_target_"} <= listed()[found["_target_"]]
    for part in found.values():  # callbacks, loggers and the like stand under names
        if isinstance(part, dict) and "_target_" in part:
            assert part.keys() - WAYS - {"_target_"} <= listed()[part["_target_"]]


@cache
def listed() -> dict[str, set[str]]:
    """The arguments of every class in the schema."""
    found: dict[str, set[str]] = {}

    def walk(schema) -> None:
        schema = schema.part if isinstance(schema, Named) else schema
        if isinstance(schema, Part):
            for target, arguments in schema.targets.items():
                found[target] = set(arguments)
                walk(arguments)
        elif isinstance(schema, dict):
            for below in schema.values():
                walk(below)

    walk({**SCRIPTS, **HYDRA_SETTINGS})
    return found


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_functions_stay_small(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name


def classes() -> dict[str, ast.ClassDef]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in FILES)
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}


def methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}


def calls_of(function: ast.FunctionDef, owner: str) -> set[str]:
    """Methods that a function calls on `self`, or on `super()`."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    reached = (call for call in calls if isinstance(call, ast.Attribute))
    return {call.attr for call in reached if ast.unparse(call.value) == owner}


def test_what_an_override_adds_is_done_once():
    """An override that calls the base's method, which calls another method that is overridden too,
    does there what it has done already: a tied head once projected its hidden vectors twice."""
    known = classes()
    for name, node in known.items():
        for base in (known[ast.unparse(b)] for b in node.bases if ast.unparse(b) in known):
            both = (methods(node).keys() & methods(base).keys()) - {"__init__"}
            for method in both & calls_of_supers(methods(node), both):
                again = calls_of(methods(base)[method], "self") & both - {method}
                assert not again, f"{name}.{method} → {base.name}.{method} → {again}"


def calls_of_supers(own: dict[str, ast.FunctionDef], names: set[str]) -> set[str]:
    return {name for name in names if name in calls_of(own[name], "super()")}
