"""Single values and lists as a user writes them: YAML's scalars, and quantities where a path has a unit."""

from __future__ import annotations

from typing import Any, cast

from axbar.errors import AxbarError, UsageError
from axbar.search.space.domains import Value
from axbar.spec._yaml import read_scalar
from axbar.units import parse_quantity

__all__ = ["read_list", "read_value", "typed"]


def typed(value: Any, unit: str) -> Any:
    """Return a value in SI: ``"10 ns"`` becomes a number where the unit is ``s``; other values stay as they are.

    Raises:
        UsageError: a text is no quantity of the unit.
    """
    if not isinstance(value, str) or not unit:
        return value
    try:
        return parse_quantity(value, unit)
    except ValueError as error:
        raise UsageError(f"{error}.") from None


def read_value(text: str, unit: str) -> Value:
    """Read one value: ``4``, ``true``, ``sata``, ``'10 ns'``.

    Raises:
        UsageError: it is a list, or no value at all.
    """
    value = _scalar(text)
    if isinstance(value, list | dict) or value is None:
        raise UsageError(f"'{text}' is not one value; write a number, a text, true or false.")
    return typed(value, unit)


def read_list(text: str, unit: str) -> list[Value]:
    """Read ``[a, b]``.

    Raises:
        UsageError: it is no list, or empty.
    """
    values = _scalar(text)
    if not isinstance(values, list) or not values:
        raise UsageError(f"'{text}' is no list of values; write [a, b].")
    return [typed(value, unit) for value in cast(list[Any], values)]


def _scalar(text: str) -> object:
    try:
        return read_scalar(text)
    except AxbarError as error:
        raise UsageError(f"can't read '{text}': {error}") from None
