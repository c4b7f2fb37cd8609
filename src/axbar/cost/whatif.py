"""What if one thing were changed: every neighbour of a chip, re-estimated, with what it does to accuracy.

Tried are, as far as the chip has them: every other device; every other name (kind of converter, topology, order of
steps, ...); every whole number one step down and up; arrays of half and of double the rows and columns; the supply
10 % lower and higher; pulses, clocks and rates at half and at double; fewer time steps; and what registered
techniques offer. Numbers of the cell and of wires are facts of a device and a process and are not changed alone, nor
is the node: another process is another chip. A number that is 0 stays 0, which mostly means that it is off.

All changes of the spec are one vectorised sweep, and each equals the estimate of ``spec.replace(changes)``, bit for
bit. Fewer steps are estimated on the recorded spikes of the first steps. What changes no figure by more than 0.1 % is
dropped; what does not fit is kept apart, with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from axbar import registry
from axbar.cost._accuracy_effect import Effect, effect_of
from axbar.cost._result import Estimate
from axbar.cost._swept import FIGURES, Asked, Change, Swept, sweep_changes
from axbar.cost._truncate import per_step, truncated
from axbar.cost.sensitivity import step_down, step_up
from axbar.cost.tuning import TuningCost
from axbar.spec import HardwareSpec, PathInfo, path_table
from axbar.units import format_quantity, unit_of
from axbar.workload import Workload

__all__ = ["Offer", "WhatIf", "candidates", "factors_between", "fewer_steps", "offered", "weigh"]

Kind = Literal["spec", "steps", "technique"]

#: relative change of a figure below which a change counts as without effect
_LEAST: Final = 1e-3
#: blocks whose numbers are facts, not choices
_FACTS: Final = ("device", "wires")
#: what no chip can be: a wire that is no wire, a memory that costs nothing
_THOUGHT: Final = ("interconnect.length_factor",)
_UNBUILT: Final = {"interconnect.kind": "none", "dram.kind": "none"}
_ROWS, _COLS, _NODE = "crossbar.rows", "crossbar.cols", "technology.node_m"


@dataclass(frozen=True)
class WhatIf:
    """One change and what it does.

    Args:
        title: ``"adc.bits 5 → 4"``.
        kind: ``spec``, ``steps`` (fewer time steps) or ``technique``.
        changes: as ``spec.replace`` takes them; empty where the network changes and not the chip.
        factors: figure (energy_J, latency_s, area_m2, leakage_W, edp_Js, fps) with the change over without.
        feasible, reason: whether it fits, and why not.
        accuracy, why: whether accuracy may move, and the reason.
        steps: time steps after it; None where they stay.
    """

    title: str
    kind: Kind
    changes: Mapping[str, Any]
    factors: Mapping[str, float]
    feasible: bool
    reason: str
    accuracy: Effect
    why: str
    steps: int | None = None

    def gain(self, quantity: str = "edp_Js") -> float:
        """Return what is saved of a figure, as a share of it; negative where it grows."""
        return 1.0 - self.factors[quantity]

    @property
    def matters(self) -> bool:
        """Whether any figure changes by more than 0.1 %."""
        return any(abs(factor - 1.0) > _LEAST for factor in self.factors.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; figures that nobody could count are None."""
        factors = {key: value if math.isfinite(value) else None for key, value in self.factors.items()}
        return {
            "title": self.title,
            "kind": self.kind,
            "changes": dict(self.changes),
            "factors": factors,
            "feasible": self.feasible,
            "reason": self.reason or None,
            "accuracy": self.accuracy,
            "why": self.why,
        }


