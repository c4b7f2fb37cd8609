"""What computes: the array forward, back and for the update of weights, neurons and gradient units.

    mac_fwd   spikes (AND + ACC) b/16 + numbers [MUL(b, b_x) + ACC (b + b_x)/16],     b = weight_bits, b_x = input.bits
    mac_bwd   MUL(b_g, b_g) + ACC b_g/16,                                             b_g = training.bits
              and for right operands of products, computed at run time, what mac_wup takes for weights
    mac_wup   spikes (AND + ACC) b_g/16 + numbers [MUL(b_g, b_x) + ACC (b_g + b_x)/16]
    lif       (ADD + COMP + 2 MUX + 3 REG + SHIFT) b_u/16,                            b_u = neuron.membrane_bits
    pgu       MUL(b_g, b_g) + (2 ADD + MUX + 2 SHIFT) b_g/16

Kernels are SATA's. The array takes the cycles of the dense product; of several arrays at work at the same time, those
of the one that works longest pass (``_engines``). Neurons and gradients are updated behind it, ``units`` at a time. An
element has an accumulator of b_u bits and a multiplier of b by b_x; for training a further one of b_g by b_g. Registers
through which operands travel, and control, are not in the published table: ``_clocked``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._membranes import TURNS_EVENT
from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import logic_leakage
from axbar.cost.components._vector import MULTIPLIER_AREA_M2
from axbar.cost.components.lif import UNIT_AREA_M2
from axbar.cost.constants import DFF_AREA_M2, FULL_ADDER_AREA_M2
from axbar.cost.systolic._parts import (
    GRID,
    adder_m2,
    adds_J,
    cycles_s,
    elements,
    kernels_of,
    multiply_J,
    shared,
)
from axbar.cost.training.kernels import KERNEL_BITS, KERNELS

__all__ = ["LIF", "MAC_BWD", "MAC_FWD", "MAC_WUP", "PGU"]

_SPREAD: Final = 1.5
_ADDER: Final = (FULL_ADDER_AREA_M2, DFF_AREA_M2)


def _elements(x: Context) -> Floats:
    return shared(x, elements(x))


_PE: Final = Count("one processing element", _elements, ("share",), GRID)


def _cycles(event: str) -> Count:
    def value(x: Context) -> Floats:
        return x.n(event)

    return Count("one cycle that passes while arrays work", value, (event,))


def _operations(*events: str) -> Count:
    def value(x: Context) -> Floats:
        total = x.n(events[0])
        for name in events[1:]:
            total = total + x.n(name)
        return total

    return Count("one operation", value, events)


def _products(spikes: str, numbers: str, path: str) -> Term:
    """Energy of weights, or gradients, of the width at ``path`` with spikes and with numbers."""

    def value(x: Context) -> Floats:
        bits, given = x.p(path), x.p("input.bits")
        sums = x.c(KERNELS["acc"]) * ((bits + given) / KERNEL_BITS)
        return x.n(spikes) * adds_J(x, "ac", bits) + x.n(numbers) * (multiply_J(x, bits, given) + sums)

    width = path.rpartition(".")[2] if path == "weight_bits" else path
    return Term(
        f"{spikes} · (AND + ACC) · {width}/16 + {numbers} · (MUL · (√({width} · input.bits) / 16)^2.6 + ACC · "
        f"({width} + input.bits)/16)",
        value, (spikes, numbers), (path, "input.bits"), kernels_of("ac", "mac"),
    )  # fmt: skip


#: gradients of right operands of products, on the way back
_RIGHT: Final = _products("bwd_spike_ops", "bwd_real_ops", "training.bits")


_BACK_OPS: Final = ("bwd_ops", "bwd_spike_ops", "bwd_real_ops")


def _forward_area(x: Context) -> Floats:
    products = x.c(MULTIPLIER_AREA_M2) * (x.p("weight_bits") * x.p("input.bits"))
    return _elements(x) * (x.p("neuron.membrane_bits") * adder_m2(x) + products)


def _backward_area(x: Context) -> Floats:
    bits = x.p("training.bits")
    return _elements(x) * (x.c(MULTIPLIER_AREA_M2) * (bits * bits))


def _backward_energy(x: Context) -> Floats:
    bits = x.p("training.bits")
    of_inputs = x.n("bwd_ops") * (multiply_J(x, bits, bits) + adds_J(x, "mac", bits))
    return of_inputs + _RIGHT.value(x)


MAC_FWD = Component(
    name="mac_fwd",
    group="compute",
    summary="array on the way forward: weights that inputs other than zero reach",
    parts={
        "": Parts(
            energy_J=_products("spike_ops", "real_ops", "weight_bits"),
            latency_s=Term("fwd_turns / clock", cycles_s("fwd_turns"), ("fwd_turns",), ("clock_Hz",)),
            area_m2=Term(
                "share · engines · rows · cols · (membrane_bits · (A_adder + A_FF) + weight_bits · input.bits · "
                "A_multiplier)",
                _forward_area,
                ("share",),
                (*GRID, "neuron.membrane_bits", "weight_bits", "input.bits"),
                (*_ADDER, MULTIPLIER_AREA_M2),
            ),
            leakage_W=logic_leakage("mac_fwd"),
        )
    },
    event=_operations("spike_ops", "real_ops"),
    turn=_cycles("fwd_turns"),
    instance=_PE,
    spread=_SPREAD,
)

MAC_BWD = Component(
    name="mac_bwd",
    group="compute",
    summary="array on the way back: gradients of the inputs, of products those of both operands",
    parts={
        "inference": Parts(),
        "training": Parts(
            energy_J=Term(
                f"bwd_ops · (MUL · (training.bits/16)^2.6 + ACC · training.bits/16) + {_RIGHT.formula}",
                _backward_energy, _BACK_OPS, ("training.bits", "input.bits"), kernels_of("ac", "mac"),
            ),
            latency_s=Term("bwd_turns / clock", cycles_s("bwd_turns"), ("bwd_turns",), ("clock_Hz",)),
            area_m2=Term(
                "share · engines · rows · cols · training.bits² · A_multiplier",
                _backward_area, ("share",), (*GRID, "training.bits"), (MULTIPLIER_AREA_M2,),
            ),
            leakage_W=logic_leakage("mac_bwd"),
        ),
    },
    choose="task",
    event=_operations(*_BACK_OPS),
    turn=_cycles("bwd_turns"),
    instance=_PE,
    spread=_SPREAD,
)  # fmt: skip

MAC_WUP = Component(
    name="mac_wup",
    group="compute",
    summary="array for the gradients of weights; its elements are those of mac_fwd and mac_bwd",
    parts={
        "inference": Parts(),
        "training": Parts(
            energy_J=_products("wup_spike_ops", "wup_real_ops", "training.bits"),
            latency_s=Term("wup_turns / clock", cycles_s("wup_turns"), ("wup_turns",), ("clock_Hz",)),
        ),
    },
    choose="task",
    event=_operations("wup_spike_ops", "wup_real_ops"),
    turn=_cycles("wup_turns"),
    instance=None,
    spread=_SPREAD,
)


def _lif_energy(x: Context) -> Floats:
    return x.n("lif_updates") * adds_J(x, "lif", x.p("neuron.membrane_bits"))


def _lif_passes(x: Context) -> Floats:
    return x.n("neuron_steps") * x.n(TURNS_EVENT) * np.ceil(x.n("neurons") / x.p("neuron.units"))


def _lif_latency(x: Context) -> Floats:
    return _lif_passes(x) * (1.0 / x.p("clock_Hz"))


def _lif_units(x: Context) -> Floats:
    return shared(x, x.p("neuron.units"))


def _lif_area(x: Context) -> Floats:
    return _lif_units(x) * (x.p("neuron.membrane_bits") * x.c(UNIT_AREA_M2))


_LIF_EVENTS: Final = ("neuron_steps", TURNS_EVENT, "neurons")
_LIF_PASSES: Final = f"neuron_steps · {TURNS_EVENT} · ⌈neurons / neuron.units⌉"
LIF = Component(
    name="lif",
    group="neuron",
    summary="neuron updates",
    parts={
        "": Parts(
            energy_J=Term(
                "lif_updates · (ADD + COMP + 2 MUX + 3 REG + SHIFT) · membrane_bits/16",
                _lif_energy,
                ("lif_updates",),
                ("neuron.membrane_bits",),
                kernels_of("lif"),
            ),
            latency_s=Term(
                f"{_LIF_PASSES} / clock",
                _lif_latency,
                _LIF_EVENTS,
                ("neuron.units", "clock_Hz"),
            ),
            area_m2=Term(
                "share · neuron.units · membrane_bits · A_bit",
                _lif_area,
                ("share",),
                ("neuron.units", "neuron.membrane_bits"),
                (UNIT_AREA_M2,),
            ),
            leakage_W=logic_leakage("lif"),
        )
    },
    event=Count("one neuron update", lambda x: x.n("lif_updates"), ("lif_updates",)),
    turn=Count("one pass of all units", _lif_passes, _LIF_EVENTS, ("neuron.units",)),
    instance=Count("one neuron unit", _lif_units, ("share",), ("neuron.units",)),
    spread=_SPREAD,
)


def _pgu_energy(x: Context) -> Floats:
    bits = x.p("training.bits")
    return x.n("pgu_updates") * (multiply_J(x, bits, bits) + adds_J(x, "pgu", bits))


def _pgu_passes(x: Context) -> Floats:
    turns = x.n("gradient_steps") * x.n(TURNS_EVENT)
    return turns * np.ceil(x.n("neurons") / x.p("training.gradient_units"))


def _pgu_latency(x: Context) -> Floats:
    return _pgu_passes(x) * (1.0 / x.p("clock_Hz"))


def _pgu_units(x: Context) -> Floats:
    return shared(x, x.p("training.gradient_units"))


def _pgu_area(x: Context) -> Floats:
    bits = x.p("training.bits")
    return _pgu_units(x) * (x.c(MULTIPLIER_AREA_M2) * (bits * bits) + 2.0 * bits * adder_m2(x))


_PGU_PASSES: Final = ("gradient_steps", TURNS_EVENT, "neurons")
PGU = Component(
    name="pgu",
    group="neuron",
    summary="gradient units: gradients of the membranes, step by step back in time",
    parts={
        "inference": Parts(),
        "training": Parts(
            energy_J=Term(
                "pgu_updates · (MUL · (training.bits/16)^2.6 + (2 ADD + MUX + 2 SHIFT) · training.bits/16)",
                _pgu_energy,
                ("pgu_updates",),
                ("training.bits",),
                kernels_of("pgu"),
            ),
            latency_s=Term(
                f"gradient_steps · {TURNS_EVENT} · ⌈neurons / gradient_units⌉ / clock",
                _pgu_latency,
                _PGU_PASSES,
                ("training.gradient_units", "clock_Hz"),
            ),
            area_m2=Term(
                "share · gradient_units · (training.bits² · A_multiplier + 2 · training.bits · (A_adder + A_FF))",
                _pgu_area,
                ("share",),
                ("training.gradient_units", "training.bits"),
                (MULTIPLIER_AREA_M2, *_ADDER),
            ),
            leakage_W=logic_leakage("pgu"),
        ),
    },
    choose="task",
    event=Count("one gradient update", lambda x: x.n("pgu_updates"), ("pgu_updates",)),
    turn=Count("one pass of all units", _pgu_passes, _PGU_PASSES, ("training.gradient_units",)),
    instance=Count("one gradient unit", _pgu_units, ("share",), ("training.gradient_units",)),
    spread=_SPREAD,
)
