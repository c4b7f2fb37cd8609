"""What a memory device is: its spec, its sources and its conductance laws, as data.

Programming noise (one law, any device): a cell written to the target ``g`` reads

    g_P = max(0, g + sigma(g) N(0, 1)),
    sigma(g) = program_noise * g_on * sum_k c_k (g / g_on)^k,

with the coefficients ``c_k`` (no unit) of the device. ``sigma`` is thus tied to the range: who sets another
``device.g_on_S`` keeps the *relative* noise of the published device (an assumption; the fit itself holds only
for the published range). ``device.program_noise`` scales it: 1 as published, 0 none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import SpecError
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["DevicePreset", "Validity"]


@dataclass(frozen=True)
class Validity:
    """Where the laws of a device were measured.

    Args:
        g_min_S, g_max_S: conductances seen by the fit.
        t_min_s, t_max_s: time after programming at which the cells were read.
        note: what the fit leaves out.
    """

    g_min_S: float
    g_max_S: float
    t_min_s: float
    t_max_s: float
    note: str = ""


@dataclass(frozen=True)
class DevicePreset:
    """One published device.

    Args:
        name: as in ``axbar ls devices``.
        summary: one line.
        spec: the block ``device`` of a hardware spec.
        sources: field of ``spec`` -> where its number comes from.
        validity: where the laws hold.
        program_law: ``c_0, c_1, ...`` of ``sigma / g_on`` in powers of ``g / g_on``; empty for no noise.
        max_cell_bits: bits that one cell can hold.
        volatile: the cell loses its level without supply, so it leaks.

    >>> from axbar import registry
    >>> pcm = registry.get("devices", "pcm-mushroom")
    >>> float(np.round(pcm.program_sigma(25e-6) * 1e6, 3))
    1.055
    """

    name: str
    summary: str
    spec: Device
    sources: Mapping[str, Provenance]
    validity: Validity
    program_law: tuple[float, ...] = ()
    max_cell_bits: int = 7
    volatile: bool = False

    def program_sigma(self, g_S: ArrayLike, spec: Device | None = None) -> NDArray[np.float64]:
        """Return the standard deviation of programming in S.

        Args:
            g_S: target conductances, any shape.
            spec: the user's device block (range and noise scale); this preset's if None.
        """
        spec = spec or self.spec
        x = np.asarray(g_S, dtype=np.float64) / spec.g_on_S
        if not self.program_law:
            return np.zeros_like(x)
        relative = np.polynomial.polynomial.polyval(x, self.program_law)
        return spec.program_noise * spec.g_on_S * np.maximum(relative, 0.0)

    def is_noisy(self, spec: Device | None = None) -> bool:
        """Whether programming leaves any error."""
        return bool(self.program_law) and (spec or self.spec).program_noise > 0

    def check_cell_bits(self, cell_bits: int) -> None:
        """Refuse cells that hold more bits than the device can.

        Raises:
            SpecError: ``cell_bits`` is above ``max_cell_bits``.
        """
        if cell_bits > self.max_cell_bits:
            raise SpecError(
                f"crossbar.cell_bits = {cell_bits}, but a '{self.name}' cell holds {self.max_cell_bits} bit; "
                f"set crossbar.cell_bits={self.max_cell_bits} or choose another device."
            )
