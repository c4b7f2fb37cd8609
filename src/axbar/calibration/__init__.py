"""Calibration: walk the layers on data, record what each needs, fit ranges, thresholds and weights."""

from axbar.calibration._adc import AdcRanges, RangedLayer, calibrate_adc
from axbar.calibration._engine import Step, Unit, calibrate
from axbar.calibration._observer import RangeObserver
from axbar.calibration._ranges import METHODS, fit_range, quantisation_error
from axbar.calibration._source import CalibrationSource
from axbar.calibration._spiking import InitialCharge, Thresholds, best_thresholds
from axbar.calibration._walk import OperandStats, observe_inputs, observe_operands, run
from axbar.calibration._weights import BiasShift, LeastSquares

__all__ = [
    "METHODS",
    "AdcRanges",
    "BiasShift",
    "CalibrationSource",
    "InitialCharge",
    "LeastSquares",
    "OperandStats",
    "RangeObserver",
    "RangedLayer",
    "Step",
    "Thresholds",
    "Unit",
    "best_thresholds",
    "calibrate",
    "calibrate_adc",
    "fit_range",
    "observe_inputs",
    "observe_operands",
    "quantisation_error",
    "run",
]
