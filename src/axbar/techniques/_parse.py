"""Read ``name:key=value,key=value``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from axbar import registry
from axbar.errors import UsageError, unknown_name
from axbar.spec._paths import path_info
from axbar.techniques._base import Technique, TechniqueConfig

__all__ = ["get_technique", "parse_technique"]


def get_technique(name: str) -> Technique:
    """Return a technique by name.

    Raises:
        UsageError: no technique of that name (with the closest one), or what is registered is none.
    """
    found = registry.get("techniques", name)
    if not isinstance(found, Technique):
        raise UsageError(
            f"technique '{name}' is a {type(found).__name__} without name, stage, Config and apply; "
            "register an object that has them."
        )
    return found


def parse_technique(text: str) -> tuple[Technique, TechniqueConfig]:
    """Return a technique and its settings from ``"name"`` or ``"name:key=value,..."``.

    Raises:
        UsageError: unknown name or key (with the closest one), or a value out of range.

    >>> technique, config = parse_technique("clip-weights:sigma=2")
    >>> technique.name, config.model_dump()
    ('clip-weights', {'sigma': 2.0})
    """
    name, _, rest = text.partition(":")
    technique = get_technique(name.strip())
    fields = technique.Config.model_fields
    values: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in rest.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise UsageError(
                f"technique '{technique.name}' can't read '{part}'; write key=value, as {_usage(technique)}."
            )
        if key not in fields:
            raise UsageError(unknown_name(f"setting of technique '{technique.name}':", key, fields))
        if key in values:
            raise UsageError(f"technique '{technique.name}' gets '{key}' twice; give it once.")
        values[key] = value
    try:
        return technique, technique.Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"technique '{technique.name}': {_refused(technique, values, first)}") from error


def _refused(technique: Technique, values: Mapping[str, str], error: ErrorDetails) -> str:
    """Return what is wrong with one setting, or with settings that do not go together."""
    wanted = _wanted(technique.Config, error)
    key = ".".join(str(place) for place in error["loc"])
    if not key:
        return f"{wanted}."
    given = f"{key} = {error['input']!r}" if key in values else key
    return f"{given} is refused: {wanted}.{_as_share(error)}"


def _wanted(config: type[TechniqueConfig], error: ErrorDetails) -> str:
    """Return what is allowed, ``give a whole number, 2..8``, or what a check of the technique's own says."""
    if error["type"] in ("value_error", "assertion_error"):
        return error["msg"].removeprefix("Value error, ")
    info = path_info(config, ".".join(str(place) for place in error["loc"]))
    if info is None or info.type not in ("int", "float"):
        said = "true or false" if info is not None and info.type == "bool" else error["msg"]
        return f"give {said.removeprefix('Input should be ')}"
    bounded = info.low is not None or info.high is not None
    return f"give a {'whole ' if info.type == 'int' else ''}number{f', {info.allowed}' if bounded else ''}"


def _as_share(error: ErrorDetails) -> str:
    """Return a hint where a percentage was given for a share."""
    limits, value = error.get("ctx", {}), str(error["input"])
    if limits.get("lt", limits.get("le")) != 1 or not re.fullmatch(r"[1-9]\d", value):
        return ""
    return f" It is a share from 0 to 1; did you mean {int(value) / 100:g}?"


def _usage(technique: Technique) -> str:
    pairs = ",".join(f"{key}={field.get_default()}" for key, field in technique.Config.model_fields.items())
    return f"'{technique.name}:{pairs}'"
