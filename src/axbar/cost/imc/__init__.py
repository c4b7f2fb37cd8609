"""The in-memory-computing chip: crossbar arrays with digital spiking neurons.

Within a layer, input vectors run one after the other: input buffer, read pulse, the columns of each converter
in turn, shift-add and accumulation; then the neurons of a step update, outputs are stored, and the next
layer's input travels. Layers run one after the other; the arrays of a layer work in parallel. Nothing
overlaps, so latencies add up. Area and leakage are those of whole tiles.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Bools, Context, Rule, add_up
from axbar.cost.components.accumulators import ACCUMULATORS
from axbar.cost.components.adc import ADC
from axbar.cost.components.cells import CELLS
from axbar.cost.components.dac import DAC
from axbar.cost.components.input_buffer import INPUT_BUFFER
from axbar.cost.components.interconnect import INTERCONNECT
from axbar.cost.components.leakage import LEAKAGE
from axbar.cost.components.lif import LIF
from axbar.cost.components.membrane import MEMBRANE
from axbar.cost.components.mux import MUX
from axbar.cost.components.output_buffer import OUTPUT_BUFFER
from axbar.cost.components.row_drivers import ROW_DRIVERS
from axbar.cost.components.shift_add import SHIFT_ADD
from axbar.cost.imc._count import count
from axbar.spec.imc import ImcSpec
from axbar.spec.kind import HardwareKind
from axbar.units import format_quantity

__all__ = ["COMPONENTS", "KIND", "RULES", "count"]

#: in signal order
COMPONENTS = (
    CELLS,
    ROW_DRIVERS,
    DAC,
    MUX,
    ADC,
    SHIFT_ADD,
    ACCUMULATORS,
    INPUT_BUFFER,
    OUTPUT_BUFFER,
    INTERCONNECT,
    LIF,
    MEMBRANE,
    LEAKAGE,
)


def _too_many_tiles(x: Context) -> Bools:
    return add_up(x.n("tiles")) > x.p("chip.max_tiles")


def _tiles_reason(x: Context) -> str:
    needed, allowed = add_up(x.n("tiles")).item(), x.p("chip.max_tiles").item()
    return (
        f"needs {needed:.0f} tiles, chip.max_tiles is {allowed:.0f}; "
        "raise chip.max_tiles, use larger arrays or tiles, or fewer weight bits"
    )


def _not_above_off(x: Context) -> Bools:
    return x.p("device.g_on_S") <= x.p("device.g_off_S")


def _off_reason(x: Context) -> str:
    on, off = (format_quantity(x.p(f"device.{name}").item(), "S") for name in ("g_on_S", "g_off_S"))
    return f"device.g_on_S = {on} is not larger than device.g_off_S = {off}"


def _weight_too_wide(x: Context) -> Bools:
    slices = -(-(x.p("crossbar.weight_bits") - 1.0) // x.p("crossbar.cell_bits"))
    return 2.0 * slices > x.p("crossbar.cols")


def _wide_reason(x: Context) -> str:
    bits, cell, cols = (x.p(f"crossbar.{name}").item() for name in ("weight_bits", "cell_bits", "cols"))
    needed = 2 * -(-(bits - 1) // cell)
    return (
        f"a {bits:.0f}-bit weight needs {needed:.0f} columns of {cell:.0f}-bit cells, crossbar.cols is "
        f"{cols:.0f}; raise crossbar.cols or crossbar.cell_bits"
    )


def _window_too_large(x: Context) -> Bools:
    spills = x.n("window_bits") > 8.0 * x.p("buffer.input_B")
    return np.logical_or.reduce(spills, axis=0)


def _window_reason(x: Context) -> str:
    largest, held = float(x.n("window_bits").max()) / 8, x.p("buffer.input_B").item()
    return (
        f"an input window of {largest:.0f} B does not fit buffer.input_B = {held:.0f} B of one tile; "
        "the traffic to a larger memory is not priced"
    )


RULES = (
    Rule(_too_many_tiles, _tiles_reason),
    Rule(_not_above_off, _off_reason),
    Rule(_weight_too_wide, _wide_reason),
    Rule(_window_too_large, _window_reason, fatal=False),
)

KIND = HardwareKind(
    name="imc",
    summary="in-memory-computing chip of crossbar arrays with digital neurons",
    Spec=ImcSpec,
    count=count,
    components=COMPONENTS,
    structural=frozenset(
        {
            "crossbar.rows",
            "crossbar.cols",
            "crossbar.weight_bits",
            "crossbar.cell_bits",
            "input.bits",
            "input.dac_bits",
            "tile.arrays_per_pe",
            "tile.pes_per_tile",
            "device.name",
        }
    ),
    rules=RULES,
    analog="axbar.crossbar:to_analog",
    digital="axbar.crossbar:digital",
)
