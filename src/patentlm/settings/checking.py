"""Checks plain values against the schema, and reports the first mistake as one line."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from patentlm.errors import ConfigError
from patentlm.settings.kinds import ANYTHING, Kind, Named, Part, Schema, Table, one_of
from patentlm.settings.schema import SCRIPTS

WAYS = {"_partial_": one_of(True, False), "_recursive_": one_of(True, False),
        "_convert_": one_of("none", "partial", "object", "all")}  # fmt: skip
"""Keys that tell Hydra how to make a part."""


Mistake = tuple[str, str]
"""Dotted name of a setting, and what is wrong with it."""


def mistakes(value: Any, schema: Schema, name: str) -> Iterator[Mistake]:
    """Yields what is wrong with a value and its parts.

    Args:
        value: plain value, interpolations resolved.
        schema: what is allowed.
        name: dotted name for errors; "" for all settings of a script.
    """
    if isinstance(schema, Kind):
        if not schema.fits(value):
            yield name, f"{name}={shown(value)}: must be {schema.allowed}"
    elif value is None and name and not isinstance(schema, Table):
        return  # a group or part that is turned off
    elif not isinstance(value, Mapping):
        yield name, f"{name}={shown(value)}: must be an option's name, or settings by name"
    elif isinstance(schema, Named):
        for key, part in value.items():
            yield from mistakes(part, schema.part, f"{name}.{key}")
    elif isinstance(schema, Part):
        yield from _mistakes_in_part(value, schema, name)
    else:
        yield from _mistakes_in_table(value, schema, name)


def check(value: Any, schema: Schema, name: str) -> None:
    """Checks a value and its parts; arguments as for `mistakes`.

    Raises:
        ConfigError: at the first mistake.
    """
    for _, mistake in mistakes(value, schema, name):
        raise ConfigError(mistake)


def _mistakes_in_part(value: Mapping[str, Any], part: Part, name: str) -> Iterator[Mistake]:
    target = value.get("_target_")
    if isinstance(target, str) and target in part.targets:
        rest = {key: some for key, some in value.items() if key != "_target_"}
        yield from _mistakes_in_table(rest, {**WAYS, **part.targets[target]}, name)
    elif not (part.is_open and isinstance(target, str)):
        allowed = one_of(*part.targets).allowed
        yield name, f"{name}._target_={shown(target)}: must be {allowed}"


def _mistakes_in_table(
    value: Mapping[str, Any], schema: Mapping[str, Schema], name: str
) -> Iterator[Mistake]:
    for key, some in value.items():
        full = f"{name}.{key}" if name else str(key)
        if key in schema:
            yield from mistakes(some, schema[key], full)
        else:
            yield full, f"{full}: {no_such(full, schema, name)}"


def no_such(name: str, known: Mapping[str, Any], under: str) -> str:
    """Returns the message for a setting that does not exist."""
    names = [f"{under}.{key}" if under else key for key in known if not key.startswith("_")]
    return f"no such setting; {hint(name, names)}"


def hint(name: str, known: list[str]) -> str:
    """Returns the nearest known name, or where all are listed."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else "--help lists all of them"


def nearest(name: str, known: list[str]) -> str | None:
    """Returns the known name that is most similar to a name, preferably in the same group.

    >>> nearest("model.hiden_size", ["model.hidden_size", "seed"])
    'model.hidden_size'
    """
    if name in known:
        return name
    group, _, last = name.rpartition(".")
    beside = [full for full in known if full.rpartition(".")[0] == group]
    for some, cutoff in ((known, 1.0), (beside, 0.6), (known, 0.7)):
        by_last = {full.rpartition(".")[2]: full for full in reversed(some)}
        if near := get_close_matches(last, list(by_last), n=1, cutoff=cutoff):
            return by_last[near[0]]
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return near[0] if near and not group else None


def names_of(script: str) -> list[str]:
    """Returns the dotted names of all settings of a script, with any options.

    Settings of parts that users name, such as callbacks, are left out.
    """
    return list(dict.fromkeys(_names(SCRIPTS[script], "")))


def _names(schema: Schema, name: str) -> Iterator[str]:
    if isinstance(schema, Part):
        for arguments in schema.targets.values():
            yield from _names(arguments, name)
    elif isinstance(schema, Mapping):
        for key, below in schema.items():
            full = f"{name}.{key}" if name else key
            yield full
            yield from _names(below, full)


def is_setting(script: str, name: str) -> bool:
    """True if a script has a setting with some options.

    >>> is_setting("train", "callbacks.mine.patience"), is_setting("train", "callbacks.mine.size")
    (True, False)
    """
    return _leads_somewhere(SCRIPTS[script], name.split("."))


def _leads_somewhere(schema: Schema, path: Sequence[str]) -> bool:
    if not path:
        return True
    first, *rest = path
    if isinstance(schema, Named):
        return _leads_somewhere(schema.part, rest)
    if isinstance(schema, Part):
        known = {**WAYS, "_target_": ANYTHING}
        tables = [{**known, **arguments} for arguments in schema.targets.values()]
        return any(_leads_somewhere(table, path) for table in tables)
    return isinstance(schema, Mapping) and first in schema and _leads_somewhere(schema[first], rest)


def shown(value: Any) -> str:
    """Returns a value on one line, shortened, without control characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]} …"
