"""What surrounds the processing elements of a dual-sparse accelerator: control, cache, DRAM, neurons, leakage.

    control   E = pe_cycles r E_PE             t = cycles / clock
    cache     E = cache_bits / (8 line_B) E_line     read and written; published line, moved by the SRAM fit
    dram      E = dram_bits E_bit            t = max(0, dram_bits / (width_bits transfer_Hz) - cycles / clock)
    lif       E = updates b (E_bit + 2 C_FF V_DD^2),       b = membrane_bits, all steps of an output at once
    leakage   E = leakage power of the chip * time of the layer

Control is the published system's "rest" over the dynamic power of the PEs that it serves, r = 0.52, times what a PE of
the dataflow takes in a cycle in which it works (``prices``). It runs in every cycle, whether PEs find matches or not. A
rate per PE alone would charge the 64 small PEs of PTB's array as much as 64 TPPEs.

Transfers run beside the computation (double buffering: assumed), so that DRAM delays a layer only by what it takes
longer; with ``fidelity: published`` memory never delays, as in the published cycles. The cache follows LoAS's CACTI 7
run (256 KB, 16 banks, 32-byte lines, HP transistors taken) times the ratio of the SRAM fit of ``axbar.cost`` at this
size to the fit at that size. All lines are taken as full.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import LEAKAGE_SPREAD, Component, Context, Count, Floats, Parts, Term, add_up
from axbar.cost.components import sram
from axbar.cost.components.dram import KINDS
from axbar.cost.components.lif import UNIT_AREA_M2, UPDATE_J
from axbar.cost.constants import DFF_F, Constant
from axbar.cost.sparse import prices as price
from axbar.cost.sparse.pe_parts import leaks

__all__ = ["CACHE", "CONTROL", "DRAM", "LEAKAGE", "LIF"]

_CLOCK, _NODE = "clock_Hz", "technology.node_m"
_SIZE, _BANKS, _LINE = "cache.capacity_B", "cache.banks", "cache.line_B"
_WIDTH, _RATE = "dram.width_bits", "dram.transfer_Hz"
_MEMBRANE, _STEPS = "neuron.membrane_bits", "pe.steps"
_LEVELS = ("published", "join", "pipeline")

#: where the published figures of the cache hold
_BANK_B, _NODE_m, _WORD_bits = np.array([16384.0]), np.array([32e-9]), np.array([256.0])


def _cycles(x: Context) -> Floats:
    return x.n("cycles")


def _compute_s(x: Context) -> Floats:
    return x.n("cycles") * (1.0 / x.p(_CLOCK))


def _control_parts(busy: Constant) -> Parts:
    def energy(x: Context) -> Floats:
        return x.n("pe_cycles") * (x.c(price.CONTROL) * x.c(busy))

    return Parts(
        energy_J=Term("pe_cycles · r · E_PE", energy, ("pe_cycles",), (), (price.CONTROL, busy)),
        latency_s=Term("cycles / clock", _compute_s, ("cycles",), (_CLOCK,)),
    )


CONTROL = Component(
    "control", "digital", "order of the tiles and distribution to the PEs; the cycles of the computation",
    {name: _control_parts(busy) for name, busy in price.BUSY_J.items()},
    Count("one cycle", _cycles, ("cycles",)), Count("one cycle", _cycles, ("cycles",)), None, 2.0, "dataflow",
)  # fmt: skip


def _lines(x: Context) -> Floats:
    return x.n("cache_bits") / (8.0 * x.p(_LINE))


def _bank_B(x: Context) -> Floats:
    return x.p(_SIZE) / x.p(_BANKS)


def _cache_bits(x: Context) -> Floats:
    return x.n("share") * (8.0 * x.p(_SIZE))


def _cache_area(x: Context) -> Floats:
    here, there = sram.area_m2_per_bit(_bank_B(x), x.p(_NODE)), sram.area_m2_per_bit(_BANK_B, _NODE_m)
    return _cache_bits(x) * (x.c(price.CACHE_M2) * (here / there))


def _cache_parts(sram_class: str) -> Parts:
    law, published = sram.CLASSES[sram_class], sram.CLASSES["HP"]

    def energy(x: Context) -> Floats:
        word = 8.0 * x.p(_LINE)
        here = sram.fit(law.read, _bank_B(x), x.p(_NODE), word) * word
        there = sram.fit(published.read, _BANK_B, _NODE_m, _WORD_bits) * _WORD_bits
        return _lines(x) * (x.c(price.CACHE_LINE_J) * (here / there))

    def leakage(x: Context) -> Floats:
        here = sram.leakage_W_per_bit(sram_class, x.p(_NODE))
        return _cache_bits(x) * (x.c(price.CACHE_BANK_W) * (here / sram.leakage_W_per_bit("HP", _NODE_m)))

    return Parts(
        energy_J=Term(
            f"cache_bits / (8 · line_B) · E_line · F / F(16 KB, 32 nm, 256 bits), F = word · {law.read.formula}, "
            "KB = capacity_B / banks / 1024, word = 8 · line_B",
            energy, ("cache_bits",), (_SIZE, _BANKS, _LINE, _NODE), (price.CACHE_LINE_J, law.read.k),
        ),
        area_m2=Term(
            "8 · capacity_B · A_bit · (SRAM area per bit here / at 16 KB, 32 nm), shared by cycles",
            _cache_area, ("share",), (_SIZE, _BANKS, _NODE), (price.CACHE_M2, *sram.AREA),
        ),
        leakage_W=Term(
            f"8 · capacity_B · P_bit · (CACTI 7 table of the class {sram_class} here / HP at 32 nm), shared by cycles",
            leakage, ("share",), (_SIZE, _NODE), (price.CACHE_BANK_W, *law.leakage),
        ),
    )  # fmt: skip


CACHE = Component(
    "cache", "memory", "on-chip SRAM between DRAM and the PEs", {name: _cache_parts(name) for name in sram.CLASSES},
    Count("one line", _lines, ("cache_bits",), (_LINE,)), None, Count("one bit", _cache_bits, ("share",), (_SIZE,)),
    1.5, "technology.sram",
)  # fmt: skip


def _dram_bits(x: Context) -> Floats:
    return x.n("dram_bits")


def _stall(x: Context) -> Floats:
    moving = x.n("dram_bits") / (x.p(_WIDTH) * x.p(_RATE))
    return np.maximum(0.0, moving - x.results["latency_s"]["control"])


def _dram_parts(level: str, bit: Constant) -> Parts:
    def energy(x: Context) -> Floats:
        return x.n("dram_bits") * x.c(bit)

    moved = Term("dram_bits · E_bit", energy, ("dram_bits",), (), (bit,))
    if level == "published":
        return Parts(energy_J=moved)
    waiting = Term(
        "max(0, dram_bits / (width_bits · transfer_Hz) − time of the computation)", _stall, ("dram_bits",),
        (_WIDTH, _RATE), uses=(("control", "latency_s"),),
    )  # fmt: skip
    return Parts(energy_J=moved, latency_s=waiting)


DRAM = Component(
    "dram", "memory", "DRAM beside the chip: weights, inputs, partial sums, outputs",
    {
        f"{level}/{kind}": Parts() if kind == "none" else _dram_parts(level, KINDS[kind])
        for level in _LEVELS
        for kind in ("none", *KINDS)
    },
    Count("one bit moved", _dram_bits, ("dram_bits",)), None, None, 2.0, ("fidelity", "dram.kind"),
)  # fmt: skip


def _lif_energy(x: Context) -> Floats:
    vdd_V = x.p("technology.vdd_V")
    return x.n("lif_updates") * (x.p(_MEMBRANE) * (x.c(UPDATE_J) + 2.0 * x.c(DFF_F) * (vdd_V * vdd_V)))


def _units(x: Context) -> Floats:
    return x.n("pes") * x.p(_STEPS)


def _lif_area(x: Context) -> Floats:
    return _units(x) * (x.p(_MEMBRANE) * x.c(UNIT_AREA_M2))


def _updates(x: Context) -> Floats:
    return x.n("lif_updates")


LIF = Component(
    "lif", "neuron", "neuron update logic, unrolled over the steps of a word",
    {"": Parts(
        energy_J=Term(
            "lif_updates · membrane_bits · (E_bit + 2 · C_FF · V_DD²)", _lif_energy, ("lif_updates",),
            (_MEMBRANE, "technology.vdd_V"), (UPDATE_J, DFF_F),
        ),
        area_m2=Term(
            "pes · steps · membrane_bits · A_bit", _lif_area, ("pes",),
            (_STEPS, _MEMBRANE), (UNIT_AREA_M2,),
        ),
        leakage_W=leaks("lif"),
    )},
    Count("one neuron update", _updates, ("lif_updates",)), None,
    Count("one neuron unit", _units, ("pes",), (_STEPS,)), 1.5,
)  # fmt: skip


def _leaked(x: Context) -> Floats:
    return add_up(x.by_layer("leakage_W")) * x.busy_s()


LEAKAGE = Component(
    "leakage", "leakage", "leakage power of the whole chip over the time of each layer",
    {"": Parts(
        energy_J=Term("leakage power of the chip · time of the layer", _leaked,
                      uses=(("*", "leakage_W"), ("*", "latency_s"))),
    )},
    None, None, None, LEAKAGE_SPREAD,
)  # fmt: skip
