"""How much every number of the chip matters: elasticities, from one vectorised sweep.

    e = d ln Q / d ln x

is the power with which a figure Q grows with a field x: 1 where doubling x doubles Q, -1 where it halves it, 0
where nothing depends on it. Products of powers have their exponents as elasticities, whatever their size, and the
elasticity of a sum is the mean of its parts' weighted by their shares; so elasticities of a total tell which
numbers hold it. Central differences of x (1 +- 10^-4) give them to some 10^-8; ``below`` and ``above`` are the
one-sided ones, which part at a kink (the larger of two times, a node of the technology's table).

A whole number takes one step down and one up instead (by 1; from 32 on by a factor of 2, as array sizes and word
widths come), and its elasticity is the secant ``ln(Q_up / Q_down) / ln(x_up / x_down)``. Steps that do not fit do
not count, and a field without any that fits is left out. A field that is 0 has no elasticity. Names are tried one
by one: ``alternatives``.

Checked against closed forms: cells' energy has 1 in t_read and 2 in V_read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from axbar import registry
from axbar.cost._swept import FIGURES, Asked, Swept, point_of, sweep_changes
from axbar.cost._types import Floats
from axbar.errors import UsageError, unknown_name
from axbar.spec import HardwareSpec, PathInfo, path_table

if TYPE_CHECKING:
    from axbar.cost._result import Estimate

__all__ = ["Alternative", "Elasticity", "Sensitivity", "ask", "sensitivity_of", "step_down", "step_up"]

#: relative step of continuous fields
_STEP: Final = 1e-4
#: whole numbers from here on are stepped by a factor of 2
_LARGE: Final = 32
#: devices that no chip is made of
_NO_CHIPS: Final = ("custom", "ideal")
#: one-sided elasticities that differ by more stand at a kink
_KINK: Final = 0.01
#: no power of a physical law: a figure that grows faster jumps
_JUMP: Final = 20.0


@dataclass(frozen=True)
class Elasticity:
    """What one number does to one figure.

    Args:
        path, value: the field and its value.
        elasticity: d ln(figure) / d ln(field); the secant over one step for whole numbers.
        below, above: towards smaller and larger values; None where that side is not allowed or does not fit.
        steps: ``(value, figure over the figure now)`` of a whole number one step down and up.
    """

    path: str
    value: float
    elasticity: float
    below: float | None
    above: float | None
    steps: tuple[tuple[int, float], ...] = ()

    @property
    def kink(self) -> bool:
        """Whether the figure bends here, so that one number does not tell both directions."""
        return self.below is not None and self.above is not None and abs(self.below - self.above) > _KINK


@dataclass(frozen=True)
class Alternative:
    """What another name does: ``factor`` is the figure with it over the figure now."""

    path: str
    name: str
    factor: float
    feasible: bool
    reason: str


@dataclass(frozen=True)
class _Field:
    """One number with the rows of its steps; None where there is none."""

    path: str
    value: float
    whole: bool
    low: tuple[float, int] | None
    high: tuple[float, int] | None


def step_down(info: PathInfo, value: int) -> int | None:
    """Return the next smaller choice of a whole number; None where it is not allowed."""
    return _allowed(info, value // 2 if value >= _LARGE else value - 1)


def step_up(info: PathInfo, value: int) -> int | None:
    """Return the next larger choice of a whole number; None where it is not allowed.

    >>> from axbar.spec import ImcSpec, path_table
    >>> step_up(path_table(ImcSpec)["adc.bits"], 5), step_up(path_table(ImcSpec)["crossbar.rows"], 64)
    (6, 128)
    """
    return _allowed(info, value * 2 if value >= _LARGE else value + 1)


def _allowed(info: PathInfo, value: int) -> int | None:
    return None if info.problem(value) else value


@dataclass(frozen=True)
class Sensitivity:
    """What every field of one chip does to its figures.

    Ask ``elasticities`` and ``alternatives`` for any of energy_J, latency_s, area_m2, leakage_W, edp_Js and fps,
    or for one component's part of the first four. ``undefined`` names the fields that are 0.
    """

    swept: Swept
    components: tuple[str, ...]
    fields: tuple[_Field, ...]
    names: tuple[tuple[str, str, int], ...]
    undefined: tuple[str, ...]

    def elasticities(self, quantity: str = "energy_J", component: str = "") -> tuple[Elasticity, ...]:
        """Return one entry per number, the strongest first; those without any effect come last.

        Raises:
            UsageError: no such figure or component.
        """
        figures = self._figures(quantity, component)
        found = [e for e in (self._elasticity(f, figures) for f in self.fields) if e is not None]
        return tuple(sorted(found, key=lambda e: -abs(e.elasticity) if math.isfinite(e.elasticity) else 0.0))

    def alternatives(self, quantity: str = "energy_J", component: str = "") -> tuple[Alternative, ...]:
        """Return one entry per name that could stand in the spec instead, the smallest figure first."""
        figures = self._figures(quantity, component)
        found = [
            Alternative(
                path, name, _ratio(figures[row], figures[0]), bool(self.swept.feasible[row]),
                self.swept.reasons[row],
            )
            for path, name, row in self.names
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda a: (not a.feasible, a.factor)))

    def powers(self, quantity: str) -> tuple[tuple[str, ...], Floats]:
        """Return the fields ``[F]`` and the elasticities of every component's figure in them, ``[F, C]``.

        As ``elasticities`` for all components at once; not a number where a component has no such figure. Where a
        figure jumps at the very value of the chip (a conversion that takes just eight clocks), the slope is that of the
        side without the jump.
        """
        kept = [(field, ends) for field in self.fields if (ends := self._ends(field)) is not None]
        low, high = ([ends[i] for _, ends in kept] for i in (0, 1))
        here = [(field.value, 0) for field, _ in kept]
        parts = self.swept.parts[quantity]
        slopes, below, above = (_slopes(a, b, parts) for a, b in ((low, high), (low, here), (here, high)))
        smooth = np.where(np.abs(below) < np.abs(above), below, above)
        return tuple(field.path for field, _ in kept), np.where(np.abs(slopes) > _JUMP, smooth, slopes)

    def to_dict(self, quantity: str = "energy_J", component: str = "") -> dict[str, Any]:
        """Return both as plain JSON values; ``None`` for what can't be told."""
        return {
            "quantity": quantity,
            "component": component or None,
            "elasticities": [_plain(asdict(e)) for e in self.elasticities(quantity, component)],
            "alternatives": [_plain(asdict(a)) for a in self.alternatives(quantity, component)],
            "undefined": list(self.undefined),
        }

    def _figures(self, quantity: str, component: str) -> Floats:
        if quantity not in FIGURES:
            raise UsageError(unknown_name("figure", quantity, FIGURES))
        if not component:
            return self.swept.totals[quantity]
        if component not in self.components:
            raise UsageError(unknown_name("component", component, self.components))
        if quantity not in self.swept.parts:
            raise UsageError(
                f"'{quantity}' belongs to the whole chip; ask for it without a component, or for one of "
                f"{', '.join(self.swept.parts)}."
            )
        return self.swept.parts[quantity][:, self.components.index(component)]

    @cached_property
    def _usable(self) -> list[bool]:
        """Rows that may be compared with the chip: those that fit, or all if the chip itself does not."""
        known = np.isfinite(self.swept.totals["energy_J"])
        return (known & (self.swept.feasible | (not self.swept.feasible[0]))).tolist()

    def _elasticity(self, field: _Field, figures: Floats) -> Elasticity | None:
        ends = self._ends(field)
        if ends is None:
            return None
        here, (low, high) = (field.value, 0), ends
        steps = [end for end in ends if end != here] if field.whole else []
        return Elasticity(
            path=field.path,
            value=field.value,
            elasticity=_slope(low, high, figures),
            below=None if low == here else _slope(low, here, figures),
            above=None if high == here else _slope(here, high, figures),
            steps=tuple((int(v), _ratio(figures[row], figures[0])) for v, row in steps),
        )

    def _ends(self, field: _Field) -> tuple[tuple[float, int], tuple[float, int]] | None:
        """Return value and row of the lower and the upper end of a field's slope; the chip itself may be one."""
        low = field.low if field.low and self._usable[field.low[1]] else None
        high = field.high if field.high and self._usable[field.high[1]] else None
        here = (field.value, 0)
        return None if low is None and high is None else (low or here, high or here)


