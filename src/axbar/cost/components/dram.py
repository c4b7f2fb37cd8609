"""DRAM beside the chip: where the network's input comes from, its output goes to, and what else fits nowhere.

    E = (reads + writes) * E_bit,     t = (reads + writes) / (width_bits * transfer_Hz),
    reads = external + o (both + again),     writes = leaving + o both

with the terms of ``_spill``. Energy per bit as published, interface included, at the memory's own node; published
figures of one standard differ by a factor of 2 (LPDDR4: 8 pJ/bit here, some 4 pJ/bit in other quotes), which is
more than most architectures gain. Activation of pages, refresh and standby are taken to be in that figure.
Transfers run at the full rate of the interface. Area and leakage are not the chip's.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._spill import SPILL, SPILL_EVENTS, SPILL_PATHS, spill
from axbar.cost.constants import Constant

__all__ = ["DRAM", "KINDS"]

_CACTI = "Accelergy-Project/hwcomponents-cacti hwcomponents_cacti.py (MIT)"
KINDS = {
    "hbm2": Constant(
        "dram.hbm2.energy", 3.92e-12, "J/bit", "O'Connor et al., MICRO 2017, via third-party notes", "sec",
        note="1.21 activate + 2.24 on-die movement + 0.30 I/O, and error correction",
    ),
    "hbm3": Constant("dram.hbm3.energy", 4.05e-12, "J/bit", _CACTI, "code"),
    "lpddr4": Constant("dram.lpddr4.energy", 8e-12, "J/bit", _CACTI, "code", note="other quotes: 4 pJ/bit"),
    "gddr5": Constant(
        "dram.gddr5.energy", 14e-12, "J/bit", "O'Connor et al., MICRO 2017, via third-party notes", "sec"
    ),
    "ddr3": Constant(
        "dram.ddr3.energy", 70e-12, "J/bit", f"Chatterjee et al., MICRO 2017, via {_CACTI}", "code"
    ),
}  # fmt: skip

_RATE = ("dram.width_bits", "dram.transfer_Hz")


def _moved(x: Context) -> Floats:
    found = spill(x)
    return found.external + found.leaving + found.overflow * (2.0 * found.both + found.again)


def _latency(x: Context) -> Floats:
    return _moved(x) / (x.p(_RATE[0]) * x.p(_RATE[1]))


def _parts(bit: Constant) -> Parts:
    def energy(x: Context) -> Floats:
        return _moved(x) * x.c(bit)

    moved = f"network input + leaving + o · (2 · (entering + states) + again), {SPILL}"
    return Parts(
        energy_J=Term(f"({moved}) · E_bit", energy, SPILL_EVENTS, SPILL_PATHS, (bit,)),
        latency_s=Term(
            f"({moved}) / (width_bits · transfer_Hz)", _latency, SPILL_EVENTS, (*SPILL_PATHS, *_RATE)
        ),
    )


DRAM = Component(
    name="dram",
    group="memory",
    summary="DRAM beside the chip: network input and output, what fits nowhere else",
    parts={"none": Parts(), **{name: _parts(bit) for name, bit in KINDS.items()}},
    choose="dram.kind",
    event=Count("one bit moved", _moved, SPILL_EVENTS, SPILL_PATHS),
    turn=Count("one bit moved", _moved, SPILL_EVENTS, SPILL_PATHS),
    instance=None,
    spread=2.0,
)
