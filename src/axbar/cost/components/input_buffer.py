"""Input buffer: the SRAM of a tile that holds the input map and feeds the rows.

Every vector reads the rows of the arrays in a tile once per digit of the input, dac_bits bits of each row (a
word is read whether its bits are set or not); where a row tile's arrays lie on several tiles, each tile reads
its own copy. Digital multipliers take each left element once per ``units.per_tile`` outputs; an operand that is
written into arrays at run time passes through on its way, written and read once. Every input element is written once
per step into each tile that needs it. Energy per bit, area and leakage: ``sram``. Latency: per read, the words of one
tile one after the other. What the buffer does not hold waits in the global buffer or in DRAM (``_spill``); where it
does not even hold the window of one row of output positions, the missing share m of the window is written again for
every such row.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats
from axbar.cost.components import sram
from axbar.cost.components._buffer import buffer_parts, instances
from axbar.cost.components._spill import WINDOW_EVENTS, WINDOW_PATHS, window_share

__all__ = ["INPUT_BUFFER"]


def _reads(x: Context) -> Floats:
    bits, digital, outputs, units = (
        x.n("input_read_bits"),
        x.n("left_bits"),
        x.n("outputs"),
        x.p("units.per_tile"),
    )
    return bits + digital * np.ceil(outputs / units) if digital.any() else bits


def _writes(x: Context) -> Floats:
    return x.n("input_write_bits") + x.n("again_copies") * window_share(x)


def _moved(x: Context) -> Floats:
    return _reads(x) + _writes(x)


def _accesses(x: Context) -> Floats:
    return x.n("reads") * np.ceil(x.n("tile_rows") / x.p("buffer.word_bits"))


_MOVED = ("input_read_bits", "left_bits", "outputs", "input_write_bits", "again_copies", *WINDOW_EVENTS)

_PATHS = (*WINDOW_PATHS, "units.per_tile")

INPUT_BUFFER = Component(
    name="input_buffer",
    group="memory",
    summary="SRAM of a tile that feeds the rows",
    parts={
        name: buffer_parts(
            name,
            "buffer.input_B",
            reads=("input_read_bits + left_bits · ⌈outputs / units.per_tile⌉", _reads),
            writes=(
                "input_write_bits + again_copies · m, m = max(0, 1 − 8 · input_B / window_bits)",
                _writes,
            ),
            accesses=("reads · ⌈tile_rows / word_bits⌉", _accesses),
            energy_reads=(_MOVED, _PATHS),
            access_reads=(("reads", "tile_rows"), ("buffer.word_bits",)),
        )
        for name in sram.CLASSES
    },
    choose="technology.sram",
    event=Count("one bit read or written", _moved, _MOVED, _PATHS),
    turn=Count("one word", _accesses, ("reads", "tile_rows"), ("buffer.word_bits",)),
    instance=Count("one buffer", instances, ("tiles",)),
    spread=1.5,
)
