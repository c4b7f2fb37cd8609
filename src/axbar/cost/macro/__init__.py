"""Measured macros of in-memory computing: describe one, estimate it, compare it with silicon, calibrate.

    from axbar.cost.macro import Macro, calibration, estimate_macro

One file per concept: ``_macro`` the description, ``_points`` many operating points of it, ``_energy`` and ``_area``
the sums by kind of component, ``_fit`` one factor per kind, ``_calibration`` the factors found on published chips.
"""

from axbar.cost.macro._calibration import calibration, calibration_record, silicon_error
from axbar.cost.macro._estimate import MacroEstimate, estimate_macro, kinds
from axbar.cost.macro._fit import SHRINKAGE, Observation, fit_factors
from axbar.cost.macro._load import load_macro
from axbar.cost.macro._macro import Macro
from axbar.cost.macro._measured import Measured, read_measured
from axbar.cost.macro._points import NUMBERS
from axbar.cost.macro._validate import Comparison, Validation, validate

__all__ = [
    "NUMBERS",
    "SHRINKAGE",
    "Comparison",
    "Macro",
    "MacroEstimate",
    "Measured",
    "Observation",
    "Validation",
    "calibration",
    "calibration_record",
    "estimate_macro",
    "fit_factors",
    "kinds",
    "load_macro",
    "read_measured",
    "silicon_error",
    "validate",
]
