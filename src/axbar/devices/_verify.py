"""How often write-verify writes a cell, on average.

``program`` writes a cell again while it is off its target by more than a tolerance, each time with a fresh error, n
times at most. With p the probability that one write misses,

    E[writes] = 1 + p + ... + p^(n-1) = (1 - p^n) / (1 - p),
    p(g)      = P(max(0, g + b + s N) > g + tol g_on) + P(max(0, g + b + s N) < g - tol g_on),

b and s the bias and the sigma of the device's programming law at the target g. A conductance can't fall below 0, so a
target below the tolerance is missed upwards alone. Levels of a cell are taken as equally frequent on one side of
a differential pair; the other side stands at level 0. Checked against drawing (tests), to the error of drawing.
"""

from __future__ import annotations

import numpy as np

from axbar.devices._preset import preset_of
from axbar.spec.imc import Device

__all__ = ["expected_writes"]


def expected_writes(spec: Device, cell_bits: int) -> float:
    """Return the mean number of writes that takes a cell to its target.

    Args:
        spec: device block; ``verify_tolerance`` 0 writes every cell once.
        cell_bits: levels of a cell, in bits.

    >>> from axbar import registry
    >>> expected_writes(registry.get("devices", "rram-neurram").spec, 3)
    1.0
    """
    preset = preset_of(spec)
    if spec.verify_tolerance == 0 or not preset.is_noisy(spec):
        return 1.0
    share = np.arange(2.0**cell_bits) / (2.0**cell_bits - 1.0)
    target = spec.g_off_S + share * (spec.g_on_S - spec.g_off_S)
    bias = 0.0
    if preset.bias_law is not None:
        bias = spec.program_noise * spec.g_on_S * preset.bias_law(target / spec.g_on_S)
    sigma = np.maximum(preset.program_sigma(target, spec), 1e-12 * spec.g_on_S)  # a law may reach 0
    from scipy.special import (
        ndtr,
    )  # here, for most chips verify nothing and importing it takes as long as the rest

    room = spec.verify_tolerance * spec.g_on_S
    above = ndtr((bias - room) / sigma)
    below = np.where(target > room, ndtr((-bias - room) / sigma), 0.0)
    p = above + below
    writes = np.full_like(p, float(spec.verify_writes))
    np.divide(1.0 - p**spec.verify_writes, 1.0 - p, out=writes, where=p < 1.0)
    return float(0.5 * (writes.mean() + writes[0]))
