"""Membrane memory: the state of every neuron, read and written on every update.

    E = updates * b * (E_read + E_write) * (1 - u),   A = held * a_bit,   P = held * p_bit,

b = neuron.membrane_bits, with energy per bit, area and leakage of ``sram``. Each neuron unit of a tile has a
bank of its own, so that all units read at once: the bank holds the unit's share of the layer's neurons, and a
pass costs one read and one write of one membrane (its word). Without a limit the memory is sized for the layer,
``held = membranes * b``; with ``neuron.membrane_B`` per tile it has that size, and the share u of the states that
does not fit is updated in the global buffer (``_spill``). Area and leakage do not depend on the number of steps.
Where all steps of a layer run at once (``mapping.order: layer``), membranes never leave the units: there is
nothing to store.

Where G neurons take turns on one membrane (``share`` of a trace), there are N/G membranes to hold, with the area and
leakage of so many. Each update still reads and writes its word, from a bank that is as much smaller; a unit that kept
it for all G turns would save more. The units pass the memory G times a step.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._membranes import TURNS_EVENT
from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import sram
from axbar.cost.components._spill import NOTHING, membrane_share

__all__ = ["MEMBRANE"]

_NODE, _BITS = "technology.node_m", "neuron.membrane_bits"
_UNITS, _LIMIT = "neuron.units_per_tile", "neuron.membrane_B"
#: bits; the memory fit was made on words of 32 to 128 bits and is not extrapolated below
_NARROWEST_WORD = 32.0

#: what ``_passes`` reads, and its formula
PASSES_EVENTS, PASSES_PATHS = ("membrane_steps", TURNS_EVENT, "membranes", "tiles"), (_UNITS,)
PASSES = f"membrane_steps · {TURNS_EVENT} · ⌈membranes / (tiles · units_per_tile)⌉"


def _passes(x: Context) -> Floats:
    """Passes of the neuron units that go through the memory."""
    turns = x.n("membrane_steps") * x.n(TURNS_EVENT)
    return turns * np.ceil(x.n("membranes") / (x.n("tiles") * x.p(_UNITS)))


def _bank_B(x: Context) -> Floats:
    return _bits(x) / (8.0 * x.n("tiles") * x.p(_UNITS))


def _word(x: Context) -> Floats:
    return np.maximum(x.p(_BITS), _NARROWEST_WORD)


def _bits(x: Context) -> Floats:
    """Bits of memory on the layer's tiles; tiles whose layer drives no neurons have none unless limited."""
    needed = x.n("membranes") * x.p(_BITS)
    limit, tiles = x.p(_LIMIT), x.n("tiles")
    return np.where(limit > 0.0, 8.0 * limit * tiles, needed) if limit.any() else needed


def _area(x: Context) -> Floats:
    return _bits(x) * sram.area_m2_per_bit(_bank_B(x), x.p(_NODE))


def _updates(x: Context) -> Floats:
    return x.n("membrane_updates")


def _parts(sram_class: str) -> Parts:
    law = sram.CLASSES[sram_class]

    def energy(x: Context) -> Floats:
        macro = (_bank_B(x), x.p(_NODE), _word(x))
        both = sram.read_J_per_bit(sram_class, *macro) + sram.write_J_per_bit(sram_class, *macro)
        total = x.n("membrane_updates") * (x.p(_BITS) * both)
        share = membrane_share(x)
        return total if share is NOTHING else total * (1.0 - share)

    def latency(x: Context) -> Floats:
        one = sram.access_time_s(sram_class, _bank_B(x), x.p(_NODE), _word(x), x.p("clock_Hz"))
        return _passes(x) * (2.0 * one)

    def leakage(x: Context) -> Floats:
        return _bits(x) * sram.leakage_W_per_bit(sram_class, x.p(_NODE))

    capacity = (
        "KB = held / (8 · 1024 · tiles · units_per_tile), held = membranes · membrane_bits, or 8 · membrane_B · tiles "
        "where that is limited, word = max(membrane_bits, 32)"
    )
    return Parts(
        energy_J=Term(
            f"membrane_updates · membrane_bits · (E_read + E_write) · (share that fits), E_read = {law.read.formula}, "
            f"E_write = {law.write.formula}, {capacity}",
            energy,
            ("membrane_updates", "membranes", "tiles"),
            (_BITS, _UNITS, _LIMIT, _NODE),
            (law.read.k, law.write.k),
        ),
        latency_s=Term(
            f"{PASSES} · 2 · max(1 / clock, {law.access.formula}), {capacity}",
            latency,
            PASSES_EVENTS,
            (*PASSES_PATHS, _BITS, _LIMIT, _NODE, "clock_Hz"),
            (law.access.k,),
        ),
        area_m2=Term(
            "held · 0.262 µm² · (node/32 nm)^1.92 (x1.6 for banks of 1 KB, x1 from 4 KB)",
            _area,
            ("membranes", "tiles"),
            (_BITS, _UNITS, _LIMIT, _NODE),
            sram.AREA,
        ),
        leakage_W=Term(
            f"held · P_bit(node), CACTI 7 table of the class {sram_class}",
            leakage,
            ("membranes", "tiles"),
            (_BITS, _LIMIT, _NODE),
            law.leakage,
        ),
    )


MEMBRANE = Component(
    name="membrane",
    group="neuron",
    summary="membrane memory: read and write of every update",
    parts={name: _parts(name) for name in sram.CLASSES},
    choose="technology.sram",
    event=Count("one neuron update", _updates, ("membrane_updates",)),
    turn=Count("one pass of all units", _passes, PASSES_EVENTS, PASSES_PATHS),
    instance=Count("one membrane bit", _bits, ("membranes", "tiles"), (_BITS, _LIMIT)),
    spread=1.5,
)
