"""What to know of design points whose figures stand: soft limits that they exceed, pins that look like unit slips.

A pinned figure is held against what the model computes for the same thing, one event or instance: the model's total
over its count. Where they are farther apart than ``SLIP``, one of them is likely in another unit (pJ for nJ). A pin
of 0, a figure that the model does not have, and a pin that is swept on purpose are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from axbar.cost._engine import Indices, Plan
from axbar.cost._types import QUANTITIES, Component, Context, Floats, Quantity, Rule, add_up
from axbar.units import format_number, format_quantity, unit_of

__all__ = ["SLIP", "sentences_of", "warnings_of"]

#: factor between a pinned figure and the model's above which the pin's unit is doubted
SLIP: Final = 1e3


def warnings_of(plan: Plan) -> tuple[str, ...]:
    """Return the sentences of each point in one text, empty where there is nothing to say."""
    found: list[list[str]] = [[] for _ in range(plan.sweep.points)]
    for points in plan.chunks():
        for point, sentence in _sentences(plan, points):
            found[point].append(sentence)
    return tuple("; ".join(sentences) for sentences in found)


def sentences_of(plan: Plan, point: int) -> tuple[str, ...]:
    """Return the sentences of one point."""
    return tuple(sentence for _, sentence in _sentences(plan, np.array([point])))


def _sentences(plan: Plan, points: Indices) -> Iterator[tuple[int, str]]:
    """Yield (point, sentence) for points that share their words."""
    yield from _limits(plan, points)
    yield from _slips(plan, points)


def _limits(plan: Plan, points: Indices) -> Iterator[tuple[int, str]]:
    x = plan.context(points)
    for rule in plan.rules:
        if rule.fatal:
            continue
        broken = np.broadcast_to(rule.violated(x), len(points))
        for alike in _alike(rule, plan, points[broken]):
            sentence = rule.reason(plan.context(alike[:1]))
            yield from ((point, sentence) for point in alike.tolist())


def _alike(rule: Rule, plan: Plan, points: Indices) -> Iterator[Indices]:
    """Yield the points of which a rule says the same."""
    if rule.depends is None or len(points) == 0:
        yield from points[:, None]
        return
    numbers = rule.depends(plan.context(points))
    which = np.unique(numbers, axis=1, return_inverse=True)[1].ravel()
    yield from (points[which == group] for group in range(which.max() + 1))


def _slips(plan: Plan, points: Indices) -> Iterator[tuple[int, str]]:
    pins = list(_pins(plan))
    if not pins:
        return
    x = plan.evaluate(points)
    for component, quantity, path in pins:
        pinned, modelled = x.p(path).item(), _modelled(component, quantity, x)
        factor = np.divide(pinned, modelled, out=np.zeros_like(modelled), where=modelled > 0)
        for i in np.flatnonzero((factor > SLIP) | ((factor > 0) & (factor < 1 / SLIP))).tolist():
            yield int(points[i]), _slip(component, quantity, path, pinned, modelled[i].item())


def _pins(plan: Plan) -> Iterator[tuple[Component, Quantity, str]]:
    """Yield the figures that the spec pins and no column sweeps, with their paths."""
    for component in plan.components:
        for quantity in QUANTITIES:
            path = f"pins.{component.name}.{quantity}"
            if path in plan.sweep.numbers and path not in plan.sweep.given:
                yield component, quantity, path


def _modelled(component: Component, quantity: Quantity, x: Context) -> Floats:
    """Return the model's figure for what is pinned, ``[n]``; 0 where it has none or nothing is counted."""
    counted = component.count_of(quantity)
    assert counted is not None  # checked when the plan was made
    shape = next(iter(x.results[quantity].values())).shape
    total, count = (
        add_up(np.broadcast_to(values, shape))
        for values in (component.terms(x)[quantity].value(x), counted.value(x))
    )
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _slip(component: Component, quantity: Quantity, path: str, pinned: float, modelled: float) -> str:
    counted, unit = component.count_of(quantity), unit_of(path)
    assert counted is not None
    times = format_number(float(f"{max(pinned / modelled, modelled / pinned):.2g}"))
    apart = f"{times} times {'larger' if pinned > modelled else 'smaller'}"
    return (
        f"{path} = {format_quantity(pinned, unit)} is {apart} than the {format_quantity(modelled, unit)} that the "
        f"model computes for {counted.what}: check its unit"
    )
