"""What one operation of a dual-sparse accelerator costs: the published unit powers, taken apart.

LoAS (Yin et al., MICRO 2024) synthesised its units at 32 nm with a cycle of 2.5 ns. A power P of a unit that works in
every cycle is an energy P * 2.5 ns = E per operation (the authors add these picojoules to nanojoules; here all is in
joules). One temporal-parallel PE (TPPE, T = 4) of 2.321 mW splits into

    fast prefix sum 51.8 %   laggy 11.4 %   buffers and masks 31.2 %   accumulator 1.3 %   4 corrections 4.3 %

Masks are registers (two of 128 bits, from the 16-bit register of 0.0301 mW); what the masks leave of the 31.2 % is the
buffers' share. A PE for 16 steps takes 1.25 times the power and 1.37 times the area of one for 4; what 12 more
corrections leave of that is what a buffer takes per step of a word. Of the buffers' area the two FIFOs of a TPPE
are two published 16-bit FIFOs at depth 8 (entries of 16 bits: assumed), and grow in proportion to their depth. Energy
stays that of depth 8: one such FIFO in every cycle (0.4625 mW) would take more than all buffers do (0.243 mW), so that
the source does not say which share of a match is the FIFOs'. Areas are split by the published primitives:
fast prefix sum 11.125 * (24-bit accumulator + 8-bit multiplier), laggy 16 3-bit adders and a 128-bit register.

PEs of the other dataflows: SparTen has the published 2.460 mW with one fast prefix sum; GoSPA's 1.34 * 1.3 pJ and
Gamma's 4.98 * 6/8 pJ per operation are, less an accumulation, what scattering or merging takes; PTB's PE is an
accumulator and a register of one weight (0.138 pJ; published: 0.148).

The published system of 16 TPPEs splits into PEs 23.9 %, cache 65.9 %, rest 10.2 %: 189 mW, of which the cache's share
is its leakage alone (16 x 7.78 mW). The rest (order of tiles, distribution, neurons) is carried to other dataflows in
proportion to what their PEs take when they work: a network that feeds an 8-bit weight to a small PE is not as wide as
one that feeds two masks of 128 bits to a TPPE.

Areas are the source's, too: a GoSPA PE of 0.386 mm2 is ten TPPEs, and 16 of them 6.2 mm2; its published 31.5 mW do not
agree with its published 1.34 x 1.3 pJ per operation (0.70 mW), which is what is used here. Published powers hold at
400 MHz (2.5 ns), published times at 800 MHz; energies per operation are the same at both, powers are not.

Checked: a busy TPPE takes 5.80 pJ and 0.0375 mm2, 16 of them with cache and rest 189 mW at 2.5 ns.
"""

from __future__ import annotations

from typing import Final

from axbar.cost.constants import Constant

__all__ = [
    "ACCUMULATE_J", "ACCUMULATOR_M2", "BUFFER_BASE_J", "BUFFER_BASE_M2", "BUFFER_STEP_J", "BUFFER_STEP_M2",
    "BUSY_J", "CACHE_BANK_W", "CACHE_LINE_J", "CACHE_M2", "CONTROL", "CORRECT_J", "FAST_J", "FAST_M2", "FIFO_M2",
    "FIFO_W_M2", "GAMMA_J", "GAMMA_M2", "GOSPA_J", "GOSPA_M2", "LAGGY_ADDER_M2", "LAGGY_J", "LOGIC_W_M2", "REGISTER_J",
    "REGISTER_M2", "SPARTEN_BUFFER_J", "SPARTEN_BUFFER_M2",
]  # fmt: skip

_NODE_m, _SUPPLY_V, _CYCLE_s = 32e-9, 0.97, 2.5e-9
_LOAS: Final = "LoAS (Yin et al., MICRO 2024): unit synthesised at 32 nm, 2.5 ns"
_MM2: Final = 1e-6

#: mW and mm2 of the published table
_TPPE_mW, _SPARTEN_mW = 2.321, 2.460
_TPPE_mm2, _SPARTEN_mm2, _GOSPA_mm2, _GAMMA_mm2 = 0.0375, 0.0366, 0.386, 0.0194
_LEAK_mW = 0.495
#: as published per operation, over a cycle
_GOSPA_mW, _GAMMA_mW, _PTB_mW = 1.34 * 1.3 / 2.5, 4.98 * 6 / 8 / 2.5, 0.148 / 2.5
_ACC16_mW, _REG16_mW = 0.0389, 0.0301
_ACC16_mm2, _REG16_mm2, _ADD16_mm2, _MUL16_mm2 = 0.000488, 0.000176, 0.000306, 0.002456
_FIFO16_mm2, _FIFO16_LEAK_mW = 0.00330, 0.0658
_MASK_BITS, _ACCUMULATOR_BITS, _CORRECTION_BITS, _STEPS = 128, 12, 10, 4
#: a PE for 16 steps over one for 4
_POWER_16, _AREA_16 = 1.25, 1.37


