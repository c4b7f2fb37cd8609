"""The array-level view of an in-memory-computing chip."""

from __future__ import annotations

import math

from axbar import registry
from axbar.cost.macro._macro import AdcKind, Macro
from axbar.devices import DevicePreset
from axbar.errors import UsageError
from axbar.spec.imc import ImcSpec

__all__ = ["macro_of"]

#: converters that both have
_ADC: dict[str, AdcKind] = {
    "sar": "sar", "flash": "flash", "survey": "survey", "ramp": "ramp", "sense": "sense",
}  # fmt: skip


def macro_of(spec: ImcSpec) -> Macro:
    """Return one array of ``spec`` as a macro; see ``Macro.of``."""
    if spec.adc.kind not in _ADC:
        raise UsageError(
            f"adc.kind = '{spec.adc.kind}' has no counterpart among macros; set adc.kind to one of "
            f"{', '.join(sorted(_ADC))}."
        )
    if spec.pins:
        raise UsageError(
            f"'{spec.name}' pins {', '.join(sorted(spec.pins))}, and the array-level view has the model's figures "
            "alone: validate the chip without pins; axbar estimate uses them."
        )
    slices = math.ceil((spec.crossbar.weight_bits - 1) / spec.crossbar.cell_bits)
    device: DevicePreset = registry.get("devices", spec.device.name)
    passes = math.ceil(spec.input.bits / spec.input.dac_bits)
    conversions_s = spec.adc.cols_per_adc / spec.adc.sample_rate_Hz
    return Macro(
        name=spec.name,
        description=f"one array of {spec.name}",
        array="resistive-current" if spec.read.mode == "current" else "resistive-voltage",
        volatile=device.volatile,
        sram=spec.technology.sram,
        node_m=spec.technology.node_m,
        vdd_V=spec.technology.vdd_V,
        rows=spec.crossbar.rows,
        cols=2 * slices * (spec.crossbar.cols // (2 * slices)),
        cols_per_weight=2 * slices,
        weight_bits=spec.crossbar.weight_bits,
        cell_area_F2=spec.device.cell_area_F2,
        input="serial",
        input_bits=spec.input.bits,
        bits_per_pass=spec.input.dac_bits,
        gates_per_cell=1,
        g_on_S=spec.device.g_on_S,
        g_off_S=spec.device.g_off_S,
        v_read_V=spec.read.v_read_V,
        t_read_s=spec.read.t_read_s,
        adc=_ADC[spec.adc.kind],
        adc_bits=spec.adc.bits,
        conversions_per_adc=spec.adc.cols_per_adc,
        op_time_s=passes * (spec.read.t_read_s + conversions_s),
    )
