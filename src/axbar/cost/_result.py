"""What an estimate found: energy, latency, area and leakage by point, layer and component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost._assumptions import assumed_share, assumptions
from axbar.cost._basis import Basis
from axbar.cost._component import ComponentExplanation
from axbar.cost._conventional import conventional
from axbar.cost._edp import edp_of
from axbar.cost._engine import Indices, Plan
from axbar.cost._explain import Explanation, Listing, explain
from axbar.cost._noted import workload_notes
from axbar.cost._programming import Programming, programming_of
from axbar.cost._types import QUANTITIES, Bools, Floats, Quantity, add_up
from axbar.cost._warnings import sentences_of, warnings_of
from axbar.errors import UsageError, unknown_name
from axbar.units import format_quantity

if TYPE_CHECKING:  # these sweep estimates themselves
    from axbar.cost._wear import Wear
    from axbar.cost.bottlenecks import Bottlenecks
    from axbar.cost.metrics import Metric
    from axbar.cost.sensitivity import Sensitivity
    from axbar.cost.whatif import Offer

__all__ = ["BREAKDOWN_CELLS", "Estimate", "evaluate_plan"]

#: points x layers x components up to which breakdowns are kept; 40 MiB per quantity
BREAKDOWN_CELLS: Final = 5 * 2**20


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """Cost of one workload on P design points of a chip, per inference (one sample through all its steps).

    A point that does not fit has ``feasible`` false and a sentence in ``reasons``; its figures are those of
    the chip that it would take (more tiles, wider arrays), finite and positive, to tell how far off it is.

    Use ``axbar.cost.estimate`` to make one.
    """

    plan: Plan
    totals: Mapping[Quantity, Floats]
    cells: Mapping[Quantity, Floats] | None
    feasible: Bools
    interval_s: Floats

    def __repr__(self) -> str:
        plan, first = self.plan, format_quantity(float(self.totals["energy_J"][0]), "J")
        shape = f"{plan.sweep.points} point(s), {len(self.layers)} layers, {len(self.components)} components"
        return f"<Estimate of {plan.workload.name} on {plan.spec.name}: {shape}, first point {first}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # formulas are functions and do not travel between processes; the question does, and has one answer
        from axbar.cost._estimate import estimate

        return estimate, (self.plan.workload, self.plan.spec, self.points)

    @property
    def layers(self) -> tuple[str, ...]:
        """The L layers that the hardware runs, in execution order."""
        return self.plan.events[0].layers

    @property
    def components(self) -> tuple[str, ...]:
        """The C components, in signal order."""
        return tuple(component.name for component in self.plan.components)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The component tree: group -> its components."""
        tree: dict[str, tuple[str, ...]] = {}
        for component in self.plan.components:
            tree[component.group] = (*tree.get(component.group, ()), component.name)
        return tree

    @property
    def points(self) -> dict[str, NDArray[Any]]:
        """The swept columns, ``[P]`` each; empty for a single estimate."""
        return dict(self.plan.sweep.given)

    @property
    def energy_J(self) -> Floats:
        """Energy, ``[P, L, C]``."""
        return self._breakdown("energy_J")

    @property
    def latency_s(self) -> Floats:
        """Latency of one inference, ``[P, L, C]``, by who delays it: what overlaps is left out, so all add up."""
        return self._breakdown("latency_s")

    @property
    def area_m2(self) -> Floats:
        """Area, ``[P, L, C]``."""
        return self._breakdown("area_m2")

    @property
    def leakage_W(self) -> Floats:
        """Leakage power, ``[P, L, C]``; the energy it costs is the component ``leakage`` of ``energy_J``."""
        return self._breakdown("leakage_W")

    def total(self, quantity: str) -> Floats:
        """Return ``energy_J``, ``latency_s``, ``area_m2`` or ``leakage_W`` of the whole chip, ``[P]``."""
        return self.totals[_known(quantity)]

    @property
    def throughput_Hz(self) -> Floats:
        """Inferences per second, ``[P]``: 1 / latency, or what the slowest layer lets pass where layers overlap."""
        return np.divide(
            1.0, self.interval_s, out=np.full(len(self.interval_s), np.inf), where=self.interval_s > 0
        )

    @property
    def mean_steps(self) -> float:
        """Steps that a sample runs, mean over the recorded samples; all of them without early exit."""
        stops = self.plan.workload.exit_step
        return float(self.plan.workload.steps if stops is None else np.mean(stops))

    @property
    def exit_histogram(self) -> dict[int, int]:
        """Steps -> samples that stop after so many; empty where no early exit was recorded."""
        stops = self.plan.workload.exit_step
        if stops is None:
            return {}
        found, counts = np.unique(np.asarray(stops, dtype=np.int64), return_counts=True)
        return dict(zip(found.tolist(), counts.tolist(), strict=True))

    @cached_property
    def edp_Js(self) -> Floats:
        """Energy-delay product, ``[P]``; with early exit its mean over samples."""
        return edp_of(self)

    def by_component(self, quantity: str) -> Floats:
        """Return the sums over layers, ``[P, C]``."""
        return self._collect(_known(quantity), len(self.components), _component_sums)

    def by_layer(self, quantity: str) -> Floats:
        """Return the sums over components, ``[P, L]``."""
        return self._collect(_known(quantity), len(self.layers), _layer_sums)

    def by_group(self, quantity: str) -> dict[str, Floats]:
        """Return the sums over layers and the components of each group, ``[P]``."""
        columns = self.by_component(quantity)
        at = {name: i for i, name in enumerate(self.components)}
        return {group: add_up(columns[:, [at[n] for n in names]].T) for group, names in self.groups.items()}

    def spread(self, quantity: str) -> tuple[Floats, Floats]:
        """Return the low and the high end of a total, ``[P]`` each.

        Each component lies within x/÷ its spread against published silicon; deviations are taken as
        independent and added in quadrature. A total that rests on one component is therefore hardly surer
        than that component.
        """
        known = _known(quantity)
        each = self.by_component(known)
        factor = np.array([component.spread_of(known) for component in self.plan.components])
        below = np.sqrt(add_up(np.square(each * (1.0 - 1.0 / factor)).T))
        above = np.sqrt(add_up(np.square(each * (factor - 1.0)).T))
        return self.totals[known] - below, self.totals[known] + above

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Why each point does not fit; empty text where it does."""
        found = [""] * self.plan.sweep.points
        for i in np.flatnonzero(~self.feasible):
            x = self.plan.context(np.array([i]))
            broken = [rule.reason(x) for rule in self.plan.rules if rule.fatal and rule.violated(x)[0]]
            found[i] = "; ".join([*self.plan.events[int(self.plan.choice[i])].reasons, *broken])
        return tuple(found)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What to know of each point: soft limits exceeded, pins that look like unit slips; empty where nothing."""
        return warnings_of(self.plan)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Who leaves when, unknown and silent neurons, assumptions of the counting, ``warnings`` of the first point."""
        counted = self.plan.events[int(self.plan.choice[0])].notes
        return (*workload_notes(self.plan.workload), *counted, *sentences_of(self.plan, 0))

    @property
    def compared_with_silicon(self) -> bool:
        """Whether sums of this kind were ever held against measured chips; ``spread`` is a guess where not."""
        return self.plan.kind.checked is not None

    @property
    def beside_silicon(self) -> str:
        """How far sums of this kind were from measured silicon, as a sentence."""
        kind = self.plan.kind
        return (
            kind.checked() if kind.checked else f"Models of kind {kind.name} were not compared with silicon."
        )

    @property
    def unpriced(self) -> tuple[tuple[str, str], ...]:
        """Layers that the hardware model leaves out, with their operation."""
        return self.plan.events[0].unpriced

    @property
    def mapping(self) -> dict[str, Floats]:
        """How the layers lie on the hardware, ``[L]`` each (first point; ``at(i).mapping`` for another)."""
        return dict(self.plan.events[int(self.plan.choice[0])].mapping)

    @cached_property
    def conventional(self) -> dict[str, Any] | None:
        """#AC x E_AC + #MAC x E_MAC: operations and both price lists; see ``axbar.cost._conventional``.

        None for training steps: it counts the operations of an inference.
        """
        from axbar.cost.metrics import trains

        return None if trains(self) else conventional(self.plan.workload)

    @cached_property
    def programming(self) -> Programming | None:
        """What writing the weights into the cells takes, ``[P]``; no part of an inference. None without cells."""
        return programming_of(self.plan)

    @cached_property
    def wear(self) -> Wear | None:
        """What is written at run time, and how long cells live at the chip's own rate, ``[P]``; None if nothing is."""
        from axbar.cost._wear import wear_of

        return wear_of(self)

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Figures of merit, ``[P]`` each, with unit and definition; see ``axbar.cost.metrics``."""
        from axbar.cost.metrics import metrics_of

        return metrics_of(self)

    def sensitivity(self, point: int = 0) -> Sensitivity:
        """Return what every field of the spec does to one point's figures: elasticities and alternatives."""
        from axbar.cost.sensitivity import sensitivity_of

        return sensitivity_of(self, self._point(point))

    def bottlenecks(self, point: int = 0, offers: Sequence[Offer] = ()) -> Bottlenecks:
        """Return what holds one point back, and ranked changes that would help, each re-estimated.

        Args:
            point: design point.
            offers: what techniques say of themselves (``axbar.techniques.offers``); without, they are listed.
        """
        from axbar.cost.bottlenecks import bottlenecks_of

        return bottlenecks_of(self, offers, self._point(point))

    @cached_property
    def assumed_share(self) -> Floats:
        """Share of the energy, ``[P]``, that rests on assumed or user-set figures; see ``assumptions``."""
        return assumed_share(self.plan, self.by_component("energy_J"), self.totals["energy_J"])

    @cached_property
    def assumptions(self) -> tuple[tuple[Basis, float], ...]:
        """Assumed and user-set figures behind the first point's energy, with the share that rests on each."""
        return assumptions(self.plan, self.by_component("energy_J")[0], float(self.totals["energy_J"][0]))

    def explain(self, query: str = "", point: int = 0) -> Explanation | ComponentExplanation | Listing:
        """Return where one figure comes from.

        Args:
            query: ``component.quantity``, such as ``"adc.energy"``; a component for all four of its figures;
                nothing lists what there is.
            point: design point.

        Raises:
            UsageError: no such component or quantity (with the closest name).
        """
        return explain(self.plan, query, self._point(point))

    def at(self, point: int) -> Estimate:
        """Return the estimate of one point, with breakdown: the same numbers, bit for bit."""
        return evaluate_plan(self.plan.take(self._point(point)))

    def breakdown(self, point: int = 0) -> dict[str, Any]:
        """Return one point as nested plain values: quantity -> total, group, component, layer."""
        one = self if self.plan.sweep.points == 1 else self.at(point)
        return {
            quantity: {
                "total": float(one.totals[quantity][0]),
                "group": {name: float(v[0]) for name, v in one.by_group(quantity).items()},
                "component": _named(one.components, one.by_component(quantity)[0]),
                "layer": _named(one.layers, one.by_layer(quantity)[0]),
            }
            for quantity in reversed(QUANTITIES)
        }

    def to_dict(self, point: int = 0) -> dict[str, Any]:
        """Return one point as plain JSON values; ``cells`` holds ``[L][C]`` per quantity."""
        one = self if self.plan.sweep.points == 1 else self.at(point)
        return {
            "workload": one.plan.workload.name,
            "feasible": bool(one.feasible[0]),
            "reason": one.reasons[0] or None,
            **{quantity: float(one.totals[quantity][0]) for quantity in reversed(QUANTITIES)},
            "edp_Js": float(one.edp_Js[0]),
            "throughput_Hz": float(one.throughput_Hz[0]),
            "mean_steps": one.mean_steps,
            "exit_histogram": {str(step): samples for step, samples in one.exit_histogram.items()},
            "metrics": {name: metric.to_dict() for name, metric in one.metrics.items()},
            "assumed_share": float(one.assumed_share[0]),
            "conventional": one.conventional,
            "programming": one.programming.to_dict() if one.programming is not None else None,
            "wear": one.wear.to_dict() if one.wear is not None else None,
            "layers": list(one.layers),
            "components": list(one.components),
            "groups": {group: list(names) for group, names in one.groups.items()},
            "breakdown": one.breakdown(),
            "cells": {quantity: one._breakdown(quantity)[0].tolist() for quantity in reversed(QUANTITIES)},
            "mapping": {name: values.tolist() for name, values in one.mapping.items()},
            "notes": list(one.notes),
            "unpriced": [list(pair) for pair in one.unpriced],
        }

    def _point(self, point: int) -> int:
        if not -self.plan.sweep.points <= point < self.plan.sweep.points:
            raise UsageError(
                f"point {point} does not exist; there are {self.plan.sweep.points} points, counted from 0."
            )
        return point % self.plan.sweep.points

    def _breakdown(self, quantity: Quantity) -> Floats:
        if self.cells is None:
            shape = (self.plan.sweep.points, len(self.layers), len(self.components))
            raise UsageError(
                f"a breakdown of {' x '.join(map(str, shape))} figures is not kept; ask for .total, "
                f".by_component, .by_layer or .at(i), or sweep at most "
                f"{BREAKDOWN_CELLS // (shape[1] * shape[2])} points at once."
            )
        return self.cells[quantity].transpose(2, 1, 0)

    def _collect(self, quantity: Quantity, width: int, sums: Any) -> Floats:
        found = np.empty((width, self.plan.sweep.points))
        if self.cells is not None:
            sums(found, slice(None), self.cells[quantity])
            return found.T
        for points in self.plan.batches():
            values = list(self.plan.evaluate(points).results[quantity].values())
            sums(found, points, np.stack(values))
        return found.T


