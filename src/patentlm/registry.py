"""Builds objects from plain data, for the classes of the closed registry alone.

The registry is `patentlm.settings.parts`. No other name found in the data is imported, and no value
is interpreted.
"""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from patentlm.errors import ConfigError
from patentlm.settings.checking import check
from patentlm.settings.kinds import Part


def build(config: Any, part: Part, name: str, **arguments: Any) -> Any:
    """Builds the object that a plain config describes.

    Args:
        config: `_target_` and its arguments; nested parts are configs too.
        part: the classes and arguments that are allowed.
        name: the config's name in an error message.
        arguments: further arguments, which are not data.

    Returns:
        The object, or a function that makes it if the config has `_partial_`.

    Raises:
        ConfigError: if the config names another class, or an argument is missing, unknown or out
            of range.
    """
    refuse_interpolation(config, name)
    check(config, part, name)
    if config.get("_partial_"):
        raise ConfigError(f"{name}._partial_=True: must be False, or left out")
    try:
        return _make(config, part, arguments)
    except TypeError as error:  # an argument is missing
        raise ConfigError(f"{name}: does not fit {config['_target_']} ({error})") from error


def refuse_interpolation(value: Any, name: str) -> None:
    """Checks that no text in a value is an interpolation of Hydra's.

    Raises:
        ConfigError: at the first one.
    """
    if isinstance(value, str) and "${" in value:
        raise ConfigError(f"{name}: holds ${{…}}, which plain data must not")
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for some in value:
            refuse_interpolation(some, name)


def _make(config: Mapping[str, Any], part: Part, arguments: Mapping[str, Any]) -> Any:
    target = str(config["_target_"])
    schema = part.targets[target]
    plain = {key: value for key, value in config.items() if not key.startswith("_")}
    given = {key: _argument(value, schema[key]) for key, value in plain.items()}
    module, _, name = target.rpartition(".")
    made = partial(getattr(import_module(module), name), **given, **arguments)
    return made if config.get("_partial_") else made()


def _argument(value: Any, schema: Any) -> Any:
    if not isinstance(schema, Part):
        return value
    if value is None:
        raise TypeError("a part of it is missing")
    return _make(value, schema, {})
