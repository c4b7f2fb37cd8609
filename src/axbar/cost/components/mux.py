"""Column multiplexers: the analog switches that let ``adc.cols_per_adc`` columns share a converter.

    E = conversions * E_8 * m / 8,     A = converters * A_8 * m / 8,     m = min(cols_per_adc, cols),

with the 8:1 multiplexer of SpikeSim's 65 nm platform (0.094 pJ per sample, 45.9 um2). Energy and area grow
with the number of inputs because every input loads the shared node with one more switch; C ~ node, E = C
V_DD^2. The source names no supply; the node's nominal 1.1 V is taken. Switching is hidden in the conversion
time.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import logic_leakage
from axbar.cost.components.adc._common import BUILT, BUILT_EVENTS, BUILT_PATHS, conversions, converters
from axbar.cost.constants import Constant

__all__ = ["MUX", "sample_energy_J"]

_SPIKESIM = "SpikeSim ela_spikesim.py, 65 nm platform (Intelligent-Computing-Lab-Yale, MIT): 8:1 multiplexer"
MUX_J = Constant(
    "mux.sample.energy", 0.094245e-12, "J/sample", _SPIKESIM, "code", "capacitor energy", 65e-9, 1.1,
    note="simulated; supply not stated, nominal 1.1 V taken",
)  # fmt: skip
MUX_AREA_M2 = Constant("mux.area", 45.9e-12, "m2/mux", _SPIKESIM, "code", "digital area", 65e-9)
_INPUTS = 8.0


def sample_energy_J(energy_8_J: Floats, inputs: Floats) -> Floats:
    """Return the energy of one sample through a multiplexer of ``inputs`` columns."""
    return energy_8_J * (inputs / _INPUTS)


def _inputs(x: Context) -> Floats:
    return np.minimum(x.p("adc.cols_per_adc"), x.p("crossbar.cols"))


def _energy(x: Context) -> Floats:
    return x.n("conversions") * sample_energy_J(x.c(MUX_J), _inputs(x))


def _area(x: Context) -> Floats:
    return converters(x) * (x.c(MUX_AREA_M2) * (_inputs(x) / _INPUTS))


MUX = Component(
    name="mux",
    group="conversion",
    summary="column multiplexers in front of the converters",
    parts={
        "": Parts(
            energy_J=Term(
                "conversions · E_8 · min(cols_per_adc, cols) / 8",
                _energy,
                events=("conversions",),
                paths=("adc.cols_per_adc", "crossbar.cols"),
                constants=(MUX_J,),
            ),
            area_m2=Term(
                f"converters · A_8 · min(cols_per_adc, cols) / 8, {BUILT}",
                _area,
                events=BUILT_EVENTS,
                paths=BUILT_PATHS,
                constants=(MUX_AREA_M2,),
            ),
            leakage_W=logic_leakage("mux"),
        )
    },
    event=Count("one sampled column", conversions, events=("conversions",)),
    turn=None,
    instance=Count("one multiplexer", converters, events=BUILT_EVENTS, paths=BUILT_PATHS),
    spread=2.6,
)
