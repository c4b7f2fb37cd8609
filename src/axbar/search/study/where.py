"""Conditions on designs as a user types them: ``accuracy > 0.85 and adc.bits <= 6 and hardware == sata``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from axbar.errors import UsageError, unknown_name
from axbar.search.rows import Row
from axbar.search.space import Space
from axbar.search.space.parts import QUANTITIES
from axbar.units import parse_quantity, unit_of

__all__ = ["where"]

_CLAUSE = re.compile(r"\s*(?P<name>[\w.\-]+)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<value>.+?)\s*")
_OPS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def where(text: str, rows: Sequence[Row], quantities: Sequence[str], space: Space) -> Iterator[Row]:
    """Yield the rows that keep a condition; one that has not what is asked for does not keep it.

    Raises:
        UsageError: a name is no figure or parameter, or the text has another form.
    """
    clauses = [_clause(part, quantities, space) for part in re.split(r"\band\b|&&|,", text)]
    for row in rows:
        known = {**row.point, **row.values}
        if all(name in known and _holds(op, known[name], value) for name, op, value in clauses):
            yield row


def _clause(text: str, quantities: Sequence[str], space: Space) -> tuple[str, str, Any]:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"'{text.strip()}' is no condition; write for example accuracy > 0.85 and adc.bits <= 6."
        )
    name, op, value = found["name"], found["op"], found["value"].strip("'\"")
    known = (*quantities, *space.paths)
    if name not in known:
        raise UsageError(unknown_name("figure or parameter", name, known))
    unit = QUANTITIES[name][0] if name in QUANTITIES else unit_of(name)
    if value in ("true", "false"):
        return name, op, value == "true"
    try:
        number = parse_quantity(value, unit)
        if name.startswith("accuracy") and number > 1:
            raise UsageError(f"'{text.strip()}': an accuracy is a share from 0 to 1; write {number / 100:g}.")
        return name, op, number
    except ValueError:
        if op not in ("==", "!="):
            raise UsageError(
                f"'{text.strip()}': {value!r} is no number; compare words with == or !=."
            ) from None
        return name, op, value


def _holds(op: str, mine: Any, wanted: Any) -> bool:
    if isinstance(mine, str) != isinstance(wanted, str):
        return op == "!="
    return _OPS[op](mine, wanted)
