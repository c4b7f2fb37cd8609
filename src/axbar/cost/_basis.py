"""What a figure rests on: the parameters and constants behind a component, and how sure they are.

A figure rests on a number if its formula reads it, or reads another component's result that does. Numbers
marked ``assumed`` and numbers that a user set (or swept, or pinned) are told apart from sourced ones. Choices
of a design, which have no unit (rows, bits, kinds), are no facts and do not count; two parameters without a unit
are facts about a layout that nobody read: how far wires are from the floor plan's, and how large the chip's buffer is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from axbar.cost._engine import Plan
from axbar.cost._types import Component, Context, Quantity
from axbar.spec import HardwareSpec, path_table
from axbar.units import unit_of

__all__ = ["Basis", "bases", "is_fact", "is_weak", "parameter", "point_spec"]

#: facts whose names end in no unit of ``axbar.units``
_UNITLESS_FACTS: Final = ("interconnect.length_factor", "buffer.global_B")


@dataclass(frozen=True)
class Basis:
    """One number that a figure rests on."""

    name: str
    kind: str  # parameter, constant or pin
    value: float
    unit: str
    confidence: str
    source: str


def is_fact(path: str) -> bool:
    """Return whether a parameter is a physical figure and not a choice of the design.

    >>> is_fact("device.g_on_S"), is_fact("crossbar.rows")
    (True, False)
    """
    return bool(unit_of(path)) or path.endswith("_F2") or path in _UNITLESS_FACTS


def is_weak(basis: Basis) -> bool:
    """Return whether a number is a fact that is assumed or the user's own; choices of a design are never weak."""
    if basis.kind == "parameter" and not is_fact(basis.name):
        return False
    return basis.confidence in ("assumed", "user")


def point_spec(plan: Plan, x: Context) -> HardwareSpec:
    """Return the spec whose sources hold for a context: with the blocks (devices) that its points name."""
    table = path_table(plan.spec)
    blocks = {path for path in plan.sweep.given if f"{path}.name" in table}
    return plan.spec.replace({path: x.text(f"{path}.name") for path in sorted(blocks)})


def bases(
    plan: Plan, x: Context, spec: HardwareSpec, component: Component, quantity: Quantity
) -> tuple[Basis, ...]:
    """Return all that a component's figure rests on, for a context of one point, each number once."""
    found: dict[tuple[str, str], Basis] = {}
    for basis in _walk(plan, x, spec, component, quantity, set()):
        found.setdefault((basis.kind, basis.name), basis)
    return tuple(found.values())


def _walk(
    plan: Plan,
    x: Context,
    spec: HardwareSpec,
    component: Component,
    quantity: Quantity,
    seen: set[tuple[str, str]],
) -> Iterator[Basis]:
    if (component.name, quantity) in seen:
        return
    seen.add((component.name, quantity))
    pin = f"pins.{component.name}.{quantity}"
    if pin in x.numbers:
        counted = component.count_of(quantity)
        pinned = spec.pins.get(component.name)
        source = "swept by the user" if pin in plan.sweep.given or pinned is None else pinned.source
        yield Basis(pin, "pin", float(x.p(pin)[0]), unit_of(pin), "user", source)
        yield from (parameter(plan, x, spec, path) for path in (counted.paths if counted else ()))
        return
    term = component.terms(x)[quantity]
    yield from (parameter(plan, x, spec, path) for path in term.paths)
    for constant in term.constants:
        yield Basis(
            constant.name, "constant", constant.value, constant.unit, constant.confidence, constant.source
        )
        if constant.needs_node:
            yield parameter(plan, x, spec, "technology.node_m")
        if constant.needs_vdd:
            yield parameter(plan, x, spec, "technology.vdd_V")
    for name, other in term.uses:
        for used in plan.components:
            if used.name == name or (name == "*" and used is not component):
                yield from _walk(plan, x, spec, used, other, seen)


def parameter(plan: Plan, x: Context, spec: HardwareSpec, path: str) -> Basis:
    """Return a parameter with its value, source and confidence at a context of one point."""
    swept = path in plan.sweep.given
    known = spec.sources.get(path)
    return Basis(
        name=path,
        kind="parameter",
        value=float(x.p(path)[0]),
        unit=unit_of(path),
        confidence="user" if swept else spec.confidence_of(path),
        source="swept by the user" if swept else (known.source if known else "no source given"),
    )
