"""What a memory device is: its spec, its sources and its conductance laws, as data.

All laws are functions of ``x = g / g_on`` with results in shares of g_on, thus tied to the range: who sets
another ``device.g_on_S`` keeps the *relative* noise of the published device (an assumption; a fit itself holds
only for the published range). The scales of the spec (``program_noise``, ``drift``, ...) multiply the laws: 1 as
published, 0 none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar import registry
from axbar.devices._laws import BentCurve, Drift, Flicker, Law, Polynomial, Retention
from axbar.errors import SpecError
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["DevicePreset", "Validity", "preset_of"]


@dataclass(frozen=True)
class Validity:
    """Where the laws of a device hold.

    Args:
        g_min_S, g_max_S: conductances seen by the fit; g_max_S bounds ``device.g_on_S`` (inf: no bound).
        t_min_s, t_max_s: time after programming at which the cells were read.
        note: what the fit leaves out.
        strict_g_min: below ``g_min_S`` the laws make no sense, so ``device.g_off_S`` may not lie there.
    """

    g_min_S: float
    g_max_S: float
    t_min_s: float
    t_max_s: float
    note: str = ""
    strict_g_min: bool = False


@dataclass(frozen=True)
class DevicePreset:
    """One published device.

    Args:
        name: as in ``axbar ls devices``.
        summary: one line.
        spec: the block ``device`` of a hardware spec; its ``age_s`` is ``t0_s``.
        sources: field of ``spec`` -> where its number comes from.
        validity: where the laws hold.
        program_law: sigma of programming: a law of x, or its coefficients ``c_0, c_1, ...`` in powers of x; empty for
            no noise.
        max_cell_bits: bits that one cell can hold.
        volatile: the cell loses its level without supply, so it leaks.
        t0_s: first read after programming, at which ``program_law`` holds.
        bias_law: mean error of programming.
        drift: multiplicative loss in time.
        retention: additive shift and spread in time.
        flicker: 1/f noise gathered since programming.
        read_law: sigma of the noise that every read draws anew.
        curve: current of the cell where it is not linear in the voltage.
        measured: False where no measured fit of the device is public, so that its numbers are from literature.
        from_spec: returns this device with the laws that a spec holds (``custom``).

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
    program_law: Law | tuple[float, ...] = ()
    max_cell_bits: int = 7
    volatile: bool = False
    t0_s: float = 0.0
    bias_law: Law | None = None
    drift: Drift | None = None
    retention: Retention | None = None
    flicker: Flicker | None = None
    read_law: Law | None = None
    curve: BentCurve | None = None
    measured: bool = True
    from_spec: Callable[[Device], DevicePreset] | None = None

    def program_sigma(self, g_S: ArrayLike, spec: Device | None = None) -> NDArray[np.float64]:
        """Return the standard deviation of programming in S.

        Args:
            g_S: target conductances, any shape.
            spec: the user's device block (range and noise scale); this preset's if None.
        """
        spec = spec or self.spec
        x = np.asarray(g_S, dtype=np.float64) / spec.g_on_S
        if self.program_law == ():
            return np.zeros_like(x)
        law = Polynomial(self.program_law) if isinstance(self.program_law, tuple) else self.program_law
        return spec.program_noise * spec.g_on_S * np.maximum(law(x), 0.0)

    def is_noisy(self, spec: Device | None = None) -> bool:
        """Whether programming leaves any error."""
        has_law = self.program_law != () or self.bias_law is not None
        return has_law and (spec or self.spec).program_noise > 0

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


def preset_of(spec: Device) -> DevicePreset:
    """Return the device whose laws a spec names; of ``custom``, with the laws that the spec holds.

    Raises:
        UsageError: no such device (with the closest name).
    """
    found: Any = registry.get("devices", spec.name)
    return found if found.from_spec is None else found.from_spec(spec)
