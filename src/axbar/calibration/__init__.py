"""Calibration: walk the layers on data, record what each needs, fit ranges."""

from axbar.calibration._observer import RangeObserver
from axbar.calibration._ranges import METHODS, fit_range, quantisation_error
from axbar.calibration._source import CalibrationSource
from axbar.calibration._walk import (
    OperandStats,
    RangedLayer,
    calibrate_adc,
    observe_inputs,
    observe_operands,
    run,
)

__all__ = [
    "METHODS",
    "CalibrationSource",
    "OperandStats",
    "RangeObserver",
    "RangedLayer",
    "calibrate_adc",
    "fit_range",
    "observe_inputs",
    "observe_operands",
    "quantisation_error",
    "run",
]
