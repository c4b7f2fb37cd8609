"""One figure of an estimate, down to formula, counts, parameters, constants and sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from axbar.cost import technology
from axbar.cost._basis import Basis, bases, is_weak, parameter, point_spec
from axbar.cost._component import ComponentExplanation
from axbar.cost._engine import Plan, pinned
from axbar.cost._labels import component_label
from axbar.cost._types import Component, Context, Quantity, Term, add_up
from axbar.cost.constants import Constant
from axbar.errors import UsageError, unknown_name
from axbar.units import format_number, format_quantity, unit_of

__all__ = ["ConstantUse", "EventUse", "Explanation", "Listing", "explain"]

_QUANTITIES: Final[dict[str, Quantity]] = {
    "energy": "energy_J", "latency": "latency_s", "area": "area_m2", "leakage": "leakage_W",
}  # fmt: skip
_UNIT: Final = {"energy_J": "J", "latency_s": "s", "area_m2": "m2", "leakage_W": "W"}


@dataclass(frozen=True)
class EventUse:
    """How often an event happens, by layer."""

    name: str
    meaning: str
    by_layer: tuple[float, ...]


@dataclass(frozen=True)
class ConstantUse:
    """A constant as published and scaled to this chip; ``interval``: two readings of the scaling's source."""

    name: str
    value: float
    scaled: float
    unit: str
    source: str
    confidence: str
    scaling: str
    note: str
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Explanation:
    """Where one figure comes from.

    Args:
        query: ``component.quantity``.
        summary: what the component is.
        formula: the equation, in the names of events, parameters and constants.
        layers: names.
        by_layer: the figure, by layer.
        result: their sum, SI.
        share: of the total of all components.
        unit: SI unit.
        events, parameters, constants: what the formula reads.
        uses: results of other components that it reads, with their totals.
        weak: assumed and user-set numbers behind the figure, also through other components.
        spread: factor x/÷ within which published silicon lies.
    """

    query: str
    summary: str
    formula: str
    layers: tuple[str, ...]
    by_layer: tuple[float, ...]
    result: float
    share: float
    unit: str
    events: tuple[EventUse, ...]
    parameters: tuple[Basis, ...]
    constants: tuple[ConstantUse, ...]
    uses: tuple[tuple[str, float, str], ...]
    weak: tuple[str, ...]
    spread: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def text(self) -> str:
        """Return the explanation as lines of plain text."""
        result, low, high = (
            format_quantity(value, self.unit)
            for value in (self.result, self.result / self.spread, self.result * self.spread)
        )
        share = f"{100 * self.share:.1f} % of the total; x/÷ {self.spread:g}: {low} … {high}"
        lines = [f"{self.query} = {result}  ({share})", self.summary, "", f"formula     {self.formula}"]
        lines += _section("parameters", [_parameter_line(p) for p in self.parameters])
        lines += _section("constants", [_constant_line(c) for c in self.constants])
        if any(c.scaling.startswith("digital") for c in self.constants):
            lines.append(f"  scaled after {technology.SOURCE} [{technology.CONFIDENCE}]")
        used = [f"{name} = {format_quantity(value, unit)}" for name, value, unit in self.uses]
        lines += _section("from other components", used)
        lines += _section("rests on assumed or own numbers", list(self.weak))
        lines += ["", "by layer", *_table(self)]
        lines += _section("events", [f"{e.name}: {e.meaning}" for e in self.events])
        return "\n".join(lines)


