"""Energy of one operation of a macro, by kind of component.

    array     charge              rows * cols * passes * a_in C V_DD^2 + column lines
              discharge           columns * C_line V_DD * dV,  dV = a_in a_w V_DD
              resistive-voltage   rows * cols * passes * a_in V_read^2 G t
              resistive-current   rows * cols * passes * a_in V_DD V_read G t: mirrors feed the cells from V_DD
              digital             none of its own: bit cells that compute are gates, hence ``digital``
    adc.KIND  conversions * E_conversion
    drivers   word lines that swing, pulse and voltage converters
    digital   bit products, adders, registers of the sums; shift-adders behind converters
    leakage   volatile cells and gates, over the time of the operation

a_in, a_w mean input and weight, passes how often the rows are driven. Lines and gates are those of
``axbar.cost.components``; nothing here is fitted. What is left out, for all macros alike: clock trees, pulse and
timing generators, bias and reference circuits, input and output registers of analog macros.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.components import adder_tree, cells, charge_cells, dac, drive_ladder, drive_pwm, row_drivers
from axbar.cost.components import shift_add as shifts
from axbar.cost.components.adc import cco, charge_decrement, flash, ramp, sar, sense, survey
from axbar.cost.constants import DFF_F, WIRE_F_M
from axbar.cost.macro import _area
from axbar.cost.macro._points import Points

__all__ = ["adc_J", "array_J", "digital_J", "drivers_J", "leakage_J"]


def _line_F(x: Points) -> Floats:
    """Column line: wire and one drain per cell, as large as the gate of an access transistor."""
    return charge_cells.line_F(x["rows"], _area.pitch_m(x), x.c(WIRE_F_M), x.c(row_drivers.ACCESS_GATE_F))


def _cell_reads(x: Points) -> Floats:
    return x["rows"] * x["cols"] * x.passes


def array_J(x: Points) -> Floats:
    """Return what the cells and the lines that they drive take."""
    product = x["input_activity"] * x["weight_activity"]
    swings = x["cols"] * x.passes
    match x.macro.array:
        case "charge":
            own = charge_cells.charge_energy_J(_cell_reads(x), x["input_activity"], x["cell_F"], x["vdd_V"])
            wire_F = charge_cells.line_F(x["rows"], _area.pitch_m(x), x.c(WIRE_F_M), np.zeros(1))
            return own + charge_cells.line_energy_J(swings, wire_F, x["vdd_V"], product * x["vdd_V"])
        case "discharge":
            return charge_cells.line_energy_J(swings, _line_F(x), x["vdd_V"], product * x["vdd_V"])
        case "resistive-voltage":
            return _joule(x)
        case "resistive-current":
            return _mirrors(x)
        case "digital-tree" | "digital-chain":
            return np.zeros(1)


def _joule(x: Points) -> Floats:
    active = _cell_reads(x) * x["input_activity"]
    return cells.read_energy_J(
        x["v_read_V"], x["t_read_s"], x["g_on_S"], x["g_off_S"], active, active * x["weight_activity"]
    )


def _mirrors(x: Points) -> Floats:
    active = _cell_reads(x) * x["input_activity"]
    levels = active * x["weight_activity"]
    return cells.mirror_energy_J(
        x["vdd_V"], x["v_read_V"], x["t_read_s"], x["g_on_S"], x["g_off_S"], active, levels
    )


def adc_J(x: Points) -> Floats:
    """Return what the converters take."""
    return x.conversions * _conversion_J(x)


def _conversion_J(x: Points) -> Floats:
    bits, vdd = x["adc_bits"], x["vdd_V"]
    match x.macro.adc:
        case "sar":
            return sar.sar_energy_J(bits, vdd)
        case "flash":
            return flash.flash_energy_J(bits, x.c(flash.COMPARATOR_J))
        case "survey":
            return survey.survey_energy_J(bits, _area.rate_Hz(x), x["node_m"])
        case "cco":
            g = x["g_off_S"] + (x["g_on_S"] - x["g_off_S"]) * x["weight_activity"]
            charge = x["rows"] * x["input_activity"] * x["v_read_V"] * g * x["t_read_s"]
            share = x["input_activity"] * x["weight_activity"]
            gate, register = x.c(adder_tree.NAND2_F), x.c(DFF_F)
            return cco.cco_energy_J(charge, share, bits, gate, register, vdd)
        case "charge-decrement":
            law = (
                x.c(c)
                for c in (
                    charge_decrement.SAMPLE_J, charge_decrement.INTEGRATE_J, charge_decrement.STEP_J,
                    charge_decrement.SHIFT_J,
                )
            )  # fmt: skip
            return charge_decrement.charge_decrement_energy_J(x.passes, bits, *law)
        case "ramp":
            ramp_J = (
                x.c(ramp.RAMP_A) * vdd / _area.rate_Hz(x)
            )  # it rises for as long as a conversion may last
            count_J = 2.0 * x.c(DFF_F) * (vdd * vdd)
            return ramp.ramp_energy_J(bits, _area.converters(x), ramp_J, count_J, x.c(flash.COMPARATOR_J))
        case "sense":
            return sense.sense_energy_J(x.c(flash.COMPARATOR_J), x.c(DFF_F), vdd)
        case "none":
            return np.zeros(1)


def _pulses(x: Points) -> Floats:
    """Times that a row's line swings per operation."""
    if x.macro.input == "pulses":
        return (np.exp2(x["input_bits"]) - 1.0) * x["input_activity"]
    lines = x["bits_per_pass"] if x.macro.array.startswith("digital") else 1.0
    return x.passes * lines * x["wordline_activity"]