def _slope(low: tuple[float, int], high: tuple[float, int], figures: Floats) -> float:
    first, last = float(figures[low[1]]), float(figures[high[1]])
    if first == last:
        return 0.0
    if first <= 0 or last <= 0:
        return math.nan
    return math.log(last / first) / math.log(high[0] / low[0])


def _slopes(low: Sequence[tuple[float, int]], high: Sequence[tuple[float, int]], parts: Floats) -> Floats:
    """Return the slopes between two values and rows of each field, ``[F, C]``; not a number between equal values."""
    first, last = (parts[[row for _, row in ends]] for ends in (low, high))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(last / first) / np.log([b[0] / a[0] for a, b in zip(low, high, strict=True)])[:, None]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Write what is no number as None."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _ratio(value: Any, base: Any) -> float:
    return float(value) / float(base) if base else (1.0 if value == base else math.nan)


def ask(spec: HardwareSpec, asked: Asked) -> tuple[list[_Field], list[tuple[str, str, int]], list[str]]:
    """Ask for the steps of every number and for every other name; return fields, names and undefined paths."""
    values, fields, names, undefined = (
        spec.values(),
        list[_Field](),
        list[tuple[str, str, int]](),
        list[str](),
    )
    unasked = registry.get("hardware", spec.kind).asked
    for path, info in path_table(spec).items():
        if path in unasked:
            continue
        if info.type in ("int", "float"):
            value = values.get(path)
            if value:
                fields.append(_steps(info, value, asked))
            elif value is not None:
                undefined.append(path)
        elif info.choices and path.rpartition(".")[0] not in _blocks(values):
            now = values.get(path, values.get(f"{path}.name"))
            others = [name for name in info.choices if name not in (now, *_NO_CHIPS)]
            names += [(path, name, asked.add({path: name})) for name in others]
    return fields, names, undefined