def _component_sums(out: Floats, points: slice | Indices, cells: Floats) -> None:
    for i, values in enumerate(cells):
        out[i, points] = add_up(values)


def _layer_sums(out: Floats, points: slice | Indices, cells: Floats) -> None:
    out[:, points] = add_up(cells)


def _named(names: tuple[str, ...], values: Floats) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _known(quantity: str) -> Quantity:
    if quantity not in QUANTITIES:
        raise UsageError(unknown_name("quantity", quantity, QUANTITIES))
    return quantity


def evaluate_plan(plan: Plan) -> Estimate:
    """Evaluate all points of a plan in chunks; keep the breakdown where it is small enough."""
    points, layers, components = plan.sweep.points, len(plan.events[0].layers), len(plan.components)
    totals: dict[Quantity, Floats] = {quantity: np.empty(points) for quantity in QUANTITIES}
    keep = points * layers * components <= BREAKDOWN_CELLS
    shape = (components, layers, points)
    cells: dict[Quantity, Floats] | None = {q: np.zeros(shape) for q in QUANTITIES} if keep else None
    fits_anyway = np.array([not events.reasons for events in plan.events])
    feasible, interval_s = fits_anyway[plan.choice], np.empty(points)
    for chunk in plan.batches():
        x, where = plan.evaluate(chunk), _contiguous(chunk)
        feasible[chunk] &= ~plan.broken(x)
        interval_s[chunk] = x.interval_s()
        for quantity in QUANTITIES:
            totals[quantity][chunk] = x.total(quantity)
            if cells is not None:
                for i, value in enumerate(x.results[quantity].values()):
                    if value is not x.zeros:
                        cells[quantity][i][:, where] = value
    return Estimate(plan, totals, cells, feasible, interval_s)


def _contiguous(points: Indices) -> slice | Indices:
    """Return neighbouring points as a slice, which is written to in half the time."""
    first, last = int(points[0]), int(points[-1])
    return slice(first, last + 1) if last - first + 1 == len(points) else points
