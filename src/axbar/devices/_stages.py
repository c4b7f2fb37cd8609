"""What happens to a conductance, stage by stage: program, faults, age. Pure functions on arrays.

Random numbers are handed in (standard normal draws of the caller's counter-based generator), so that a stage
is a function of its arguments alone. The law of the device is looked up by ``spec.name``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar import registry
from axbar.devices._preset import DevicePreset
from axbar.errors import SpecError
from axbar.spec.imc import Device

__all__ = ["age", "faults", "preset_of", "program"]


def preset_of(spec: Device) -> DevicePreset:
    """Return the device whose laws a spec names.

    Raises:
        UsageError: no such device (with the closest name).
    """
    found: Any = registry.get("devices", spec.name)
    return found


def program(g_target_S: ArrayLike, spec: Device, normal: ArrayLike) -> NDArray[np.float64]:
    """Write cells: target conductances plus the device's programming error, never below 0 S.

    Args:
        g_target_S: targets in S, any shape.
        spec: device block; ``spec.name`` picks the law.
        normal: standard normal draws, same shape.

    >>> from axbar import registry
    >>> pcm = registry.get("devices", "pcm-mushroom").spec
    >>> program([0.0, 25e-6], pcm, [-1.0, 0.0]).tolist()
    [0.0, 2.5e-05]
    """
    g = np.asarray(g_target_S, dtype=np.float64)
    return np.maximum(g + preset_of(spec).program_sigma(g, spec) * np.asarray(normal), 0.0)


def faults(g_S: NDArray[np.float64], spec: Device, uniform: ArrayLike | None = None) -> NDArray[np.float64]:
    """Replace stuck cells. No device has a fault law yet: returns ``g_S`` itself.

    Args:
        g_S: programmed conductances, any shape.
        spec: device block.
        uniform: one draw in [0, 1) per cell, which will pick the stuck ones.
    """
    return g_S


def age(
    g_S: NDArray[np.float64], t_s: float, spec: Device, normal: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Let conductances drift for ``t_s`` seconds. No device has a drift law yet: returns ``g_S`` itself.

    Args:
        g_S: programmed conductances, any shape.
        t_s: time since programming in s, >= 0.
        spec: device block.
        normal: one draw per cell, which will set its drift exponent.

    Raises:
        SpecError: the time is negative or no number.
    """
    if not np.isfinite(t_s) or t_s < 0:
        raise SpecError(f"time since programming is {t_s!r} s; give a finite number of seconds >= 0.")
    return g_S