def _energy(name: str, mW: float, unit: str, note: str, confidence: str = "inf") -> Constant:
    return Constant(
        f"sparse.{name}.energy", mW * 1e-3 * _CYCLE_s, unit, _LOAS, confidence,  # pyright: ignore[reportArgumentType]
        "digital energy", _NODE_m, _SUPPLY_V, note=f"{note}; supply assumed nominal",
    )  # fmt: skip


def _area(name: str, mm2: float, unit: str, note: str) -> Constant:
    return Constant(f"sparse.{name}.area", mm2 * _MM2, unit, _LOAS, "inf", "digital area", _NODE_m, note=note)


_FAST_mW, _LAGGY_mW = 0.518 * _TPPE_mW, 0.114 * _TPPE_mW
_ACCUMULATOR_mW = 0.013 * _TPPE_mW
_MASKS_mW = 2 * _MASK_BITS / 16 * _REG16_mW
_BUFFERS_mW = 0.312 * _TPPE_mW - _MASKS_mW
_CORRECTION_mW = 0.043 * _TPPE_mW / _STEPS
_BUFFER_STEP_mW = (_POWER_16 - 1) * _TPPE_mW / (16 - _STEPS) - _CORRECTION_mW

FAST_J = _energy("prefix.fast", _FAST_mW, "J/match", "51.8 % of a TPPE of 2.321 mW; 128 bits, linear in them")
LAGGY_J = _energy("prefix.laggy", _LAGGY_mW, "J/match", "11.4 % of a TPPE; 128 bits, linear in them")
ACCUMULATE_J = _energy("accumulate", _ACCUMULATOR_mW / _ACCUMULATOR_BITS, "J/bit", "1.3 % of a TPPE, 12 bits")
CORRECT_J = _energy(
    "correct", _CORRECTION_mW / _CORRECTION_BITS, "J/bit", "4.3 % of a TPPE, four accumulators of 10 bits"
)
REGISTER_J = _energy("register", _REG16_mW / 16, "J/bit", "16-bit register, 0.0301 mW; linear in bits")
BUFFER_STEP_J = _energy(
    "buffer.step", _BUFFER_STEP_mW, "J/match/step", "1.25 times the power for 16 steps, less 12 corrections"
)
BUFFER_BASE_J = _energy(
    "buffer.base", _BUFFERS_mW - _STEPS * _BUFFER_STEP_mW, "J/match",
    "31.2 % of a TPPE, less its masks and four steps of a word",
)  # fmt: skip
SPARTEN_BUFFER_J = _energy(
    "sparten.buffer", _SPARTEN_mW - _FAST_mW - _MASKS_mW - _ACCUMULATOR_mW, "J/match",
    "SparTen PE of 2.460 mW, less a fast prefix sum, two masks and an accumulator",
)  # fmt: skip
GOSPA_J = _energy(
    "gospa.scatter",
    _GOSPA_mW - _ACCUMULATOR_mW,
    "J/match",
    "1.34 x 1.3 pJ per operation, less an accumulation",
)
GAMMA_J = _energy(
    "gamma.merge",
    _GAMMA_mW - _ACCUMULATOR_mW,
    "J/match",
    "4.98 x 6/8 pJ per operation, less an accumulation",
)
_SYSTEM_mW = 16 * (_TPPE_mW + _LEAK_mW) / 0.239
CONTROL = Constant(
    "sparse.control.share", 0.102 * _SYSTEM_mW / (16 * _TPPE_mW), "1", _LOAS, "inf",
    note="'rest', 10.2 % of a system of which 16 PEs with their leakage are 23.9 %, over the dynamic power of the PEs; "
    "holds neurons too",
)  # fmt: skip
_BUSY: Final = {
    "loas": (_TPPE_mW, "TPPE of 2.321 mW"),
    "loas-nmtk": (_TPPE_mW, "TPPE of 2.321 mW"),
    "sparten": (_SPARTEN_mW, "SparTen PE of 2.460 mW"),
    "gospa": (_GOSPA_mW, "1.34 x 1.3 pJ per operation"),
    "gamma": (_GAMMA_mW, "4.98 x 6/8 pJ per operation"),
    "ptb": (_PTB_mW, "0.148 pJ per operation"),
}
#: dataflow -> energy of a PE that works, per cycle
BUSY_J = {name: _energy(f"pe.{name}", mW, "J/PE/cycle", note) for name, (mW, note) in _BUSY.items()}

