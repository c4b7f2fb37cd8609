"""Factors per kind of component that the study of silicon found, shipped with the package.

``axbar reproduce macros`` fits them on one half of the measured chips and tests them on the other half; the file is
what it writes, and a test fits them anew and compares. Estimates do not use them unless asked to: the default of
every factor is 1.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["calibration", "calibration_record", "silicon_error"]


@cache
def _record() -> dict[str, Any]:
    text = (files("axbar.cost.macro") / "calibration.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


def calibration_record() -> dict[str, Any]:
    """Return factors, the chips they were fitted to and tested on, and the errors found there."""
    return json.loads(json.dumps(_record()))


def silicon_error() -> str:
    """Return how far the same sums were from measured macros, as shipped and calibrated, in a sentence."""
    found = _record()
    plain, fitted = (100 * found[f"median_error_{key}"] for key in ("uncalibrated", "calibrated"))
    tested, others = len(found["tested_on"]), len(found["calibrated_on"])
    return (
        f"Not calibrated: against {tested} measured macros the same sums have a median error of {plain:.0f} % in "
        f"energy, and of {fitted:.0f} % with factors fitted to {others} others (axbar reproduce macros)."
    )


def calibration() -> dict[str, float]:
    """Return the factor on energy of every kind: ``{"array": ..., "adc.sar": ..., "drivers": ...}``.

    Kinds that no chip of the fitted half has are not in it and keep 1.
    """
    return {kind: float(value) for kind, value in _record()["factors"].items()}
