"""The in-memory-computing chip: crossbar arrays with digital spiking neurons.

Within a layer, input vectors run one after the other: input buffer, read pulse, the columns of each converter
in turn, shift-add and accumulation; then the neurons of a step update, outputs are stored, and the next
layer's input travels. The arrays of a layer, and its copies, work in parallel; layers run one after the other or
as a pipeline (``_schedule``). Inside a layer nothing overlaps. Area and leakage are those of whole tiles.
Products of two operands of run time, as attention has them, write one of these into arrays first, or are made by
digital multipliers (``_held``, ``_run_time``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from axbar.cost._types import Bools, Context, Rule, add_up
from axbar.cost.components.accumulators import ACCUMULATORS
from axbar.cost.components.adc import ADC
from axbar.cost.components.bit_lines import BIT_LINES
from axbar.cost.components.cells import CELLS
from axbar.cost.components.dac import DAC
from axbar.cost.components.die_link import DIE_LINK
from axbar.cost.components.dram import DRAM
from axbar.cost.components.elementwise import ELEMENTWISE
from axbar.cost.components.global_buffer import GLOBAL_BUFFER
from axbar.cost.components.input_buffer import INPUT_BUFFER
from axbar.cost.components.interconnect import INTERCONNECT
from axbar.cost.components.leakage import LEAKAGE
from axbar.cost.components.lif import LIF
from axbar.cost.components.membrane import MEMBRANE
from axbar.cost.components.multipliers import MULTIPLIERS
from axbar.cost.components.mux import MUX
from axbar.cost.components.norm import NORM
from axbar.cost.components.operand_memory import OPERAND_MEMORY
from axbar.cost.components.output_buffer import OUTPUT_BUFFER
from axbar.cost.components.pool import POOL
from axbar.cost.components.row_drivers import ROW_DRIVERS
from axbar.cost.components.shift_add import SHIFT_ADD
from axbar.cost.components.softmax import SOFTMAX
from axbar.cost.components.time_drivers import TIME_DRIVERS
from axbar.cost.components.writes import WRITES
from axbar.cost.imc._count import count
from axbar.cost.imc._device_rules import DEVICE_RULE
from axbar.cost.imc._life import LIFE_RULE
from axbar.cost.imc._memory import SPILL_RULE
from axbar.cost.imc._schedule import schedule
from axbar.spec.imc import ImcSpec
from axbar.spec.kind import HardwareKind
from axbar.units import format_quantity
from axbar.workload import Workload

__all__ = ["COMPONENTS", "KIND", "RULES", "count"]

#: in signal order
COMPONENTS = (
    CELLS,
    ROW_DRIVERS,
    BIT_LINES,
    WRITES,
    DAC,
    TIME_DRIVERS,
    MUX,
    ADC,
    SHIFT_ADD,
    ACCUMULATORS,
    INPUT_BUFFER,
    OUTPUT_BUFFER,
    OPERAND_MEMORY,
    GLOBAL_BUFFER,
    DRAM,
    INTERCONNECT,
    DIE_LINK,
    LIF,
    MEMBRANE,
    MULTIPLIERS,
    POOL,
    NORM,
    SOFTMAX,
    ELEMENTWISE,
    LEAKAGE,
)


def _too_many_tiles(x: Context) -> Bools:
    return add_up(x.n("tiles")) > x.p("chip.max_tiles") * x.p("chip.max_dies")


def _tiles_reason(x: Context) -> str:
    needed, allowed = add_up(x.n("tiles")).item(), x.p("chip.max_tiles").item()
    dies = x.p("chip.max_dies").item()
    return (
        f"needs {needed:.0f} tiles, chip.max_tiles is {allowed:.0f}"
        + (f" on each of chip.max_dies = {dies:.0f}" if dies > 1 else "")
        + "; raise chip.max_tiles or chip.max_dies, use larger arrays or tiles, or fewer weight bits"
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


def _sense_of_many_bits(x: Context) -> Bools:
    return np.logical_and(x.text("adc.kind") == "sense", x.p("adc.bits") != 1.0)


def _sense_reason(x: Context) -> str:
    return (
        f"adc.kind = sense is a sense amplifier that decides one bit, but adc.bits is {x.p('adc.bits').item():.0f}; "
        "set adc.bits to 1 or choose another adc.kind"
    )


def _read_above_supply(x: Context) -> Bools:
    return np.logical_and(x.text("read.mode") == "current", x.p("read.v_read_V") > x.p("technology.vdd_V"))


def _supply_reason(x: Context) -> str:
    read, supply = (format_quantity(x.p(path).item(), "V") for path in ("read.v_read_V", "technology.vdd_V"))
    return (
        f"read.mode = current feeds the cells from technology.vdd_V = {supply}, below read.v_read_V = {read}; "
        "lower read.v_read_V or choose read.mode = voltage"
    )


def _with_the_range(workload: Workload, values: Mapping[str, Any]) -> frozenset[str]:
    """Return the range of the cells where operands of run time are clipped to a part of it."""
    own = (values[f"run_time.{name}"] for name in ("unit", "clip_low", "clip_high"))
    if not any(layer.at_run_time for layer in workload.layers):
        return frozenset()
    unit, low, high = (np.atleast_1d(np.asarray(value)) for value in own)
    if (unit == "nvm").any() and ((low != 0.0).any() or (high != 1.0).any()):
        return frozenset({"device.g_off_S", "device.g_on_S"})
    return frozenset()


def _silicon_error() -> str:
    from axbar.cost.macro import silicon_error  # reads a file: only where somebody asks

    return silicon_error()


RULES = (
    Rule(_sense_of_many_bits, _sense_reason),
    Rule(_read_above_supply, _supply_reason),
    DEVICE_RULE,
    Rule(_too_many_tiles, _tiles_reason),
    Rule(_not_above_off, _off_reason),
    Rule(_weight_too_wide, _wide_reason),
    SPILL_RULE,
    LIFE_RULE,
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
            "input.time_bits",
            "input.time_read",
            "tile.arrays_per_pe",
            "tile.pes_per_tile",
            "chip.max_tiles",
            "chip.max_dies",
            "mapping.layout",
            "mapping.duplication",
            "mapping.balance",
            "mapping.order",
            "mapping.first_layer",
            "run_time.unit",
            "run_time.bits",
            "run_time.cell_bits",
            "run_time.clip_low",
            "run_time.clip_high",
            "device.name",
        }
    ),
    structural_if=_with_the_range,
    rules=RULES,
    schedule=schedule,
    analog="axbar.crossbar:to_analog",
    digital="axbar.crossbar:digital",
    checked=_silicon_error,
)
