"""Area and leakage of a macro, by kind of component; geometry that energy needs as well.

    array     rows * cols * sets * cell_area_F2 node^2
    adc.KIND  converters * A_converter
    drivers   rows * (flip-flop + driver + input converter)
    digital   adders and registers of digital arrays, shift-adders behind converters

The pitch of a cell is the root of its share of the array: of a digital array the gates beside it count as well.
Leakage per area of logic is known from libraries at 32 and 40 nm. Per gate it changes far less from node to node
than per area, so gates leak as they would at 40 nm (inferred); by area, those of a 130 nm chip would take half of
its energy.
Left out: routing, decoupling, write circuits, controllers.
"""

from __future__ import annotations

import numpy as np

from axbar.cost import technology
from axbar.cost._types import Floats
from axbar.cost.components import adder_tree, cells, dac, drive_pwm, row_drivers, sram
from axbar.cost.components import shift_add as shifts
from axbar.cost.components.adc import cco, charge_decrement, flash, sar, survey
from axbar.cost.constants import DFF_AREA_M2, FULL_ADDER_AREA_M2, LOGIC_LEAKAGE_W_M2, NAND2_AREA_M2
from axbar.cost.macro._points import Points

__all__ = [
    "adc_m2", "array_m2", "converters", "digital_m2", "drivers_m2", "leakage_W", "pitch_m", "rate_Hz", "sum_bits",
]  # fmt: skip

_LEAKAGE_NODE_m = 40e-9


def sum_bits(x: Points) -> Floats:
    """Return the width of an accumulated output."""
    if x.macro.array.startswith("digital"):
        return x["weight_bits"] + x["input_bits"] + np.log2(x["rows"])
    return x["adc_bits"] + np.maximum(np.ceil(np.log2(x.conversions / x.outputs)), 0.0)


def rate_Hz(x: Points) -> Floats:
    """Return the conversions per second of one converter."""
    each = x.conversions / converters(x)
    return np.maximum(each / x.time_s, 1e6)


def converters(x: Points) -> Floats:
    """Return the converters of one array."""
    return x["cols"] / (x["cols_per_conversion"] * x["conversions_per_adc"])


def array_m2(x: Points) -> Floats:
    """Return the area of the cells."""
    return x["rows"] * x["cols"] * x["sets"] * cells.cell_area_m2(x["cell_area_F2"], x["node_m"])


def pitch_m(x: Points) -> Floats:
    """Return the distance between cells, row to row and column to column."""
    gates = digital_m2(x) if x.macro.array.startswith("digital") else np.zeros(1)
    return np.sqrt((array_m2(x) + gates) / (x["rows"] * x["cols"]))


def adc_m2(x: Points) -> Floats:
    """Return the area of the converters."""
    return converters(x) * _converter_m2(x)


def _converter_m2(x: Points) -> Floats:
    bits = x["adc_bits"]
    match x.macro.adc:
        case "sar":
            return sar.sar_area_m2(bits, x.c(sar.AREA_M2))
        case "flash":
            return flash.flash_area_m2(bits, x.c(flash.COMPARATOR_AREA_M2))
        case "survey":
            energy = survey.survey_energy_J(bits, rate_Hz(x), x["node_m"])
            return survey.survey_area_m2(energy, rate_Hz(x), x["node_m"])
        case "cco":
            return cco.cco_area_m2(bits, x.c(DFF_AREA_M2), x.c(FULL_ADDER_AREA_M2))
        case "charge-decrement":
            return x.c(charge_decrement.AREA_M2)
        case "ramp":
            shared = dac.dac_area_m2(bits, x.c(dac.DAC_AREA_M2)) / converters(x)
            return shared + x.c(flash.COMPARATOR_AREA_M2) + bits * x.c(DFF_AREA_M2)
        case "sense":
            return x.c(flash.COMPARATOR_AREA_M2) + x.c(DFF_AREA_M2)
        case "none":
            return np.zeros(1)


def drivers_m2(x: Points) -> Floats:
    """Return the area of row registers, drivers and input converters."""
    each = x.c(DFF_AREA_M2) + x.c(row_drivers.DRIVER_AREA_M2)
    if x.macro.input == "pwm":
        each = each + drive_pwm.by_levels(x["input_bits"], x.c(drive_pwm.DTC_AREA_M2))
    elif x.macro.input == "dac":
        each = each + dac.dac_area_m2(x["input_bits"], x.c(dac.DAC_AREA_M2))
    return x["rows"] * each


def digital_m2(x: Points) -> Floats:
    """Return the area of gates."""
    width = sum_bits(x)
    if not x.macro.array.startswith("digital"):
        used = np.where(x.conversions > x.outputs, 1.0, 0.0)
        return x.outputs * used * width * x.c(shifts.SHIFT_ADD_AREA_M2)
    tree = x.macro.array == "digital-tree"
    adders = (adder_tree.tree_adders if tree else adder_tree.chain_adders)(x["rows"], x["weight_bits"])
    product = x.c(NAND2_AREA_M2 if tree else adder_tree.XOR2_AREA_M2)
    products = x["rows"] * x["weight_bits"] * x["bits_per_pass"] * product
    accumulator = width * (x.c(DFF_AREA_M2) + x.c(FULL_ADDER_AREA_M2))
    return x.outputs * (products + adders * x.c(FULL_ADDER_AREA_M2) + accumulator)


def leakage_W(x: Points) -> Floats:
    """Return the power that leaks: volatile cells, gates, drivers and the control of converters."""
    gates_m2 = digital_m2(x) + drivers_m2(x)
    if x.macro.adc != "none":
        gates_m2 = gates_m2 + converters(x) * 2.0 * x["adc_bits"] * x.c(DFF_AREA_M2)
    leak = gates_m2 * technology.area_ratio(x["node_m"], _LEAKAGE_NODE_m) * x.c(LOGIC_LEAKAGE_W_M2)
    if not x.macro.volatile:
        return leak
    stored = x["rows"] * x["cols"] * x["sets"]
    return leak + stored * sram.leakage_W_per_bit(x.macro.sram, x["node_m"])
