"""Measured in-memory-computing macros against the model: uncalibrated, calibrated per kind, and predicted.

Eleven chips of five kinds of array, their published energy and area (``macros/*.yaml``), three tests:

1. Uncalibrated: the sums of ``axbar.cost.macro`` against silicon, by component where a breakdown is published.
2. Calibrated: one factor per kind of component (``fit_factors``), fitted to the oldest chip of each kind of array that
   has a later one, tested on all others. Beside it, leaving each chip out in turn.
3. Predicted: from one operating point of a chip to its other voltages, precisions and data. The components of the
   anchor are scaled to what was measured there, by component where published.

An error is modelled / measured - 1; of a chip, the median of |error| over its points; of a set, the median over chips.
Writes ``figure.svg``, ``table.md`` and ``calibration.json``, the file that ``axbar.cost.macro.calibration`` ships.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from axbar._evaluate import Progress
from axbar.cost.macro import SHRINKAGE, fit_factors
from axbar.files import write_atomic
from axbar.published._reproduction import Reproduction, write_study
from axbar.published.macros_chips import Chip, Point, calibrating, chips
from axbar.published.macros_claims import claims
from axbar.published.macros_figure import figure
from axbar.published.macros_table import markdown

__all__ = ["calibration_of", "measure", "reproduce"]


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Compare all chips; takes a second at any scale and needs no data."""
    found = chips()
    rows, record = measure(found)
    write_study(folder, table=markdown(found, rows, record), figure=figure(rows))
    write_atomic(folder / "calibration.json", json.dumps(record, indent=1) + "\n")
    fitted = ", ".join(f"{kind} x{value:.2f}" for kind, value in record["factors"].items())
    return Reproduction(
        name="macros",
        source="eleven measured macros, 2020 to 2025; each file in axbar/published/macros names its paper",
        scale=f"all chips, {len(rows)} operating points; scales and seeds change nothing",
        seeds=(),
        claims=claims(rows, record),
        rows=tuple({k: v for k, v in row.items() if not k.startswith("_")} for row in rows),
        settings={
            "calibrated on": ", ".join(record["calibrated_on"]),
            "tested on": ", ".join(record["tested_on"]),
            "factors": fitted,
            "shrinkage": f"lambda = {SHRINKAGE:g}: a kind seen on one chip moves half of the way",
        },
    )


def calibration_of(found: Sequence[Chip]) -> dict[str, float]:
    """Return the factors fitted to the chips that calibrate."""
    fitted = calibrating(tuple(found))
    return _fit(chip for chip in found if chip.name in fitted)


def _fit(some: Iterable[Chip]) -> dict[str, float]:
    factors = fit_factors([o for chip in some for o in chip.observations()])
    return {kind: round(value, 4) for kind, value in factors.items()}


def measure(found: Sequence[Chip]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return one row per operating point, and the record of the calibration."""
    fitted = calibrating(tuple(found))
    factors = calibration_of(found)
    rows = [
        _row(chip, point, factors, _fit(c for c in found if c is not chip), chip.name in fitted)
        for chip in found
        for point in chip.points
    ]
    tested = [row for row in rows if row["half"] == "test"]
    record = {
        "factors": factors,
        "shrinkage": SHRINKAGE,
        "calibrated_on": list(fitted),
        "tested_on": [chip.name for chip in found if chip.name not in fitted],
        "median_error_uncalibrated": round(median_error(tested, "model_x"), 4),
        "median_error_calibrated": round(median_error(tested, "calibrated_x"), 4),
        "median_error_left_out": round(median_error(rows, "left_out_x"), 4),
        "spread_uncalibrated": round(spread(tested, "model_x"), 4),
        "spread_calibrated": round(spread(tested, "calibrated_x"), 4),
    }
    return rows, record


def median_error(rows: Sequence[Mapping[str, Any]], ratio: str) -> float:
    """Return the median over chips of the median of |ratio - 1| over their points."""
    by_chip: dict[str, list[float]] = {}
    for row in rows:
        by_chip.setdefault(row["chip"], []).append(abs(row[ratio] - 1.0))
    return float(np.median([np.median(errors) for errors in by_chip.values()]))


def spread(rows: Sequence[Mapping[str, Any]], ratio: str) -> float:
    """Return exp of the root mean square of ln(ratio), every chip with the same weight."""
    by_chip: dict[str, list[float]] = {}
    for row in rows:
        by_chip.setdefault(row["chip"], []).append(float(np.log(row[ratio])) ** 2)
    return float(np.exp(np.sqrt(np.mean([np.mean(squares) for squares in by_chip.values()]))))


def _row(
    chip: Chip, point: Point, factors: Mapping[str, float], others: Mapping[str, float], calibrates: bool
) -> dict[str, Any]:
    modelled, found = chip.modelled_J(point), chip.estimate(point)
    measured = point.energy_per_mac_J
    total = sum(modelled.values())
    area = float(found.total_area_m2[0]) * 1e6
    predicted = _predicted(chip, point)
    return {
        "chip": chip.name,
        "kind": chip.family,
        "point": point.name,
        "half": "calibrate" if calibrates else "test",
        "measured_fJ": 1e15 * measured,
        "model_fJ": 1e15 * total,
        "model_x": total / measured,
        "calibrated_x": _sum(modelled, factors) / measured,
        "left_out_x": _sum(modelled, others) / measured,
        "predicted_x": None if predicted is None else predicted / measured,
        "TOPS/W": point.tops_per_W,
        "model_TOPS/W": float(found.tops_per_W[0]),
        "TOPS/mm2": point.tops_per_mm2,
        "model_TOPS/mm2": float(found.tops_per_mm2[0]),
        "area_mm2": chip.area_mm2,
        "model_area_mm2": area,
        "_parts": _parts(point, modelled, factors),
        "_modelled": modelled,
    }


def _sum(modelled: Mapping[str, float], factors: Mapping[str, float]) -> float:
    return sum(value * factors.get(kind, 1.0) for kind, value in modelled.items())


def _parts(
    point: Point, modelled: Mapping[str, float], factors: Mapping[str, float]
) -> list[tuple[str, float, float, float]]:
    """Return (kinds, measured, modelled, calibrated) energy per MAC of each published component."""
    parts: list[tuple[str, float, float, float]] = []
    for kinds, measured in point.parts_J.items():
        own = {kind: modelled.get(kind, 0.0) for kind in kinds.split("+")}
        parts.append((kinds, measured, sum(own.values()), _sum(own, factors)))
    return parts


def _predicted(chip: Chip, point: Point) -> float | None:
    """Return the energy of a point from the anchor's measurement alone; None for the anchor itself."""
    anchor = next(p for p in chip.points if p.name == chip.anchor)
    if point is anchor or point.changes == anchor.changes:
        return None
    there, here = chip.modelled_J(anchor), chip.modelled_J(point)
    parts = anchor.parts_J or {"+".join(there): anchor.energy_per_mac_J}
    covered = {kind for kinds in parts for kind in kinds.split("+")}
    scaled = 0.0
    for kinds, measured in parts.items():
        at_anchor, at_point = (sum(m.get(k, 0.0) for k in kinds.split("+")) for m in (there, here))
        scaled += measured * at_point / at_anchor
    # What no part covers (leakage, mostly) shares in what the parts leave of the measured total.
    free_there, free_here = (sum(v for k, v in m.items() if k not in covered) for m in (there, here))
    rest = max(anchor.energy_per_mac_J - sum(parts.values()), 0.0)
    return scaled + (rest * free_here / free_there if free_there > 0.0 else 0.0)
