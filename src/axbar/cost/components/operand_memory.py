"""Operand memory: the SRAM beside digital multipliers that holds the right operand of a product of run time.

As large as its share of the operand, one per tile; without digital products there is none. The operand is written into
it as it arrives (the time is that of the link) and every product reads its element, so that each right element is
read once per left vector; no unit keeps one. u units read u elements per clock. Where its words do not keep
up with them, the products wait:

    t = max(0, words t_access - clocks / clock),     words = operand_reads / (tiles word_bits).

Left elements come from the input buffer, which is never slower: it delivers one where this memory delivers u. Energy
per bit, area and leakage: ``sram``, at the capacity of one tile's memory.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _vector as v
from axbar.cost.components import sram
from axbar.cost.components.multipliers import CLOCK_EVENTS, CLOCKS, clocks

__all__ = ["OPERAND_MEMORY"]

_NODE, _WORD = "technology.node_m", "buffer.word_bits"
_MOVED = ("operand_reads", "operand_writes")


def _words(x: Context) -> Floats:
    if not v.busy(x, "operand_reads"):
        return v.nothing(x)
    return np.ceil(x.n("operand_reads") / (x.n("tiles") * x.p(_WORD)))


def _bits(x: Context) -> Floats:
    return x.n("tiles") * (8.0 * x.n("operand_B"))


def _parts(sram_class: str) -> Parts:
    law = sram.CLASSES[sram_class]

    def energy(x: Context) -> Floats:
        if not v.busy(x, *_MOVED):
            return v.nothing(x)
        at = (sram_class, x.n("operand_B"), x.p(_NODE), x.p(_WORD))
        return x.n("operand_reads") * sram.read_J_per_bit(*at) + x.n("operand_writes") * sram.write_J_per_bit(
            *at
        )

    def latency(x: Context) -> Floats:
        if not v.busy(x, "operand_reads"):
            return v.nothing(x)
        one = sram.access_time_s(sram_class, x.n("operand_B"), x.p(_NODE), x.p(_WORD), x.p("clock_Hz"))
        return np.maximum(0.0, _words(x) * one - clocks(x) * (1.0 / x.p("clock_Hz")))

    def area(x: Context) -> Floats:
        if not v.busy(x, "operand_B"):
            return v.nothing(x)
        return _bits(x) * sram.area_m2_per_bit(x.n("operand_B"), x.p(_NODE))

    def leakage(x: Context) -> Floats:
        if not v.busy(x, "operand_B"):
            return v.nothing(x)
        return _bits(x) * sram.leakage_W_per_bit(sram_class, x.p(_NODE))

    return Parts(
        energy_J=Term(
            f"operand_reads · E_read + operand_writes · E_write, E_read = {law.read.formula}, E_write = "
            f"{law.write.formula}, KB = operand_B / 1024",
            energy,
            (*_MOVED, "operand_B"),
            (_NODE, _WORD),
            (law.read.k, law.write.k),
        ),
        latency_s=Term(
            f"max(0, ⌈operand_reads / (tiles · word_bits)⌉ · max(1 / clock, {law.access.formula}) − {CLOCKS} / clock)",
            latency,
            ("operand_reads", "operand_B", *CLOCK_EVENTS),
            (_NODE, _WORD, "clock_Hz", *v.PATHS),
            (law.access.k,),
        ),
        area_m2=Term(
            "tiles · 8 · operand_B · 0.262 µm² · (node/32 nm)^1.92 (x1.6 at 1 KB, x1 from 4 KB)",
            area,
            ("tiles", "operand_B"),
            (_NODE,),
            sram.AREA,
        ),
        leakage_W=Term(
            f"tiles · 8 · operand_B · P_bit(node), CACTI 7 table of the class {sram_class}",
            leakage,
            ("tiles", "operand_B"),
            (_NODE,),
            law.leakage,
        ),
    )


def _moved(x: Context) -> Floats:
    return x.n("operand_reads") + x.n("operand_writes")


def _memories(x: Context) -> Floats:
    return np.where(x.n("operand_B") > 0.0, x.n("tiles"), 0.0)


OPERAND_MEMORY = Component(
    name="operand_memory",
    group="memory",
    summary="SRAM that holds operands of run time for digital multipliers",
    parts={name: _parts(name) for name in sram.CLASSES},
    choose="technology.sram",
    event=Count("one bit read or written", _moved, _MOVED),
    turn=Count("one word", _words, ("operand_reads", "tiles"), (_WORD,)),
    instance=Count("one memory", _memories, ("operand_B", "tiles")),
    spread=1.5,
)
