"""SRAM macros: energy per bit, access time, area, leakage by capacity, word, node and transistor class.

Power laws fitted to own CACTI 7 runs (scratch RAM, one read/write port, 350 K, energy-optimised; 1 KB to 1
MB, words of 32 and 128 bits, 22 to 90 nm; 60 points per class):

    y = K * KB^p * (node / 32 nm)^q * (word / 32 bits)^s,

``KB`` the capacity in KiB. Residual (5-95 % of the fitted points): read x0.7..1.5, write x0.85..1.2, time
x0.8..1.3. Energy follows CACTI's own supply at each node, not ``technology.vdd_V``. Capacities below 1 KiB
cost as much per bit as 1 KiB.

Area is 0.262 um2/bit * (node/32 nm)^1.92, x1.6 for 1 KiB falling to x1 at 4 KiB (on a log axis: a step at 4
KiB would let area shrink when bits are added). Below 22 nm cells shrink less than that law: log-log from
CACTI at 22 nm to the foundry's 7 nm bit cell at 60 % array efficiency.

Leakage is looked up, not fitted: CACTI's device tables jump between nodes, and the classes differ by
300-6000x. Between nodes it is interpolated in log-log, outside 22..90 nm the end value holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = [
    "AREA", "CLASSES", "Fit", "SramClass", "access_time_s", "area_m2_per_bit", "fit", "leakage_W_per_bit",
    "read_J_per_bit", "write_J_per_bit",
]  # fmt: skip

_CACTI: Final = (
    "own CACTI 7 runs (built from the sources shipped with KULeuven-MICAS/zigzag-imc): scratch RAM, 350 K, "
    "1 KB to 1 MB, 32 and 128 bit, 22 to 90 nm"
)
_NODES_m: Final = (22e-9, 32e-9, 45e-9, 65e-9, 90e-9)


@dataclass(frozen=True)
class Fit:
    """``y = k * KB^p * (node/32 nm)^q * (word/32)^s``."""

    k: Constant
    p: float
    q: float
    s: float

    @property
    def formula(self) -> str:
        """The law as text."""
        powers = f"KB^{self.p:g} · (node/32 nm)^{self.q:g} · (word/32)^{self.s:g}"
        return f"{self.k.value:.4g} {self.k.unit} · {powers}"


@dataclass(frozen=True)
class SramClass:
    """One class of transistors: HP fast, LOP low operating power, LSTP low standby power."""

    read: Fit
    write: Fit
    access: Fit
    leakage: tuple[Constant, ...]


def _fit(name: str, unit: str, k: float, p: float, q: float, s: float) -> Fit:
    note = f"fit y = K · KB^{p:g} · (node/32 nm)^{q:g} · (word/32)^{s:g}"
    return Fit(Constant(f"sram.{name}", k, unit, _CACTI, "run", note=note), p, q, s)


def _class(
    name: str,
    read: tuple[float, float, float, float],
    write: tuple[float, float, float, float],
    access: tuple[float, float, float, float],
    leakage: tuple[float, ...],
) -> SramClass:
    return SramClass(
        read=_fit(f"{name}.read", "J/bit", *read),
        write=_fit(f"{name}.write", "J/bit", *write),
        access=_fit(f"{name}.access", "s", *access),
        leakage=tuple(
            Constant(f"sram.{name}.leakage.{node * 1e9:.0f}nm", value, "W/bit", _CACTI, "run", node_m=node)
            for node, value in zip(_NODES_m, leakage, strict=True)
        ),
    )


CLASSES: Final = {
    "HP": _class(
        "HP",
        read=(23.61e-15, 0.563, 1.740, -0.550),
        write=(30.89e-15, 0.439, 1.808, -0.233),
        access=(0.1306e-9, 0.327, 1.053, -0.026),
        leakage=(20.2e-9, 42.3e-9, 138.6e-9, 140.3e-9, 44.9e-9),
    ),
    "LOP": _class(
        "LOP",
        read=(15.22e-15, 0.544, 1.801, -0.506),
        write=(15.35e-15, 0.461, 1.912, -0.269),
        access=(0.3001e-9, 0.279, 1.138, -0.026),
        leakage=(26.2e-9, 15.1e-9, 1.845e-9, 4.82e-9, 36.8e-9),
    ),
    "LSTP": _class(
        "LSTP",
        read=(26.28e-15, 0.577, 1.770, -0.478),
        write=(35.60e-15, 0.453, 1.952, -0.261),
        access=(0.5594e-9, 0.239, 0.923, -0.029),
        leakage=(0.0675e-9, 0.027e-9, 0.024e-9, 0.0315e-9, 0.0185e-9),
    ),
}

_AREA_FIT: Final = Constant(
    "sram.area", 0.262e-12, "m2/bit", _CACTI, "run", note="at 32 nm; · (node/32 nm)^1.92"
)
_BITCELL_7: Final = Constant(
    "sram.bitcell.7nm", 0.027e-12, "m2/bit", "TSMC N7 high-density bit cell, WikiChip Fuse 2019", "sec",
    node_m=7e-9, note="0.6 of the macro area is cells",
)  # fmt: skip
#: what ``area_m2_per_bit`` rests on
AREA: Final = (_AREA_FIT, _BITCELL_7)

_ARRAY_EFFICIENCY: Final = 0.6
_LN_22_nm: Final = float(np.log(22.0))
_LN_32_nm: Final = float(np.log(32.0))
_LN_7_nm: Final = float(np.log(7.0))
_AREA_EXPONENT: Final = 1.92
_LN_AREA_22: Final = float(np.log(_AREA_FIT.value)) + _AREA_EXPONENT * (_LN_22_nm - _LN_32_nm)
_LN_AREA_7: Final = float(np.log(_BITCELL_7.value / _ARRAY_EFFICIENCY))
_SMALL_FACTOR: Final = 1.6


def fit(law: Fit, capacity_B: Floats, node_m: Floats, word_bits: Floats) -> Floats:
    """Evaluate a fitted law; arguments broadcast. Capacities below 1 KiB count as 1 KiB."""
    ln_kb = np.log(np.maximum(capacity_B / 1024.0, 1.0))
    ln_node = np.log(node_m * 1e9) - _LN_32_nm
    ln_word = np.log(word_bits / 32.0)
    return law.k.value * np.exp(law.p * ln_kb + (law.q * ln_node + law.s * ln_word))


def read_J_per_bit(sram_class: str, capacity_B: Floats, node_m: Floats, word_bits: Floats) -> Floats:
    """Return the energy of reading one bit of a word.

    >>> one = np.ones(1)
    >>> float(read_J_per_bit("HP", 1024 * one, 32e-9 * one, 32 * one)[0])
    2.361e-14
    """
    return fit(CLASSES[sram_class].read, capacity_B, node_m, word_bits)


def write_J_per_bit(sram_class: str, capacity_B: Floats, node_m: Floats, word_bits: Floats) -> Floats:
    """Return the energy of writing one bit of a word."""
    return fit(CLASSES[sram_class].write, capacity_B, node_m, word_bits)


def access_time_s(
    sram_class: str, capacity_B: Floats, node_m: Floats, word_bits: Floats, clock_Hz: Floats
) -> Floats:
    """Return the time of one access: the macro's own, at least one clock."""
    return np.maximum(1.0 / clock_Hz, fit(CLASSES[sram_class].access, capacity_B, node_m, word_bits))


def area_m2_per_bit(capacity_B: Floats, node_m: Floats) -> Floats:
    """Return macro area per bit, periphery included; it falls from 1 to 4 KiB."""
    ln_node = np.log(node_m * 1e9)
    large = np.log(_AREA_FIT.value) + _AREA_EXPONENT * (ln_node - _LN_32_nm)
    slope = (_LN_AREA_22 - _LN_AREA_7) / (_LN_22_nm - _LN_7_nm)
    fine = _LN_AREA_7 + slope * (ln_node - _LN_7_nm)
    ln_area = np.where(ln_node < _LN_22_nm, fine, large)
    small = np.clip(np.log(4096.0 / np.maximum(capacity_B, 1024.0)) / np.log(4.0), 0.0, 1.0)
    return np.exp(ln_area + np.log(_SMALL_FACTOR) * small)


def leakage_W_per_bit(sram_class: str, node_m: Floats) -> Floats:
    """Return leakage per bit at 350 K, from CACTI's table of the class."""
    table = [c.value for c in CLASSES[sram_class].leakage]
    return np.exp(np.interp(np.log(node_m), np.log(_NODES_m), np.log(table)))