def drivers_J(x: Points) -> Floats:
    """Return what it takes to put the inputs on the rows."""
    if x.macro.input == "dac" and x.macro.array == "charge":
        return _converters_J(x)  # the voltage goes to the cells' capacitors, charged above
    gates = x["gates_per_cell"] * x.c(row_drivers.ACCESS_GATE_F)
    line = row_drivers.row_energy_J(
        x["cols"], _area.pitch_m(x), x.c(WIRE_F_M), gates, x.c(DFF_F), x["wordline_V"]
    )
    return x["rows"] * _pulses(x) * line + _converters_J(x)


def _converters_J(x: Points) -> Floats:
    rows, share = x["rows"], x["input_activity"]
    if x.macro.input == "pwm":
        used = np.where(share > 0.0, 1.0, 0.0)  # a row without input converts nothing
        return rows * used * drive_pwm.by_levels(x["input_bits"], x.c(drive_pwm.DTC_J))
    if x.macro.input == "dac":
        ladders = drive_ladder.ladder_energy_J(
            x["ladders_per_row"], share, x.time_s, x.c(drive_ladder.LADDER_OHM), x["vdd_V"]
        )
        capacitive = dac.dac_energy_J(x["input_bits"], x.c(dac.DAC_F), x["vdd_V"]) * (2.0 * share)
        return rows * np.where(x["ladders_per_row"] > 0.0, ladders, capacitive)
    if not x.macro.array.startswith("digital") and x.macro.input == "serial":
        each = dac.dac_energy_J(x["bits_per_pass"], x.c(dac.DAC_F), x["vdd_V"])
        active = rows * x.passes * share
        return np.where(x["bits_per_pass"] > 1.0, active * each, 0.0)
    return np.zeros(1)


def digital_J(x: Points) -> Floats:
    """Return what gates take: products and sums of a digital array, shift-adds behind converters."""
    if not x.macro.array.startswith("digital"):
        merged = x.outputs * np.maximum(x.conversions / x.outputs - 1.0, 0.0)
        return merged * _area.sum_bits(x) * x.c(shifts.SHIFT_ADD_J)
    vdd2 = x["vdd_V"] * x["vdd_V"]
    p = x["input_activity"] * x["weight_activity"]
    tree = x.macro.array == "digital-tree"
    toggles = adder_tree.tree_toggles if tree else adder_tree.chain_toggles
    product_F = x.c(adder_tree.NAND2_F if tree else adder_tree.XOR2_F)
    products = x["rows"] * x["weight_bits"] * x["bits_per_pass"] * p * product_F
    adders = toggles(x["rows"], x["weight_bits"], p) * x.c(adder_tree.FULL_ADDER_F)
    sums = _area.sum_bits(x) * adder_tree.odd_toggles(p, x["rows"])
    registers = sums * (x.c(DFF_F) + x.c(adder_tree.FULL_ADDER_F))  # one accumulator per output
    return x.outputs * x.passes * (products + adders + registers) * vdd2


def leakage_J(x: Points) -> Floats:
    """Return what leaks during one operation."""
    return _area.leakage_W(x) * x.time_s