_FAST_mm2 = 11.125 * (_ACC16_mm2 * 24 / 16 + _MUL16_mm2 * (8 / 16) ** 2)
_LAGGY_mm2 = 16 * _ADD16_mm2 * 3 / 16 + _MASK_BITS / 16 * _REG16_mm2
_MASKS_mm2 = 2 * _MASK_BITS / 16 * _REG16_mm2
_ACCUMULATOR_mm2 = _ACCUMULATOR_BITS / 16 * _ACC16_mm2
_CORRECTION_mm2 = _CORRECTION_BITS / 16 * _ACC16_mm2
_BUFFER_STEP_mm2 = (_AREA_16 - 1) * _TPPE_mm2 / (16 - _STEPS) - _CORRECTION_mm2
_BUFFERS_mm2 = _TPPE_mm2 - _FAST_mm2 - _LAGGY_mm2 - _MASKS_mm2 - _ACCUMULATOR_mm2 - _STEPS * _CORRECTION_mm2

FAST_M2 = _area(
    "prefix.fast", _FAST_mm2, "m2", "11.125 (24-bit accumulator + 8-bit multiplier), 128 bits, linear in them"
)
LAGGY_ADDER_M2 = _area(
    "prefix.laggy.adder", _ADD16_mm2 * 3 / 16, "m2/adder", "3-bit adder, beside a register"
)
ACCUMULATOR_M2 = _area(
    "accumulator", _ACC16_mm2 / 16, "m2/bit", "16-bit accumulator, 0.000488 mm2; linear in bits"
)
REGISTER_M2 = _area("register", _REG16_mm2 / 16, "m2/bit", "16-bit register, 0.000176 mm2; linear in bits")
BUFFER_STEP_M2 = _area(
    "buffer.step", _BUFFER_STEP_mm2, "m2/step", "1.37 times the area for 16 steps, less 12 corrections"
)
BUFFER_BASE_M2 = _area(
    "buffer.base",
    _BUFFERS_mm2 - _STEPS * _BUFFER_STEP_mm2,
    "m2",
    "what the other parts leave of a TPPE of 0.0375 mm2",
)
FIFO_M2 = _area(
    "fifo", 2 * _FIFO16_mm2, "m2", "two 16-bit FIFOs of 0.00330 mm2 at depth 8; 16-bit entries assumed"
)
FIFO_W_M2 = Constant(
    "sparse.fifo.leakage", _FIFO16_LEAK_mW * 1e-3 / (_FIFO16_mm2 * _MM2), "W/m2", _LOAS, "inf",
    note="0.0658 mW of a 16-bit FIFO over its area; 16-bit entries assumed",
)  # fmt: skip
SPARTEN_BUFFER_M2 = _area(
    "sparten.buffer", _SPARTEN_mm2 - _FAST_mm2 - _MASKS_mm2 - _ACCUMULATOR_mm2, "m2",
    "what the other parts leave of a SparTen PE of 0.0366 mm2",
)  # fmt: skip
GOSPA_M2 = _area(
    "gospa.scatter", _GOSPA_mm2 - _ACCUMULATOR_mm2, "m2", "GoSPA PE of 0.386 mm2, less an accumulator"
)
GAMMA_M2 = _area(
    "gamma.merge", _GAMMA_mm2 - _ACCUMULATOR_mm2, "m2", "Gamma PE of 0.0194 mm2, less an accumulator"
)
LOGIC_W_M2 = Constant(
    "sparse.logic.leakage", _LEAK_mW * 1e-3 / (_TPPE_mm2 * _MM2), "W/m2", _LOAS, "inf",
    note="0.495 mW of a TPPE over its area; SparTen's and Gamma's PEs have 1.03 and 1.25 times as much",
)  # fmt: skip

_CACTI: Final = "LoAS (Yin et al., MICRO 2024): CACTI 7, 256 KB in 16 banks, 32-byte lines, 32 nm"
CACHE_LINE_J = Constant(
    "sparse.cache.line.energy", 0.0681e-9, "J/line", _CACTI, "code",
    note="mean of a read (0.0648 nJ) and a write (0.0712 nJ); moved by the SRAM fit to other sizes",
)  # fmt: skip
CACHE_M2 = Constant(
    "sparse.cache.area", 1.147e-6 / (256 * 1024 * 8), "m2/bit", _CACTI, "code",
    note="1.147 mm2 in all; moved by the SRAM fit to other sizes",
)  # fmt: skip
CACHE_BANK_W = Constant(
    "sparse.cache.leakage", 7.78e-3 / (16 * 1024 * 8), "W/bit", _CACTI, "code",
    note="7.78 mW per bank; moved by the table of the SRAM class to other nodes and classes",
)  # fmt: skip
