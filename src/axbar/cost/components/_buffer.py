"""One SRAM buffer per tile, as input or as output: the terms that both share.

    E = read_bits * E_read + write_bits * E_write,     A = tiles * 8 B * a_bit,     P = tiles * 8 B * p_bit,

with energy per bit, area and leakage of ``sram`` at the buffer's capacity B, the word width and the
transistor class.
"""

from __future__ import annotations

from collections.abc import Callable

from axbar.cost._types import Context, Floats, Parts, Term
from axbar.cost.components import sram

__all__ = ["buffer_parts", "instances"]

Traffic = Callable[[Context], Floats]


def instances(x: Context) -> Floats:
    """Return the number of tiles, ``[L, P]``."""
    return x.n("tiles")


def buffer_parts(
    sram_class: str,
    capacity: str,
    *,
    reads: tuple[str, Traffic],
    writes: tuple[str, Traffic],
    accesses: tuple[str, Traffic],
    energy_reads: tuple[tuple[str, ...], tuple[str, ...]],
    access_reads: tuple[tuple[str, ...], tuple[str, ...]],
) -> Parts:
    """Return the terms of a buffer.

    Args:
        sram_class: HP, LOP or LSTP.
        capacity: path of the capacity in bytes.
        reads, writes: formula and function of the bits moved per inference.
        accesses: formula and function of the words that are accessed one after the other.
        energy_reads, access_reads: events and paths that these functions read.
    """
    law = sram.CLASSES[sram_class]
    node, word = "technology.node_m", "buffer.word_bits"

    def energy(x: Context) -> Floats:
        e_read = sram.read_J_per_bit(sram_class, x.p(capacity), x.p(node), x.p(word))
        e_write = sram.write_J_per_bit(sram_class, x.p(capacity), x.p(node), x.p(word))
        return reads[1](x) * e_read + writes[1](x) * e_write

    def latency(x: Context) -> Floats:
        one = sram.access_time_s(sram_class, x.p(capacity), x.p(node), x.p(word), x.p("clock_Hz"))
        return accesses[1](x) * one

    def area(x: Context) -> Floats:
        bits = 8.0 * x.p(capacity)
        return x.n("tiles") * (bits * sram.area_m2_per_bit(x.p(capacity), x.p(node)))

    def leakage(x: Context) -> Floats:
        return x.n("tiles") * (8.0 * x.p(capacity) * sram.leakage_W_per_bit(sram_class, x.p(node)))

    return Parts(
        energy_J=Term(
            f"({reads[0]}) · E_read + ({writes[0]}) · E_write, E_read = {law.read.formula}, "
            f"E_write = {law.write.formula}, KB = {capacity} / 1024",
            energy,
            energy_reads[0],
            _unique(capacity, node, word, *energy_reads[1]),
            (law.read.k, law.write.k),
        ),
        latency_s=Term(
            f"{accesses[0]} · max(1 / clock, {law.access.formula})",
            latency,
            access_reads[0],
            _unique(capacity, node, word, "clock_Hz", *access_reads[1]),
            (law.access.k,),
        ),
        area_m2=Term(
            f"tiles · 8 · {capacity} · 0.262 µm² · (node/32 nm)^1.92 (x1.6 at 1 KB, x1 from 4 KB)",
            area,
            ("tiles",),
            (capacity, node),
            sram.AREA,
        ),
        leakage_W=Term(
            f"tiles · 8 · {capacity} · P_bit(node), CACTI 7 table of the class {sram_class}",
            leakage,
            ("tiles",),
            (capacity, node),
            law.leakage,
        ),
    )


def _unique(*paths: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paths))
