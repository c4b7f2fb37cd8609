"""A domain against the field it stands for: its type, bounds and choices, in a chip or in a technique's settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from axbar.errors import UsageError, suggest
from axbar.search.space.domains import Choices, Domain, Integers, Reals
from axbar.spec._paths import PathInfo
from axbar.spec._quantity import show
from axbar.units import parse_quantity

__all__ = ["fitted"]


def fitted(info: PathInfo, domain: Domain, owner: str) -> Domain:
    """Return the domain with values of the field's type, so that one design is always written in one way.

    Args:
        owner: what has the field, for messages: ``imc-rram-65nm``, ``technique 'prune'``.

    Raises:
        UsageError: values have another type or leave the bounds; both are named.
    """
    if info.type in ("bool", "str"):
        return _words(info, domain, owner)
    found = _whole(info, domain, owner) if info.type == "int" else _real(info, domain, owner)
    for value in _ends(found):
        if info.problem(value):
            what = show(value, info.unit)
            if not isinstance(found, Choices):
                what = f"the range {show(found.low, info.unit)}..{show(found.high, info.unit)}"
            raise UsageError(f"{what} leaves the bounds of {owner}, which allows {info.allowed}.")
    return found


def _words(info: PathInfo, domain: Domain, owner: str) -> Domain:
    wanted, said = (bool, "true or false") if info.type == "bool" else (str, info.allowed)
    if not isinstance(domain, Choices) or not all(isinstance(value, wanted) for value in domain.values):
        quoted = ', in quotes as ["0.25", "0.5"]' if wanted is str and not info.choices else ""
        raise UsageError(f"{owner} takes {said} here, not {domain}; list the values{quoted}.")
    for value in domain.values:
        if isinstance(value, str) and (problem := info.problem(value)):
            raise UsageError(f"{value!r} {problem} in {owner}{suggest(value, info.choices) or '.'}")
    return domain


def _whole(info: PathInfo, domain: Domain, owner: str) -> Domain:
    if isinstance(domain, Integers):
        return domain
    if isinstance(domain, Reals):
        raise UsageError(
            f"{owner} takes whole numbers here ({info.allowed}), not {domain}; write low..high or a list."
        )
    values = [_number(info, value, owner) for value in domain.values]
    for value in values:
        if not float(value).is_integer():
            raise UsageError(f"{value!r} is no whole number; {owner} allows {info.allowed}.")
    return Choices(tuple(int(value) for value in values))


def _real(info: PathInfo, domain: Domain, owner: str) -> Domain:
    if isinstance(domain, Reals):
        return domain
    if isinstance(domain, Integers):
        return Reals(domain.low, domain.high, step=domain.step)
    return Choices(tuple(float(_number(info, value, owner)) for value in domain.values))


def _number(info: PathInfo, value: Any, owner: str) -> float:
    if isinstance(value, str):
        try:
            return parse_quantity(value, info.unit)
        except ValueError as error:
            raise UsageError(f"{error}; {owner} allows {info.allowed}.") from None
    if isinstance(value, bool):
        raise UsageError(f"{str(value).lower()} is not a number; {owner} allows {info.allowed}.")
    return value


def _ends(domain: Domain) -> tuple[Any, ...]:
    """Return the values that may leave the bounds first."""
    if isinstance(domain, Choices):
        return domain.values
    if domain.size is None:
        return domain.low, domain.high
    return domain.low, domain.at(np.array([domain.size - 1])).item()
