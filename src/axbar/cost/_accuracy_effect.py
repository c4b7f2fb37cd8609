"""Whether a change of the chip may move accuracy, and why: what the accuracy model reads is told from what it doesn't.

``yes``: the network on arrays is computed with this quantity, so that the accuracy has to be measured again.
``no``: it decides where and when the same arithmetic is done, not what comes out. ``unknown``: silicon would feel
it, but the accuracy model does not know it, so that no measurement here can tell; and whatever no rule speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

__all__ = ["Effect", "effect_of", "effect_of_path"]

Effect = Literal["no", "yes", "unknown"]

#: path or the block before its first dot -> effect and reason; the path is looked up first
_RULES: Final[dict[str, tuple[Effect, str]]] = {
    "device": ("yes", "other cells: levels, noise and drift"),
    "crossbar": ("yes", "another cut of weights and sums, so other rounding and wire drops"),
    "input": ("yes", "numbers are driven with other digits"),
    "wires": ("yes", "other wire drops"),
    "read.v_read_V": ("yes", "cells are bent and noisy in another way at another voltage"),
    "read.t_read_s": ("unknown", "settling and noise bandwidth are not modelled"),
    "read.mode": ("unknown", "errors of current mirrors are not modelled"),
    "adc.bits": ("yes", "sums are rounded otherwise"),
    "adc.calibration": ("yes", "sums are clipped otherwise"),
    "adc.inl_lsb": ("yes", "converters bend otherwise"),
    "adc.kind": ("no", "same resolution; errors of a converter's own are set by adc.inl_lsb"),
    "adc.cols_per_adc": ("no", "the same columns take turns on more or fewer converters"),
    "adc.sample_rate_Hz": ("no", "same resolution, another pace"),
    "technology.vdd_V": ("unknown", "circuit noise and timing margins are not modelled"),
    "technology.node_m": ("unknown", "circuit noise and mismatch are not modelled"),
    "technology.sram": ("no", "the same bits in other memory cells"),
    "neuron.membrane_bits": ("unknown", "membranes are computed at full precision here"),
    "neuron.units_per_tile": ("no", "the same updates, more or fewer at a time"),
    "neuron.membrane_B": ("no", "the same bits in other memories"),
    "units": ("no", "the same operations, more or fewer at a time"),
    "mapping.layout": ("yes", "other sums share an array, so other rounding and wire drops"),
    "mapping": ("no", "the same arithmetic in another place or order"),
    "run_time": ("yes", "products of run-time operands are written, rounded and clipped otherwise"),
    "tile": ("no", "the same arrays in other groups"),
    "chip": ("no", "does not enter the arithmetic"),
    "buffer": ("no", "the same bits in other memories"),
    "dram": ("no", "the same bits in other memories"),
    "array": ("no", "the same products on another grid"),
    "dataflow": ("no", "the same products in another order"),
    "gating": ("no", "products with zero are zero, computed or not"),
    "weight_bits": ("yes", "weights are rounded otherwise"),
    "spike_bits": ("no", "the same spikes in wider words"),
    "memory": ("no", "the same bits in other memories"),
    "cache": ("no", "the same bits in other memories"),
    "pe": ("no", "the same products on more or fewer units, in other words"),
    "pe.accumulator_bits": ("unknown", "overflow of accumulators is not modelled"),
    "pe.correction_bits": ("unknown", "overflow of accumulators is not modelled"),
    "tile.batch": ("no", "the same products in other tiles"),
    "tile.chunk": ("no", "the same products in other tiles"),
    "balance": ("no", "the same products on other units"),
    "prefix": ("no", "the same products, found by other circuits"),
    "training": ("unknown", "rounding of gradients is not modelled"),
    "neuron.units": ("no", "the same updates, more or fewer at a time"),
    "interconnect": ("no", "the same bits over other wires"),
    "clock_Hz": ("no", "the same logic at another pace; whether it reaches it is not checked"),
}

_UNRULED: Final[tuple[Effect, str]] = ("unknown", "no rule says whether accuracy depends on it")
_ORDER: Final = ("no", "unknown", "yes")


def effect_of_path(path: str) -> tuple[Effect, str]:
    """Return whether one quantity may move accuracy, and why.

    >>> effect_of_path("adc.cols_per_adc")[0], effect_of_path("crossbar.rows")[0]
    ('no', 'yes')
    """
    return _RULES.get(path) or _RULES.get(path.partition(".")[0]) or _UNRULED


def effect_of(paths: Iterable[str]) -> tuple[Effect, str]:
    """Return the strongest effect among several quantities, with its reason."""
    return max((effect_of_path(path) for path in paths), key=lambda e: _ORDER.index(e[0]), default=_UNRULED)