@dataclass(frozen=True)
class Listing:
    """What can be explained, with results."""

    title: str
    rows: tuple[tuple[str, float, str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: query -> result."""
        return {"title": self.title, "results": {query: value for query, value, _, _ in self.rows}}

    def text(self) -> str:
        """Return one line per figure."""
        width = max(len(query) for query, *_ in self.rows)
        lines = [f"  {q.ljust(width)}  {format_quantity(v, u):>12}  {what}" for q, v, u, what in self.rows]
        return "\n".join([self.title, *lines])


def explain(plan: Plan, query: str, point: int) -> Explanation | ComponentExplanation | Listing:
    """Explain one figure or component of one design point; see ``Estimate.explain``."""
    components = {component.name: component for component in plan.components}
    x = plan.at(point)
    name, _, word = query.strip().partition(".")
    name = _named_as_shown(name, components)
    quantity = _QUANTITIES.get(word.partition("_")[0]) if word else None
    if not name:
        return _listing(x, plan.components)
    if name in components and not word:
        parts = tuple(_explanation(plan, x, components[name], q) for q in _QUANTITIES.values())
        return ComponentExplanation(name, components[name].summary, parts)
    if name not in components:
        raise UsageError(
            unknown_name("component", name, components) + " Ask for component.quantity, e.g. adc.energy."
        )
    if quantity is None or word not in (quantity, quantity.partition("_")[0]):
        raise UsageError(unknown_name(f"quantity of {name}", word, _QUANTITIES))
    return _explanation(plan, x, components[name], quantity)


def _named_as_shown(name: str, components: Mapping[str, Component]) -> str:
    """Return a component's name as asked for: in any case, or in the words of tables."""
    wanted = name.casefold().replace(" ", "_")
    labels = {component_label(known).casefold().replace(" ", "_"): known for known in components}
    return wanted if wanted in components else labels.get(wanted, name)


def _listing(x: Context, components: Sequence[Component]) -> Listing:
    rows = [
        (
            f"{c.name}.{word}",
            float(sum(x.results[quantity][c.name][:, 0].tolist())),
            _UNIT[quantity],
            c.summary,
        )
        for c in components
        for word, quantity in _QUANTITIES.items()
    ]
    return Listing("explain one of these, e.g. 'adc.energy', or a whole component, e.g. 'adc'", tuple(rows))


def _explanation(plan: Plan, x: Context, component: Component, quantity: Quantity) -> Explanation:
    spec = point_spec(plan, x)
    counted = component.count_of(quantity)
    term = component.terms(x)[quantity]
    if pinned(component, quantity, x) is not None and counted is not None:
        path = f"pins.{component.name}.{quantity}"
        formula = f"number of '{counted.what}' · pinned figure"
        term = Term(formula, counted.value, counted.events, (path, *counted.paths))
    if quantity == "latency_s" and x.timing is not None and component.name in x.timing.shares:
        term = replace(term, formula=f"({term.formula}) · share by which the layer delays the inference")
    values = [float(v) for v in x.results[quantity][component.name][:, 0]]
    total = float(x.total(quantity)[0])
    meaning = plan.events[0].meaning
    basis = bases(plan, x, spec, component, quantity)
    return Explanation(
        query=f"{component.name}.{quantity.partition('_')[0]}",
        summary=component.summary,
        formula=term.formula,
        layers=plan.events[0].layers,
        by_layer=tuple(values),
        result=sum(values),
        share=sum(values) / total if total > 0 else 0.0,
        unit=_UNIT[quantity],
        events=tuple(EventUse(e, meaning[e], tuple(float(v) for v in x.n(e)[:, 0])) for e in term.events),
        parameters=tuple(_used(basis, plan, x, spec, path) for path in term.paths),
        constants=tuple(_scaled(constant, x) for constant in term.constants),
        uses=tuple(_use(x, component, name, other) for name, other in term.uses),
        weak=tuple(_weak_line(b) for b in basis if is_weak(b)),
        spread=component.spread_of(quantity),
    )


def _use(x: Context, component: Component, name: str, quantity: Quantity) -> tuple[str, float, str]:
    word = quantity.partition("_")[0]
    if name == "*":
        value = float(x.total(quantity, leave_out=component.name)[0])
        return f"{word} of all other components", value, _UNIT[quantity]
    return f"{word} of {name}", float(add_up(x.results[quantity][name])[0]), _UNIT[quantity]


def _used(basis: Sequence[Basis], plan: Plan, x: Context, spec: Any, path: str) -> Basis:
    known: Mapping[str, Basis] = {b.name: b for b in basis}
    return known[path] if path in known else parameter(plan, x, spec, path)


def _weak_line(basis: Basis) -> str:
    return f"{basis.name} [{basis.confidence}: {basis.source}]"


def _scaled(constant: Constant, x: Context) -> ConstantUse:
    scaled = float(np.ravel(x.c(constant))[0])
    interval = None
    if constant.scaling == "digital energy" and constant.node_m is not None:
        node_m = float(x.p("technology.node_m")[0])
        if technology.nodes_crossed(constant.node_m, node_m) > 2:
            now = float(technology.energy_ratio(constant.node_m, 1.0, node_m, 1.0))
            low, high = technology.energy_interval(constant.node_m, node_m)
            interval = (scaled * low / now, scaled * high / now)
    return ConstantUse(
        name=constant.name,
        value=constant.value,
        scaled=scaled,
        unit=constant.unit,
        source=constant.source,
        confidence=constant.confidence,
        scaling=constant.scaling,
        note=constant.note,
        interval=interval,
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _parameter_line(basis: Basis) -> str:
    unit = unit_of(basis.name)
    value = format_quantity(basis.value, unit) if unit else format_number(basis.value)
    return f"{basis.name} = {value}  [{basis.confidence}: {basis.source}]"


def _constant_line(use: ConstantUse) -> str:
    scaled = f", here {use.scaled:.4g} by {use.scaling}" if use.scaling != "none" else ""
    between = f" (between {use.interval[0]:.3g} and {use.interval[1]:.3g})" if use.interval else ""
    note = f"; {use.note}" if use.note else ""
    return f"{use.name} = {use.value:.6g} {use.unit}{scaled}{between}  [{use.confidence}: {use.source}{note}]"


def _table(explanation: Explanation) -> list[str]:
    """Layers down, events and the figure across."""
    head = ["layer", *(e.name for e in explanation.events), explanation.query]
    rows = [
        [
            layer,
            *(format_number(e.by_layer[i]) for e in explanation.events),
            format_quantity(value, explanation.unit),
        ]
        for i, (layer, value) in enumerate(zip(explanation.layers, explanation.by_layer, strict=True))
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines: list[str] = []
    for row in [head, *rows]:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(["", row[0].ljust(widths[0]), *cells[1:]]))
    return lines