@dataclass(frozen=True)
class Offer:
    """What one registered technique says of itself, for a chip and a workload.

    Args:
        name, stage, summary: as registered.
        changes: of the spec, if it changes the chip.
        workload: the network after it, if it changes what the chip has to do.
        accuracy, why: its effect on accuracy; a technique that only repairs leaves cost as it is.
        cost: what it takes on this chip, where that is modelled.
        note: what the cost rests on, or why there is none.
    """

    name: str
    stage: str = ""
    summary: str = ""
    changes: Change = field(default_factory=dict[str, Any])
    workload: Workload | None = None
    accuracy: Effect = "yes"
    why: str = "repairs accuracy"
    cost: TuningCost | None = None
    note: str = ""

    @property
    def changes_cost(self) -> bool:
        """Whether an inference costs something else after it."""
        return bool(self.changes) or self.workload is not None

    @property
    def words(self) -> str:
        """What it does and takes, in one line."""
        if self.cost is None:
            return self.why + (f"; {self.note}" if self.note else "")
        energy, time = format_quantity(self.cost.energy_J, "J"), format_quantity(self.cost.latency_s, "s")
        writes = f", {self.cost.writes:,} cell writes" if self.cost.writes else ""
        return f"{self.why}, costs {energy} and {time}{writes} once" + (
            f" ({self.note})" if self.note else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        cost = self.cost and {
            "method": self.cost.method, "energy_J": self.cost.energy_J, "latency_s": self.cost.latency_s,
            "memory_B": self.cost.memory_B, "writes": self.cost.writes,
        }  # fmt: skip
        return {
            "name": self.name, "stage": self.stage, "summary": self.summary, "changes": dict(self.changes),
            "accuracy": self.accuracy, "why": self.why, "cost": cost, "note": self.note, "words": self.words,
        }  # fmt: skip


def candidates(spec: HardwareSpec) -> list[tuple[str, Change]]:
    """Return ``(title, changes)`` of all neighbours of a chip; see the module."""
    values, table = spec.values(), path_table(spec)
    asked = registry.get("hardware", spec.kind).asked
    blocks = {path.removesuffix(".name") for path in values if path.endswith(".name")}
    found: list[tuple[str, Change]] = []
    for path, info in table.items():
        if path in asked or path in _THOUGHT or (path.partition(".")[0] in _FACTS and path not in blocks):
            continue
        now = values.get(path, values.get(f"{path}.name"))
        others = (new for new in _others(info, now) if new != _UNBUILT.get(path))
        found += [(_title(path, now, new), {path: new}) for new in others]
    if _ROWS in values and _COLS in values:
        found += list(_arrays(table, values[_ROWS], values[_COLS]))
    return found


def _others(info: PathInfo, now: Any) -> Iterator[Any]:
    if info.choices:
        yield from (name for name in info.choices if name not in (now, "custom", "ideal"))
    elif info.type == "int" and now:
        yield from (v for v in (step_down(info, now), step_up(info, now)) if v is not None)
    elif info.type == "float" and now and info.path != _NODE:
        factors = (0.9, 1.1) if unit_of(info.path) == "V" else (0.5, 2.0)
        yield from (now * factor for factor in factors if not info.problem(now * factor))


def _arrays(table: Mapping[str, PathInfo], rows: int, cols: int) -> Iterator[tuple[str, Change]]:
    for new in ((rows // 2, cols // 2), (rows * 2, cols * 2)):
        if not table[_ROWS].problem(new[0]) and not table[_COLS].problem(new[1]):
            yield f"arrays {rows} × {cols} → {new[0]} × {new[1]}", {_ROWS: new[0], _COLS: new[1]}


def _title(path: str, now: Any, new: Any) -> str:
    return f"{path} {_shown(path, now)} → {_shown(path, new)}"


def _shown(path: str, value: Any) -> str:
    if isinstance(value, str) or value is None:
        return str(value)
    if not unit_of(path):
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    number, _, unit = format_quantity(float(value), unit_of(path), 4).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def weigh(swept: Swept, asked: Asked, wanted: Sequence[tuple[str, Change]]) -> list[WhatIf]:
    """Return what a sweep says of changes that were asked for."""
    return [
        _judged(title, "spec", change, swept, asked.add(change), swept, effect_of(change))
        for title, change in wanted
    ]


def fewer_steps(workload: Workload, spec: HardwareSpec, base: Swept) -> list[WhatIf]:
    """Return fewer time steps: one less, and half of them; nothing where only one step runs.

    Recorded spikes are those of the first steps; where only rates are known they are taken as constant.
    """
    if workload.steps < 2 or not per_step(workload):
        return []
    recorded = all(layer.operands[0].words is not None for layer in workload.matmuls)
    why = "the network decides on fewer spikes" + ("" if recorded else "; rates are taken as constant")
    total = workload.steps
    found: list[WhatIf] = []
    for steps in sorted({total - 1, total // 2}, reverse=True):
        shorter = sweep_changes(truncated(workload, steps), spec, [{}])
        judged = _judged(f"T {total} → {steps}", "steps", {}, shorter, 0, base, ("yes", why))
        found.append(replace(judged, steps=steps))
    return found


def offered(offers: Sequence[Offer], spec: HardwareSpec, swept: Swept, asked: Asked) -> list[WhatIf]:
    """Return what techniques that change the cost of an inference do to it."""
    found: list[WhatIf] = []
    for offer in offers:
        if not offer.changes_cost:
            continue
        result, row = swept, asked.add(offer.changes)
        if offer.workload is not None:
            result, row = sweep_changes(offer.workload, spec, [offer.changes]), 0
        effect = (offer.accuracy, offer.why)
        found.append(_judged(offer.name, "technique", offer.changes, result, row, swept, effect))
    return found


def _judged(
    title: str, kind: Kind, changes: Change, result: Swept, row: int, base: Swept, effect: tuple[Effect, str]
) -> WhatIf:
    factors = {key: _ratio(float(result.totals[key][row]), float(base.totals[key][0])) for key in FIGURES}
    return WhatIf(
        title, kind, changes, factors, bool(result.feasible[row]), result.reasons[row], effect[0], effect[1]
    )


def factors_between(before: Estimate, after: Estimate) -> dict[str, float]:
    """Return each figure that a change is judged by, of the first point of one estimate over that of another."""
    then, now = Swept.of(before).totals, Swept.of(after).totals
    return {key: _ratio(float(now[key][0]), float(then[key][0])) for key in FIGURES}


def _ratio(value: float, base: float) -> float:
    return value / base if base else (1.0 if value == base else math.nan)
