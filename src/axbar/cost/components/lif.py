"""Neuron logic: one leaky integrate-and-fire update per neuron and step.

    E = updates * (E_16 * b / 16 + 2 b C_FF V_DD^2),     b = neuron.membrane_bits:

an add, a compare, two selects and a shift (56 fJ for 16 bits at 32 nm, SATA) and two working registers; the
state itself lives in the membrane memory, which costs several times more. ``neuron.units_per_tile`` units
work in parallel: ``G ceil(membranes / (tiles * units))`` clocks per step, where G neurons take turns on one membrane
(1 unless shared; the event ``neurons`` counts such a group once). Area: SATA's 16-bit neuron, registers
included, linear in bits. SATA names no node; about 32 nm is inferred from its flip-flop area.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._membranes import TURNS_EVENT
from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import logic_leakage
from axbar.cost.constants import DFF_F, Constant

__all__ = ["LIF", "passes"]

_SATA = (
    "RuokaiYin/SATA_Sim training table (MIT): add + compare + 2 mux + shift at 16 bits, 2.5 ns; node inferred"
)
UPDATE_J = Constant(
    "neuron.lif.energy", 56e-15 / 16, "J/bit", _SATA, "inf", "digital energy", 32e-9, 0.97,
    note="without its three registers (226 fJ); linear in bits",
)  # fmt: skip
UNIT_AREA_M2 = Constant(
    "neuron.lif.area", 346.592e-12 / 16, "m2/bit",
    "sum of RuokaiYin/SATA_Sim kernels (MIT): 2 adders, comparator, 3 registers; 20 um2 multiplexer assumed",
    "inf", "digital area", 32e-9, note="linear in bits",
)  # fmt: skip


def passes(x: Context) -> Floats:
    """Return how often the units of a tile run one after the other in an inference, ``[L, P]``."""
    at_once = x.n("tiles") * x.p("neuron.units_per_tile")
    return x.n("neuron_steps") * x.n(TURNS_EVENT) * np.ceil(x.n("neurons") / at_once)


PASSES_EVENTS = ("neuron_steps", TURNS_EVENT, "neurons", "tiles")
PASSES_PATHS = ("neuron.units_per_tile",)
PASSES = f"neuron_steps · {TURNS_EVENT} · ⌈neurons / (tiles · units_per_tile)⌉"


def _energy(x: Context) -> Floats:
    bits, vdd_V = x.p("neuron.membrane_bits"), x.p("technology.vdd_V")
    return x.n("lif_updates") * (bits * (x.c(UPDATE_J) + 2.0 * x.c(DFF_F) * (vdd_V * vdd_V)))


def _latency(x: Context) -> Floats:
    return passes(x) * (1.0 / x.p("clock_Hz"))


def _units(x: Context) -> Floats:
    return x.n("tiles") * x.p("neuron.units_per_tile")


def _area(x: Context) -> Floats:
    return _units(x) * (x.p("neuron.membrane_bits") * x.c(UNIT_AREA_M2))


def _updates(x: Context) -> Floats:
    return x.n("lif_updates")


LIF = Component(
    name="lif",
    group="neuron",
    summary="neuron update logic",
    parts={
        "": Parts(
            energy_J=Term(
                "lif_updates · membrane_bits · (E_bit + 2 · C_FF · V_DD²)",
                _energy,
                ("lif_updates",),
                ("neuron.membrane_bits", "technology.vdd_V"),
                (UPDATE_J, DFF_F),
            ),
            latency_s=Term(f"{PASSES} / clock", _latency, PASSES_EVENTS, (*PASSES_PATHS, "clock_Hz")),
            area_m2=Term(
                "tiles · units_per_tile · membrane_bits · A_bit",
                _area,
                ("tiles",),
                ("neuron.units_per_tile", "neuron.membrane_bits"),
                (UNIT_AREA_M2,),
            ),
            leakage_W=logic_leakage("lif"),
        )
    },
    event=Count("one neuron update", _updates, ("lif_updates",)),
    turn=Count("one pass of all units", passes, PASSES_EVENTS, PASSES_PATHS),
    instance=Count("one neuron unit", _units, ("tiles",), ("neuron.units_per_tile",)),
    spread=1.5,
)
