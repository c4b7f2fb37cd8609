"""What holds a network on a chip back, and what would help: shares, drivers and ranked changes, all re-estimated.

Three questions, one sweep. Which components, in which layers, hold energy, latency and area: their shares. What
holds a component: the fields with the largest elasticities of its figure (``axbar.cost.sensitivity``), as powers,
and for leakage whose power flows and whose time it takes. What would help: every neighbour of the chip
(``axbar.cost.whatif``), ranked by the energy-delay product that it leaves, with whether accuracy may move.

Gains are those of one change alone; two changes together may gain less or more than both. On a chip that does not
fit, changes that make it fit come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from axbar import registry
from axbar.cost._swept import FIGURES, Asked, Swept, point_of, sweep_changes
from axbar.cost._types import Context, Floats, Quantity
from axbar.cost.sensitivity import Sensitivity, ask
from axbar.cost.whatif import Offer, WhatIf, candidates, fewer_steps, offered, weigh
from axbar.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from axbar.cost._result import Estimate

__all__ = ["HELD", "Bottlenecks", "Driver", "Holder", "bottlenecks_of"]

#: quantities whose holders are named
HELD: Final[tuple[Quantity, ...]] = ("energy_J", "latency_s", "area_m2")
#: drivers named per component, and the elasticity below which a field is none
_DRIVERS: Final = 3
_LEAST: Final = 0.1
#: times: copies of all layers would lead every list otherwise
_MOST_AREA: Final = 2.0


@dataclass(frozen=True)
class Driver:
    """A field that holds a figure: the figure grows as the field to this power."""

    path: str
    power: float

    @property
    def text(self) -> str:
        """Return ``adc.bits^1.6``."""
        return f"{self.path}^{self.power:.2g}".replace("^-", "^−")


@dataclass(frozen=True)
class Holder:
    """A component, whole or in one layer, and what it holds of a quantity.

    Args:
        quantity: of ``HELD``.
        component, layer: ``layer`` is empty for the component in all layers.
        value, share: SI, and of the chip's total.
        formula: of the component's figure.
        drivers: fields that it depends on most, the strongest first.
        through: whose results it rests on most, where it reads those of others (leakage).
    """

    quantity: str
    component: str
    layer: str
    value: float
    share: float
    formula: str = ""
    drivers: tuple[Driver, ...] = ()
    through: str = ""

    @property
    def words(self) -> str:
        """What it goes with: fields and their powers, and whose results; empty where nothing stands out."""
        powers = " · ".join(driver.text for driver in self.drivers)
        return "; ".join(part for part in (powers, self.through) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "quantity": self.quantity, "component": self.component, "layer": self.layer or None,
            "value": self.value, "share": self.share, "formula": self.formula, "through": self.through,
            "drivers": {driver.path: driver.power for driver in self.drivers},
        }  # fmt: skip


@dataclass(frozen=True)
class Bottlenecks:
    """Where it goes and what would help.

    Args:
        components: holders by quantity and component, each quantity's largest first.
        cells: holders by quantity, component and layer, each quantity's largest first.
        changes: feasible changes that move a figure, best energy-delay product first.
        infeasible: changes that do not fit, with their reasons.
        techniques: that leave the cost of an inference as it is, with what they take.
        sensitivity: of all fields, for more questions.
    """

    components: tuple[Holder, ...]
    cells: tuple[Holder, ...]
    changes: tuple[WhatIf, ...]
    infeasible: tuple[WhatIf, ...]
    techniques: tuple[Offer, ...]
    sensitivity: Sensitivity

    def top(self, quantity: str = "energy_J", count: int = 3, *, layers: bool = False) -> tuple[Holder, ...]:
        """Return the largest holders of a quantity: components, or with ``layers`` components in single layers."""
        if quantity not in HELD:
            raise UsageError(unknown_name("quantity", quantity, HELD))
        found = self.cells if layers else self.components
        return tuple(h for h in found if h.quantity == quantity and h.share > 0)[:count]

    def ranked(self, by: str = "edp_Js", count: int | None = None) -> tuple[WhatIf, ...]:
        """Return the feasible changes, best first by one of energy_J, latency_s, area_m2, leakage_W, edp_Js, fps."""
        if by not in FIGURES:
            raise UsageError(unknown_name("figure", by, FIGURES))
        sign = -1.0 if by == "fps" else 1.0
        return tuple(sorted(self.changes, key=lambda c: sign * c.factors[by]))[:count]

    def helpful(
        self, by: str = "edp_Js", count: int | None = None, area_at_most: float = float("inf")
    ) -> tuple[WhatIf, ...]:
        """Return those of ``ranked`` that gain anything and leave at most this many times the area."""
        sign = -1.0 if by == "fps" else 1.0
        gaining = (c for c in self.ranked(by) if sign * c.gain(by) > 0)
        return tuple(c for c in gaining if not c.factors["area_m2"] > area_at_most)[:count]

    def advice(self, count: int | None = None) -> tuple[WhatIf, ...]:
        """Return what is recommended, best first: a smaller energy-delay product on at most twice the area."""
        return self.helpful(count=count, area_at_most=_MOST_AREA)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: all components and changes, the ten largest cells per quantity."""
        return {
            "components": [h.to_dict() for h in self.components],
            "cells": [h.to_dict() for q in HELD for h in self.top(q, 10, layers=True)],
            "changes": [c.to_dict() for c in self.changes],
            "infeasible": [c.to_dict() for c in self.infeasible],
            "techniques": [t.to_dict() for t in self.techniques],
        }


