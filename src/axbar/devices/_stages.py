"""What happens to a conductance, stage by stage: program, faults, age. Pure functions on arrays.

Random numbers are handed in (``Draws``: the same effect gives the same bits), so that a stage is a function of
its arguments alone. The laws are those of the device that ``spec.name`` names. Effects drawn here:

    ``program``, ``program#2``, ...   first write and every further one of write-verify
    ``stuck``                         which cells are stuck
    ``nu``, ``relax``                 drift exponent and relaxation of a cell, the same at every time
    ``flicker@t``                     1/f noise of the time t

A cell's relaxation is thus perfectly correlated in time: one draw, scaled by a sigma that grows. The spread at
any one time is the published one; the path of a single cell between two times is smoother than a real one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.devices._check import check_shares, check_time
from axbar.devices._preset import DevicePreset, preset_of
from axbar.devices._random import Draws
from axbar.spec.imc import Device

__all__ = ["age", "faults", "program"]


def program(g_target_S: ArrayLike, spec: Device, draws: Draws) -> NDArray[np.float64]:
    """Write cells: target conductances plus the device's programming error, never below 0 S.

        g = max(0, g_target + program_noise g_on (bias(x) + sigma(x) N)),   x = g_target / g_on

    With ``spec.verify_tolerance`` above 0, cells off their target by more than that share of g_on are written
    again, each time with a fresh error, up to ``spec.verify_writes`` writes.

    Args:
        g_target_S: targets in S, any shape.
        spec: device block; ``spec.name`` picks the law.
        draws: of cells of that shape.

    >>> from axbar import registry
    >>> from axbar.devices import SeededDraws
    >>> cell = registry.get("devices", "ideal").spec
    >>> program([0.0, 25e-6], cell, SeededDraws((2,), seed=0)).tolist()
    [0.0, 2.5e-05]
    """
    target = np.asarray(g_target_S, dtype=np.float64)
    preset = preset_of(spec)
    if not preset.is_noisy(spec):
        return target
    sigma = preset.program_sigma(target, spec)
    mean = target + _bias(target, preset, spec)
    g = np.maximum(mean + sigma * draws.normal("program"), 0.0)
    if spec.verify_tolerance == 0:
        return g
    for write in range(2, spec.verify_writes + 1):
        off = np.abs(g - target) > spec.verify_tolerance * spec.g_on_S
        if not off.any():
            break
        g = np.where(off, np.maximum(mean + sigma * draws.normal(f"program#{write}"), 0.0), g)
    return g


def _bias(target: NDArray[np.float64], preset: DevicePreset, spec: Device) -> NDArray[np.float64] | float:
    if preset.bias_law is None:
        return 0.0
    return spec.program_noise * spec.g_on_S * preset.bias_law(target / spec.g_on_S)


def faults(g_S: NDArray[np.float64], spec: Device, draws: Draws) -> NDArray[np.float64]:
    """Replace stuck cells: a share ``stuck_on`` stands at g_on, a share ``stuck_off`` at g_off.

    One uniform draw u per cell decides: u < stuck_on, or stuck_on <= u < stuck_on + stuck_off. So the cells stuck
    at a lower share are among those stuck at a higher one.

    Args:
        g_S: programmed conductances, any shape.
        spec: device block.
        draws: of cells of that shape.

    Raises:
        SpecError: the shares add up to more than 1.
    """
    check_shares(spec)
    if spec.stuck_on == 0 and spec.stuck_off == 0:
        return g_S
    u = draws.uniform("stuck")
    g = np.where(u < spec.stuck_on, spec.g_on_S, g_S)
    return np.where((u >= spec.stuck_on) & (u < spec.stuck_on + spec.stuck_off), spec.g_off_S, g)


def age(g_S: NDArray[np.float64], t_s: float, spec: Device, draws: Draws) -> NDArray[np.float64]:
    """Return the conductances ``t_s`` seconds after programming: drift, retention loss, gathered 1/f noise.

    With x = g / g_on at the first read t_0, and the scales ``drift`` d and ``flicker_noise`` f of the spec

        g_D = max(0, g (t / t_0)^(-d nu(x)) + d g_on (m(x, t) + s(x, t) N))
        g_t = max(0, g_D + f g_D Q(x) sqrt(ln((t + t_r) / (2 t_r))) N),

    the last with g_on for the factor g_D where the device's law is in shares of the range. A pure function of
    ``t_s``: going to 1 h and then to 1 s is the same as going to 1 s. Laws that were published
    in the target conductance are evaluated at the conductance of the cell.

    Args:
        g_S: conductances at the first read, any shape.
        t_s: time since programming in s, not before the device's first read.
        spec: device block.
        draws: of cells of that shape.

    Raises:
        SpecError: the time is no number or before the device's first read.
    """
    preset = preset_of(spec)
    check_time(t_s, spec, preset.t0_s)
    x = g_S / spec.g_on_S
    return _flicker(_drifted(g_S, x, t_s, preset, spec, draws), x, t_s, preset, spec, draws)


def _drifted(
    g: NDArray[np.float64],
    x: NDArray[np.float64],
    t_s: float,
    preset: DevicePreset,
    spec: Device,
    draws: Draws,
) -> NDArray[np.float64]:
    if t_s == preset.t0_s or spec.drift == 0:
        return g
    if preset.drift is not None:
        nu = preset.drift.exponents(x, draws.normal("nu"))
        g = g * (t_s / preset.t0_s) ** (-spec.drift * nu)
    if preset.retention is not None:
        spread = preset.retention.sigma(x, t_s) * draws.normal("relax")
        g = np.maximum(g + spec.drift * spec.g_on_S * (preset.retention.mean(x, t_s) + spread), 0.0)
    return g


def _flicker(
    g: NDArray[np.float64],
    x: NDArray[np.float64],
    t_s: float,
    preset: DevicePreset,
    spec: Device,
    draws: Draws,
) -> NDArray[np.float64]:
    if preset.flicker is None or spec.flicker_noise == 0:
        return g
    noise = preset.flicker.sigma(x, t_s) * draws.normal(f"flicker@{float(t_s)!r}")
    of = spec.g_on_S if preset.flicker.of_range else g
    return np.maximum(g + spec.flicker_noise * of * noise, 0.0)
