"""Membrane memory: the state of every neuron, read and written on every update.

    E = updates * b * (E_read + E_write),   A = neurons * b * a_bit,   P = neurons * b * p_bit,

b = neuron.membrane_bits, with energy per bit, area and leakage of ``sram``. Each neuron unit of a tile has a
bank of its own, so that all units read at once: the bank holds the unit's share of the layer's neurons, and a
pass costs one read and one write of one membrane (its word). The memory is sized for the layer: area and
leakage grow with neurons and bits, not with the number of steps.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import sram
from axbar.cost.components.lif import PASSES, PASSES_EVENTS, PASSES_PATHS, passes

__all__ = ["MEMBRANE"]

_NODE, _BITS = "technology.node_m", "neuron.membrane_bits"
_UNITS = "neuron.units_per_tile"
#: bits; the memory fit was made on words of 32 to 128 bits and is not extrapolated below
_NARROWEST_WORD = 32.0


def _bank_B(x: Context) -> Floats:
    return x.n("neurons") * x.p(_BITS) / (8.0 * x.n("tiles") * x.p(_UNITS))


def _word(x: Context) -> Floats:
    return np.maximum(x.p(_BITS), _NARROWEST_WORD)


def _bits(x: Context) -> Floats:
    return x.n("neurons") * x.p(_BITS)


def _area(x: Context) -> Floats:
    return _bits(x) * sram.area_m2_per_bit(_bank_B(x), x.p(_NODE))


def _updates(x: Context) -> Floats:
    return x.n("lif_updates")


def _parts(sram_class: str) -> Parts:
    law = sram.CLASSES[sram_class]

    def energy(x: Context) -> Floats:
        macro = (_bank_B(x), x.p(_NODE), _word(x))
        both = sram.read_J_per_bit(sram_class, *macro) + sram.write_J_per_bit(sram_class, *macro)
        return x.n("lif_updates") * (x.p(_BITS) * both)

    def latency(x: Context) -> Floats:
        one = sram.access_time_s(sram_class, _bank_B(x), x.p(_NODE), _word(x), x.p("clock_Hz"))
        return passes(x) * (2.0 * one)

    def leakage(x: Context) -> Floats:
        return _bits(x) * sram.leakage_W_per_bit(sram_class, x.p(_NODE))

    capacity = (
        "KB = neurons · membrane_bits / (8 · 1024 · tiles · units_per_tile), word = max(membrane_bits, 32)"
    )
    return Parts(
        energy_J=Term(
            f"lif_updates · membrane_bits · (E_read + E_write), E_read = {law.read.formula}, "
            f"E_write = {law.write.formula}, {capacity}",
            energy,
            ("lif_updates", "neurons", "tiles"),
            (_BITS, _UNITS, _NODE),
            (law.read.k, law.write.k),
        ),
        latency_s=Term(
            f"{PASSES} · 2 · max(1 / clock, {law.access.formula}), {capacity}",
            latency,
            PASSES_EVENTS,
            (*PASSES_PATHS, _BITS, _NODE, "clock_Hz"),
            (law.access.k,),
        ),
        area_m2=Term(
            "neurons · membrane_bits · 0.262 µm² · (node/32 nm)^1.92 (x1.6 for banks of 1 KB, x1 from 4 KB)",
            _area,
            ("neurons", "tiles"),
            (_BITS, _UNITS, _NODE),
            sram.AREA,
        ),
        leakage_W=Term(
            f"neurons · membrane_bits · P_bit(node), CACTI 7 table of the class {sram_class}",
            leakage,
            ("neurons",),
            (_BITS, _NODE),
            law.leakage,
        ),
    )


MEMBRANE = Component(
    name="membrane",
    group="neuron",
    summary="membrane memory: read and write of every update",
    parts={name: _parts(name) for name in sram.CLASSES},
    choose="technology.sram",
    event=Count("one neuron update", _updates, ("lif_updates",)),
    turn=Count("one pass of all units", passes, PASSES_EVENTS, PASSES_PATHS),
    instance=Count("one membrane bit", _bits, ("neurons",), (_BITS,)),
    spread=1.5,
)
