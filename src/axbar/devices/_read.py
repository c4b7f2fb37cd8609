"""What a read sees of a conductance: noise that it draws anew, and the bend of the cell's I-V curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.devices._check import has_read_noise, is_linear
from axbar.devices._preset import preset_of
from axbar.spec.imc import Device

__all__ = ["current", "read_sigma", "secant"]


def read_sigma(g_S: NDArray[np.float64], spec: Device) -> NDArray[np.float64]:
    """Return the sigma in S of the noise that every read draws anew, shape of ``g_S``."""
    law = preset_of(spec).read_law
    if law is None or not has_read_noise(spec):
        return np.zeros_like(g_S)
    return spec.read_noise * spec.g_on_S * np.maximum(law(g_S / spec.g_on_S), 0.0)


def secant(g_S: NDArray[np.float64], v_read_V: ArrayLike, spec: Device) -> NDArray[np.float64]:
    """Return the conductance I(V)/V that a read at ``v_read_V`` sees; of a linear device ``g_S`` itself.

        I(V) / V = g (1 + nonlinearity bend(g, V))

    Args:
        g_S: conductances near 0 V, any shape.
        v_read_V: voltage across the cell; broadcasts against ``g_S``.
        spec: device block.
    """
    curve = preset_of(spec).curve
    if curve is None or is_linear(spec):
        return g_S
    return g_S * (1 + spec.nonlinearity * curve.bend(g_S, np.asarray(v_read_V, dtype=np.float64)))


def current(g_S: NDArray[np.float64], v_V: ArrayLike, spec: Device) -> NDArray[np.float64]:
    """Return the current in A of cells under ``v_V``; arguments broadcast. Odd in the voltage."""
    v = np.asarray(v_V, dtype=np.float64)
    return secant(g_S, v, spec) * v
