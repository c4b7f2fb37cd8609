"""Many small changes of one chip as one vectorised sweep.

Every change sets some paths and leaves the rest; the sweep has one column per path that any change sets, filled
with the chip's own value elsewhere. As a point has the same bits alone and in a sweep, each row equals the estimate
of the changed spec, bit for bit. A name that stands for a block (``device``) is spelled out into the block's
numbers. What can't even be counted (weights fixed to other bits) is a row with a reason, like what does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axbar import registry
from axbar.cost._estimate import estimate
from axbar.cost._result import Estimate
from axbar.cost._types import QUANTITIES, Bools, Floats
from axbar.cost.metrics import rate_of
from axbar.errors import AxbarError
from axbar.spec import HardwareSpec, flatten
from axbar.workload import Workload

__all__ = ["FIGURES", "Asked", "Change", "Swept", "point_of", "sweep_changes"]

Change = Mapping[str, Any]

#: totals that a sweep of changes keeps: the four quantities, their product, and inferences per second
FIGURES = (*QUANTITIES, "edp_Js", "fps")


@dataclass
class Asked:
    """Changes to be swept, each once; ``add`` returns the row in which its figures will stand."""

    changes: list[Change] = field(default_factory=lambda: [{}])
    _rows: dict[frozenset[tuple[str, Any]], int] = field(default_factory=lambda: {frozenset(): 0})

    def add(self, change: Change) -> int:
        """Ask for a change; row 0 is the chip itself."""
        key = frozenset(change.items())
        if key not in self._rows:
            self._rows[key] = len(self.changes)
            self.changes.append(change)
        return self._rows[key]


@dataclass(frozen=True)
class Swept:
    """Results of N changes.

    Args:
        totals: one of ``FIGURES`` -> ``[N]``; not a number where nothing could be counted.
        parts: quantity -> ``[N, C]`` sums over layers.
        feasible: ``[N]``.
        reasons: why a change does not fit, else empty.
    """

    totals: Mapping[str, Floats]
    parts: Mapping[str, Floats]
    feasible: Bools
    reasons: tuple[str, ...]

    @staticmethod
    def of(result: Estimate) -> Swept:
        """Take what is needed from an estimate."""
        totals: dict[str, Floats] = {str(q): result.total(q) for q in QUANTITIES}
        totals |= {"edp_Js": result.edp_Js, "fps": rate_of(result)[0]}
        parts = {str(q): result.by_component(q) for q in QUANTITIES}
        return Swept(totals, parts, result.feasible, result.reasons)

    @staticmethod
    def joined(pieces: Sequence[Swept]) -> Swept:
        """Put pieces behind each other."""
        if len(pieces) == 1:
            return pieces[0]
        first = pieces[0]
        return Swept(
            {key: np.concatenate([p.totals[key] for p in pieces]) for key in first.totals},
            {key: np.concatenate([p.parts[key] for p in pieces]) for key in first.parts},
            np.concatenate([p.feasible for p in pieces]),
            tuple(reason for p in pieces for reason in p.reasons),
        )

    @staticmethod
    def impossible(reason: str, components: int) -> Swept:
        """Return one row without figures."""
        nothing = np.full(1, np.nan)
        totals = dict.fromkeys(map(str, FIGURES), nothing)
        parts = {str(q): np.full((1, components), np.nan) for q in QUANTITIES}
        return Swept(totals, parts, np.zeros(1, dtype=np.bool_), (reason,))


def point_of(result: Estimate, point: int) -> tuple[Workload, HardwareSpec]:
    """Return workload and spec of one design point of an estimate."""
    spec = result.plan.spec
    if result.plan.sweep.given:
        spec = spec.replace({path: column[point].item() for path, column in result.points.items()})
    return result.plan.workload, spec


def sweep_changes(workload: Workload, spec: HardwareSpec, changes: Sequence[Change]) -> Swept:
    """Estimate every change of a chip, all in one sweep.

    Args:
        changes: path -> value, as ``spec.replace`` takes them; ``{}`` is the chip itself.
    """
    components = len(registry.get("hardware", spec.kind).components)
    base = spec.values()
    spelled = [_spelled(base, change) for change in changes]
    return _attempt(workload, spec, spelled, components)


def _attempt(workload: Workload, spec: HardwareSpec, changes: Sequence[Change], components: int) -> Swept:
    """Sweep all; where one of them is refused, halve until it stands alone."""
    try:
        return Swept.of(estimate(workload, spec, _columns(spec, changes)))
    except AxbarError as error:
        if len(changes) == 1:
            return Swept.impossible(str(error), components)
    middle = len(changes) // 2
    halves = (changes[:middle], changes[middle:])
    return Swept.joined([_attempt(workload, spec, half, components) for half in halves])


def _columns(spec: HardwareSpec, changes: Sequence[Change]) -> dict[str, Any]:
    base = spec.values()
    paths = sorted({path for change in changes for path in change})
    if not paths and len(changes) > 1:  # the chip itself, several times: any column gives the rows
        paths = [next(path for path, value in base.items() if isinstance(value, float))]
    return {path: np.array([change.get(path, base.get(path)) for change in changes]) for path in paths}


def _spelled(base: Mapping[str, Any], change: Change) -> Change:
    """Replace names of whole blocks by the numbers behind them; fields given beside a block win."""
    blocks = [path for path in change if path not in base and f"{path}.name" in base]
    found: dict[str, Any] = {}
    for path in blocks:
        found |= {p: v for p, v in _block(path, str(change[path])).items() if base.get(p) != v}
    return found | {path: value for path, value in change.items() if path not in blocks}


def _block(path: str, name: str) -> dict[str, Any]:
    """Return what ``spec.replace({path: name})`` puts in a device's place, without building the whole tree."""
    preset: Any = registry.get("devices", name)
    values = dict(flatten({path: preset.spec.model_dump(exclude_none=True)}))
    return values | {f"{path}.name": registry.canonical("devices", name)}