def _blocks(values: Mapping[str, Any]) -> set[str]:
    """Blocks that a name stands for: chosen as a whole (``device``), never by ``device.name`` alone."""
    return {path.removesuffix(".name") for path in values if path.endswith(".name")}


def _steps(info: PathInfo, value: float, asked: Asked) -> _Field:
    if info.type == "int":
        ends = (step_down(info, int(value)), step_up(info, int(value)))
    else:
        ends = tuple(v if not info.problem(v) else None for v in (value * (1 - _STEP), value * (1 + _STEP)))
    low, high = (None if v is None or v == 0 else (float(v), asked.add({info.path: v})) for v in ends)
    return _Field(info.path, float(value), info.type == "int", low, high)


def sensitivity_of(result: Estimate, point: int = 0) -> Sensitivity:
    """Return what every field does to one design point of an estimate.

    >>> from axbar.cost import estimate
    >>> from axbar.workload import shapes
    >>> table = sensitivity_of(estimate(shapes.cnn(), "imc-rram-65nm"))
    >>> [round(e.elasticity, 6) for e in table.elasticities("energy_J", "cells") if e.path == "read.t_read_s"]
    [1.0]
    """
    workload, spec = point_of(result, point)
    asked = Asked()
    fields, names, undefined = ask(spec, asked)
    swept = sweep_changes(workload, spec, asked.changes)
    return Sensitivity(swept, result.components, tuple(fields), tuple(names), tuple(undefined))
