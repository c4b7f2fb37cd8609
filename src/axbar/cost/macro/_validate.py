"""A macro against measurements of it: error by component and in total, as it is and with factors fitted to some rows.

Rows with ``use`` = calibrate give one factor per kind (``fit_factors`` with the small shrinkage of points of one chip),
rows with ``use`` = test say what it is worth. Without that column nothing is fitted and the factors found on published
chips stand in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axbar.cost.macro._calibration import calibration
from axbar.cost.macro._estimate import MacroEstimate, estimate_macro, kinds
from axbar.cost.macro._fit import SHRINKAGE_OWN, Observation, fit_factors
from axbar.cost.macro._macro import Macro
from axbar.cost.macro._measured import COMPONENTS, Measured
from axbar.errors import DataError, UsageError
from axbar.units import format_quantity

__all__ = ["Comparison", "Validation", "validate"]

_FAR = 100.0  # a ratio beyond which a wrong unit is likelier than a wrong model


@dataclass(frozen=True)
class Comparison:
    """One measured quantity of one row beside the model; J or m2."""

    row: str
    use: str
    what: str
    measured: float
    model: float
    calibrated: float
    unit: str

    @property
    def error(self) -> float:
        """Relative error of the model as it is."""
        return self.model / self.measured - 1.0

    @property
    def calibrated_error(self) -> float:
        """Relative error with the factors."""
        return self.calibrated / self.measured - 1.0


@dataclass(frozen=True)
class Validation:
    """All comparisons, the factors, and where those come from."""

    macro: str
    comparisons: tuple[Comparison, ...]
    factors: Mapping[str, float]
    fitted: bool

    def totals(self, use: str = "") -> tuple[Comparison, ...]:
        """Return the comparisons of total energy, of all rows or those of one use."""
        return tuple(c for c in self.comparisons if c.what == "energy" and (not use or c.use == use))

    def median_error(self, use: str = "", calibrated: bool = False) -> float | None:
        """Return the median of |error| of total energy; None without such rows."""
        errors = [abs(c.calibrated_error if calibrated else c.error) for c in self.totals(use)]
        return float(np.median(errors)) if errors else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """Sentences on figures that look like a slip of units."""
        return tuple(
            f"{c.row}: measured {c.what} {format_quantity(c.measured, c.unit)} is far from the modelled "
            f"{format_quantity(c.model, c.unit)}; check its unit."
            for c in self.comparisons
            if not 1 / _FAR <= c.measured / c.model <= _FAR
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "macro": self.macro,
            "factors": dict(self.factors),
            "factors_from": "rows to calibrate" if self.fitted else "published chips",
            "comparisons": [
                {
                    "row": c.row, "use": c.use, "what": c.what, "unit": c.unit, "measured": c.measured,
                    "model": c.model, "error": c.error, "calibrated": c.calibrated,
                    "calibrated_error": c.calibrated_error,
                }
                for c in self.comparisons
            ],
            "median_error": self.median_error(),
            "median_error_calibrated": self.median_error(calibrated=True),
            "held_out_error": self.median_error("test"),
            "held_out_error_calibrated": self.median_error("test", calibrated=True),
            "doubts": list(self.doubts),
        }  # fmt: skip

    def text(self) -> str:
        """Return tables as plain text."""
        heads = ("point", "use", "", "measured", "model", "error", "calibrated", "error")
        lines = [heads, *(_cells(c) for c in self.comparisons)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        table = ["  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        factors = ", ".join(f"{kind} x{value:.2f}" for kind, value in self.factors.items())
        origin = "fitted to the rows to calibrate" if self.fitted else "of published chips; none were fitted"
        return "\n".join([self.macro, "", *table, "", f"factors ({origin}): {factors}", *self._summary()])

    def _summary(self) -> list[str]:
        lines = [_sentence("all rows", self.median_error(), self.median_error(calibrated=True))]
        if self.fitted:
            lines.append(
                _sentence("held-out rows", self.median_error("test"), self.median_error("test", True))
            )
        return lines


def _sentence(which: str, plain: float | None, calibrated: float | None) -> str:
    if plain is None or calibrated is None:
        return f"median |error| of energy, {which}: no such row"
    return f"median |error| of energy, {which}: {plain:.1%} uncalibrated, {calibrated:.1%} calibrated"


def _cells(c: Comparison) -> tuple[str, ...]:
    return (
        c.row, c.use, c.what, format_quantity(c.measured, c.unit), format_quantity(c.model, c.unit),
        f"{c.error:+.1%}", format_quantity(c.calibrated, c.unit), f"{c.calibrated_error:+.1%}",
    )  # fmt: skip


def validate(macro: Macro, rows: Sequence[Measured]) -> Validation:
    """Compare a macro with measurements of it.

    Raises:
        DataError: a component is measured that the macro does not have, or a condition is out of range.
    """
    found = [_estimate(macro, row) for row in rows]
    pairs = list(zip(rows, found, strict=True))
    fit_to = [o for i, (row, e) in enumerate(pairs) if row.use == "calibrate" for o in _observed(i, row, e)]
    factors = fit_factors(fit_to, SHRINKAGE_OWN) if fit_to else calibration()
    own = {kind: factors[kind] for kind in kinds(macro) if kind in factors}
    compared = [c for row, estimate in pairs for c in _compare(row, estimate, own)]
    return Validation(macro.name, tuple(compared), own, bool(fit_to))


def _estimate(macro: Macro, row: Measured) -> MacroEstimate:
    try:
        estimate = estimate_macro(macro, row.conditions)
    except UsageError as error:
        raise DataError(f"{row.name}: {error}") from None
    for column in row.values:
        kind = _kind(COMPONENTS[column], estimate) if column in COMPONENTS else "energy"
        if kind is None or (kind != "energy" and float(estimate.energy_J[kind][0]) <= 0.0):
            raise DataError(
                f"{row.name}: {column} is measured, but the model of '{macro.name}' puts no energy there under these "
                f"conditions; its kinds are {', '.join(kinds(macro))}. Leave the cell empty."
            )
    return estimate


def _kind(component: str, estimate: MacroEstimate) -> str | None:
    own = [k for k in estimate.energy_J if k == component or k.startswith(f"{component}.")]
    return own[0] if own else None


def _energy_J(row: Measured, estimate: MacroEstimate) -> float:
    """Return the measured energy of one operation of one array."""
    if "energy_per_op_J" in row.values:
        return row.values["energy_per_op_J"]
    return 2e-12 * float(estimate.macs[0]) / row.values["tops_per_W"]


def _parts(row: Measured, estimate: MacroEstimate) -> dict[str, float]:
    found = {_kind(COMPONENTS[c], estimate): v for c, v in row.values.items() if c in COMPONENTS}
    return {kind: value for kind, value in found.items() if kind is not None}


def _observed(index: int, row: Measured, estimate: MacroEstimate) -> list[Observation]:
    """Return what one row tells: its components, and the rest of its total for the kinds that have none."""
    modelled = {kind: float(value[0]) for kind, value in estimate.energy_J.items()}
    parts, point = _parts(row, estimate), str(index)
    seen = [Observation("", value, {kind: modelled[kind]}, point) for kind, value in parts.items()]
    rest = {kind: value for kind, value in modelled.items() if kind not in parts and value > 0.0}
    left = _energy_J(row, estimate) - sum(parts.values())
    if rest and left > 0.0:
        seen.append(Observation("", left, rest, point))
    return seen


def _compare(row: Measured, estimate: MacroEstimate, factors: Mapping[str, float]) -> list[Comparison]:
    after = estimate.calibrated(factors)
    energy = _energy_J(row, estimate)
    found = [
        Comparison(
            row.name, row.use, "energy", energy, float(estimate.total_J[0]), float(after.total_J[0]), "J"
        )
    ]
    for kind, measured in _parts(row, estimate).items():
        model, calibrated = float(estimate.energy_J[kind][0]), float(after.energy_J[kind][0])
        found.append(Comparison(row.name, row.use, kind, measured, model, calibrated, "J"))
    area = float(estimate.total_area_m2[0])
    if "area_m2" in row.values:
        found.append(Comparison(row.name, row.use, "area", row.values["area_m2"], area, area, "m2"))
    if "tops_per_mm2" in row.values:
        measured = float(estimate.tops[0]) / row.values["tops_per_mm2"] * 1e-6
        found.append(Comparison(row.name, row.use, "area", measured, area, area, "m2"))
    return found