def bottlenecks_of(result: Estimate, offers: Sequence[Offer] = (), point: int = 0) -> Bottlenecks:
    """Return what holds one design point back and what would help.

    Args:
        result: an estimate.
        offers: of techniques, as ``axbar.techniques.offers`` collects them (needs torch); without, the registered
            ones are listed by name only.
        point: design point.
    """
    one = result if result.plan.sweep.points == 1 else result.at(point)
    workload, spec = point_of(result, point)
    asked = Asked()
    fields, names, undefined = ask(spec, asked)
    wanted = candidates(spec)
    for _, change in wanted:
        asked.add(change)
    for offer in offers:
        asked.add(offer.changes)
    swept = sweep_changes(workload, spec, asked.changes)
    x = one.plan.at(0)
    table = Sensitivity(swept, one.components, tuple(fields), tuple(names), tuple(undefined))
    tried = [
        *weigh(swept, asked, wanted), *fewer_steps(workload, spec, swept), *offered(offers, spec, swept, asked)
    ]  # fmt: skip
    return Bottlenecks(
        components=tuple(h for q in HELD for h in _by_component(one, x, q, table)),
        cells=tuple(h for q in HELD for h in _by_cell(one, q)),
        changes=_ranked(tried, swept),
        infeasible=tuple(c for c in tried if not c.feasible),
        techniques=tuple(o for o in offers if not o.changes_cost) if offers else _listed(),
        sensitivity=table,
    )


def _ranked(tried: Sequence[WhatIf], swept: Swept) -> tuple[WhatIf, ...]:
    # on a chip that does not fit, whatever fits is worth a look, even without any other effect
    fits = bool(swept.feasible[0])
    kept = [c for c in tried if c.feasible and (c.matters or not fits)]
    return tuple(sorted(kept, key=lambda c: c.factors["edp_Js"]))


def _listed() -> tuple[Offer, ...]:
    note = "what it takes is told by 'axbar evaluate'"
    return tuple(
        Offer(entry.name, summary=entry.summary, accuracy="unknown", why="not asked", note=note)
        for entry in registry.entries("techniques")
    )


def _by_component(one: Estimate, x: Context, quantity: Quantity, table: Sensitivity) -> list[Holder]:
    sums, total = one.by_component(quantity)[0], float(one.totals[quantity][0])
    paths, powers = table.powers(quantity)
    found: list[Holder] = []
    order: list[int] = np.argsort(-sums, kind="stable").tolist()
    for i in order:
        component, value = one.plan.components[i], float(sums[i])
        term = component.terms(x)[quantity]
        found.append(
            Holder(
                quantity, component.name, "", value, value / total if total > 0 else 0.0, term.formula,
                _drivers(paths, powers[:, i]) if value > 0 else (),
                _through(x, component.name, term.uses) if value > 0 else "",
            )
        )  # fmt: skip
    return found


def _drivers(paths: Sequence[str], powers: Floats) -> tuple[Driver, ...]:
    known = np.where(np.isfinite(powers), powers, 0.0)
    strongest: list[int] = np.argsort(-np.abs(known), kind="stable")[:_DRIVERS].tolist()
    return tuple(Driver(paths[i], float(known[i])) for i in strongest if abs(known[i]) >= _LEAST)


def _through(x: Context, component: str, uses: Sequence[tuple[str, Quantity]]) -> str:
    """Name whose results a component rests on most: ``mostly leakage of membrane (62 %), latency of adc (73 %)``."""
    parts: list[str] = []
    for name, quantity in uses:
        results = {n: float(v.sum()) for n, v in x.results[quantity].items() if n != component}
        total = sum(results.values())
        if name == "*" and total > 0:
            largest = max(results, key=lambda n: results[n])
            parts.append(
                f"{quantity.partition('_')[0]} of {largest} ({100 * results[largest] / total:.0f} %)"
            )
    return f"mostly {', '.join(parts)}" if parts else ""


def _by_cell(one: Estimate, quantity: Quantity) -> list[Holder]:
    cells = getattr(one, quantity)[0]
    total = float(one.totals[quantity][0])
    order = np.argsort(-cells, axis=None, kind="stable")[:_CELLS]
    places = [divmod(int(i), cells.shape[1]) for i in order]
    return [
        Holder(
            quantity, one.components[c], one.layers[row], float(cells[row, c]),
            float(cells[row, c]) / total if total > 0 else 0.0,
        )
        for row, c in places
        if cells[row, c] > 0
    ]  # fmt: skip


#: components in single layers that are kept per quantity
_CELLS: Final = 50
