"""Memory devices: conductance laws in numpy, one file per published device."""

from typing import TYPE_CHECKING, Any

from axbar.devices._check import (
    check,
    first_read_s,
    has_read_noise,
    has_time_law,
    is_linear,
    is_noisy,
    notes,
)
from axbar.devices._clip import clipped_codes
from axbar.devices._laws import (
    BentCurve,
    ClippedLog,
    Drift,
    Flicker,
    Law,
    LogRelaxation,
    Piecewise,
    Polynomial,
    PowerLaw,
    Retention,
    RootLogRelaxation,
    RootSumOfSquares,
    Saturating,
    Scaled,
    SquareRoot,
    TabledRelaxation,
    Within,
)
from axbar.devices._preset import DevicePreset, Validity, preset_of
from axbar.devices._quantise import level_conductance_S, n_slices, quantise, slice_codes
from axbar.devices._random import Draws, SeededDraws, stream
from axbar.devices._read import current, read_sigma, secant
from axbar.devices._stages import age, faults, program
from axbar.devices._verify import expected_writes

if TYPE_CHECKING:
    from axbar.devices.fit import DeviceFit, fit_device

__all__ = [
    "BentCurve",
    "ClippedLog",
    "DeviceFit",
    "DevicePreset",
    "Draws",
    "Drift",
    "Flicker",
    "Law",
    "LogRelaxation",
    "Piecewise",
    "Polynomial",
    "PowerLaw",
    "Retention",
    "RootLogRelaxation",
    "RootSumOfSquares",
    "Saturating",
    "Scaled",
    "SeededDraws",
    "SquareRoot",
    "TabledRelaxation",
    "Validity",
    "Within",
    "age",
    "check",
    "clipped_codes",
    "current",
    "expected_writes",
    "faults",
    "first_read_s",
    "fit_device",
    "has_read_noise",
    "has_time_law",
    "is_linear",
    "is_noisy",
    "level_conductance_S",
    "n_slices",
    "notes",
    "preset_of",
    "program",
    "quantise",
    "read_sigma",
    "secant",
    "slice_codes",
    "stream",
]


def __getattr__(name: str) -> Any:
    """Load what fits laws to measurements only when asked: it needs an optimiser, which no chip does."""
    if name not in ("DeviceFit", "fit_device"):
        raise AttributeError(f"module 'axbar.devices' has no attribute '{name}'")
    from axbar.devices import fit

    return getattr(fit, name)
