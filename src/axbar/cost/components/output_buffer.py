"""Output buffer: the SRAM of a tile that holds finished outputs and parked partial sums.

Outputs (one bit per neuron and step, or the bits of a real value) are written once and read once when they
leave. Partial sums that cross from one tile to another, sums from other layers that are added here, and the
held sums of a layer that runs once and drives its neurons on every step are written and read at their full
width. Energy per bit, area and leakage: ``sram``. Latency: the words written and the parked and held sums read
back, through one port, shared by the tiles of the layer; outputs are read while they leave over the slower link.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats
from axbar.cost.components import sram
from axbar.cost.components._buffer import buffer_parts, instances
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, sum_bits

__all__ = ["OUTPUT_BUFFER"]


def _writes(x: Context) -> Floats:
    return x.n("output_bits") + x.n("final_values") * sum_bits(x) + x.n("sums_written") * sum_bits(x)


def _reads(x: Context) -> Floats:
    return x.n("output_bits") + x.n("final_values") * sum_bits(x) + x.n("sums_read") * sum_bits(x)


def _moved(x: Context) -> Floats:
    return _writes(x) + _reads(x)


def _accesses(x: Context) -> Floats:
    width = sum_bits(x)
    sums = (x.n("final_values") + x.n("sums_written") + x.n("sums_read")) * width
    return np.ceil((x.n("output_bits") + sums) / (x.n("tiles") * x.p("buffer.word_bits")))


_MOVED = ("output_bits", "final_values", "sums_written", "sums_read", *SUM_EVENTS)

OUTPUT_BUFFER = Component(
    name="output_buffer",
    group="memory",
    summary="SRAM of a tile for outputs and parked partial sums",
    parts={
        name: buffer_parts(
            name,
            "buffer.output_B",
            reads=("output_bits + (final_values + sums_read) · w", _reads),
            writes=("output_bits + (final_values + sums_written) · w, w = adc.bits + carry_bits", _writes),
            accesses=("⌈(written bits + sums_read · w) / (tiles · word_bits)⌉", _accesses),
            energy_reads=(_MOVED, SUM_PATHS),
            access_reads=((*_MOVED, "tiles"), ("buffer.word_bits", *SUM_PATHS)),
        )
        for name in sram.CLASSES
    },
    choose="technology.sram",
    event=Count("one bit read or written", _moved, _MOVED, SUM_PATHS),
    turn=Count("one word", _accesses, (*_MOVED, "tiles"), ("buffer.word_bits", *SUM_PATHS)),
    instance=Count("one buffer", instances, ("tiles",)),
    spread=1.5,
)
