"""Global buffer: one SRAM for what the tiles do not hold, between them and the outside.

    E = reads * E_read + writes * E_write,
    writes = (1 - o) (external + both + leaving),   reads = (1 - o) (external + both + again + leaving)

with the terms of ``_spill`` (o = 0 where there is no DRAM: what does not fit is priced as if it did, and the estimate
says so) and energy per bit, access time, area and leakage of ``sram`` at the capacity
``buffer.global_B``; 0: there is none. Words pass one after the other and nothing overlaps. It stands at the root of
the tree (the port of the mesh), so that a map takes no longer way through it; it is on during the whole
inference. Area and leakage are shared out to the layers by their tiles. The fit of ``sram`` holds to 1 MB; larger
ones are extrapolated (in silicon they would be banked, LoAS's 256 KB costs 1.5 times the fit).
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term, add_up
from axbar.cost.components import sram
from axbar.cost.components._spill import SPILL, SPILL_EVENTS, SPILL_PATHS, spill

__all__ = ["GLOBAL_BUFFER", "capacity_share"]

_SIZE, _NODE, _WORD = "buffer.global_B", "technology.node_m", "buffer.word_bits"


def capacity_share(x: Context) -> Floats:
    """Return each layer's share of the buffer, by its tiles; they add up to 1."""
    return x.n("tiles") / add_up(x.n("tiles"))


def _traffic(x: Context) -> tuple[Floats, Floats]:
    """Bits read and written, ``[L, P]`` each."""
    found = spill(x)
    if x.text("dram.kind") == "none":  # else a design would look better the less it can hold
        kept = np.where(x.p(_SIZE) > 0.0, 1.0, 0.0)
    else:
        kept = 1.0 - found.overflow
    through = found.external + found.both + found.leaving
    return kept * (through + found.again), kept * through


def _moved(x: Context) -> Floats:
    reads, writes = _traffic(x)
    return reads + writes


def _accesses(x: Context) -> Floats:
    return np.ceil(_moved(x) / x.p(_WORD))


def _area(x: Context) -> Floats:
    bits = 8.0 * x.p(_SIZE)
    return capacity_share(x) * (bits * sram.area_m2_per_bit(x.p(_SIZE), x.p(_NODE)))


def _parts(sram_class: str) -> Parts:
    law = sram.CLASSES[sram_class]

    def energy(x: Context) -> Floats:
        macro = (x.p(_SIZE), x.p(_NODE), x.p(_WORD))
        reads, writes = _traffic(x)
        return reads * sram.read_J_per_bit(sram_class, *macro) + writes * sram.write_J_per_bit(
            sram_class, *macro
        )

    def latency(x: Context) -> Floats:
        one = sram.access_time_s(sram_class, x.p(_SIZE), x.p(_NODE), x.p(_WORD), x.p("clock_Hz"))
        return _accesses(x) * one

    def leakage(x: Context) -> Floats:
        return capacity_share(x) * (8.0 * x.p(_SIZE) * sram.leakage_W_per_bit(sram_class, x.p(_NODE)))

    return Parts(
        energy_J=Term(
            f"reads · E_read + writes · E_write, writes = (1 − o) · (entering + states + leaving), reads = writes + "
            f"(1 − o) · again, {SPILL} (0 without DRAM); E_read = {law.read.formula}, E_write = "
            f"{law.write.formula}, KB = {_SIZE} / 1024",
            energy,
            SPILL_EVENTS,
            (*SPILL_PATHS, _NODE, _WORD),
            (law.read.k, law.write.k),
        ),
        latency_s=Term(
            f"⌈(reads + writes) / word_bits⌉ · max(1 / clock, {law.access.formula}), reads and writes as in its energy",
            latency,
            SPILL_EVENTS,
            (*SPILL_PATHS, _NODE, _WORD, "clock_Hz"),
            (law.access.k,),
        ),
        area_m2=Term(
            f"8 · {_SIZE} · 0.262 µm² · (node/32 nm)^1.92 (x1.6 at 1 KB, x1 from 4 KB), shared by tiles",
            _area,
            ("tiles",),
            (_SIZE, _NODE),
            sram.AREA,
        ),
        leakage_W=Term(
            f"8 · {_SIZE} · P_bit(node), CACTI 7 table of the class {sram_class}, shared by tiles",
            leakage,
            ("tiles",),
            (_SIZE, _NODE),
            law.leakage,
        ),
    )


GLOBAL_BUFFER = Component(
    name="global_buffer",
    group="memory",
    summary="SRAM of the chip for maps and states that the tiles do not hold",
    parts={name: _parts(name) for name in sram.CLASSES},
    choose="technology.sram",
    event=Count("one bit read or written", _moved, SPILL_EVENTS, SPILL_PATHS),
    turn=Count("one word", _accesses, SPILL_EVENTS, (*SPILL_PATHS, _WORD)),
    instance=Count("the buffer", capacity_share, ("tiles",)),
    spread=1.5,
)
