"""What the clock drives in the array whatever the operands are: registers of the elements, and control.

    registers  E = register_bits E_reg             A = elements (b + b_x) A_reg,   b_x = max(input.bits, spike_bits)
    control    E = r rows cols [fwd_cycles E_PE(b) + (bwd_cycles + wup_cycles) E_PE(b_g)]
               E_PE(b) = (AND + ACC) b/16 + (b + spike_bits) E_reg

with b = weight_bits, b_g = training.bits and the bits of ``_registers``. For training, both registers of an element
have b_g bits at least.

SATA's tables have neither; prices are those of the dual-sparse kind, so that both kinds are on one footing: a register
of 16 bits at 0.0301 mW (the same figure in SATA's own table), and r = 0.52, what the rest of a published system (order
of the tiles, distribution of the operands) takes over its elements, times what an element takes in a cycle in which it
works: with spikes, as the order of the folds does not grow with the multiplier of numbers. Control runs on all elements
of an array in every cycle in which the array works; one of several that waits has its clock off. The register's power
is that of a synthesised one with its clock; the tree that brings the clock there is part of the published rest, here as
there, and has no component of its own.

Held against SATA_Sim's inference table, which is not used here: an element that makes nothing takes 0.0192 mW, 48 fJ
per cycle; registers of 8 + 1 bits take 42 fJ and control 48 fJ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import logic_leakage
from axbar.cost.sparse import prices as price
from axbar.cost.systolic._parts import GRID, adds_J, elements, engine_elements, kernels_of, shared

__all__ = ["CONTROL", "REGISTERS"]

_SPREAD: Final = 1.5
_CONTROL_SPREAD: Final = 2.0
_WEIGHT, _SPIKE, _INPUT, _GRADIENT = "weight_bits", "spike_bits", "input.bits", "training.bits"
#: task -> phases
_PHASES: Final = {"inference": ("fwd",), "training": ("fwd", "bwd", "wup")}


def _sum_of(events: tuple[str, ...]) -> Callable[[Context], Floats]:
    def value(x: Context) -> Floats:
        total = x.n(events[0])
        for name in events[1:]:
            total = total + x.n(name)
        return total

    return value


def _elements(x: Context) -> Floats:
    return shared(x, elements(x))


def _pair_bits(x: Context) -> Floats:
    return x.p(_WEIGHT) + np.maximum(x.p(_INPUT), x.p(_SPIKE))


def _training_bits(x: Context) -> Floats:
    bits = x.p(_GRADIENT)
    return np.maximum(x.p(_WEIGHT), bits) + np.maximum(np.maximum(x.p(_INPUT), x.p(_SPIKE)), bits)


def _register_parts(task: str) -> Parts:
    events = tuple(f"{phase}_register_bits" for phase in _PHASES[task])
    bits = _sum_of(events)
    held, formula, paths = (
        (_pair_bits, "weight_bits + max(input.bits, spike_bits)", (_WEIGHT, _INPUT, _SPIKE))
        if task == "inference"
        else (
            _training_bits,
            "max(weight_bits, training.bits) + max(input.bits, spike_bits, training.bits)",
            (_WEIGHT, _INPUT, _SPIKE, _GRADIENT),
        )
    )

    def energy(x: Context) -> Floats:
        return bits(x) * x.c(price.REGISTER_J)

    def area(x: Context) -> Floats:
        return _elements(x) * (held(x) * x.c(price.REGISTER_M2))

    return Parts(
        energy_J=Term(f"({' + '.join(events)}) · E_register", energy, events, (), (price.REGISTER_J,)),
        area_m2=Term(
            f"share · engines · rows · cols · ({formula}) · A_register",
            area, ("share",), (*GRID, *paths), (price.REGISTER_M2,),
        ),
        leakage_W=logic_leakage("registers"),
    )  # fmt: skip


_REGISTER_BITS: Final = tuple(f"{phase}_register_bits" for phase in _PHASES["training"])
REGISTERS = Component(
    name="registers",
    group="compute",
    summary="registers through which operands march from element to element",
    parts={task: _register_parts(task) for task in _PHASES},
    choose="task",
    event=Count("one bit taken up by a register", _sum_of(_REGISTER_BITS), _REGISTER_BITS),
    turn=None,
    instance=Count("one processing element", _elements, ("share",), GRID),
    spread=_SPREAD,
)


def _working_J(x: Context, bits: Floats) -> Floats:
    """Return what an element takes in a cycle in which it adds a weight of so many bits."""
    return adds_J(x, "ac", bits) + (bits + x.p(_SPIKE)) * x.c(price.REGISTER_J)


def _control_parts(task: str) -> Parts:
    training = task == "training"
    forward, ways = "fwd_cycles · E_PE(weight_bits)", ("fwd_cycles", "bwd_cycles", "wup_cycles")

    def energy(x: Context) -> Floats:
        each = x.n("fwd_cycles") * _working_J(x, x.p(_WEIGHT))
        if training:
            each = each + (x.n("bwd_cycles") + x.n("wup_cycles")) * _working_J(x, x.p(_GRADIENT))
        return each * (engine_elements(x) * x.c(price.CONTROL))

    cycles = f"({forward} + (bwd_cycles + wup_cycles) · E_PE(training.bits))" if training else forward
    return Parts(
        energy_J=Term(
            f"r · rows · cols · {cycles}, E_PE(b) = (AND + ACC) · b/16 + (b + spike_bits) · E_register",
            energy,
            ways if training else ways[:1],
            (*GRID[1:], _WEIGHT, _SPIKE, *((_GRADIENT,) if training else ())),
            (price.CONTROL, *kernels_of("ac"), price.REGISTER_J),
        )
    )


_CYCLES: Final = ("fwd_cycles", "bwd_cycles", "wup_cycles")
CONTROL = Component(
    name="control",
    group="digital",
    summary="order of the folds, distribution of operands and clock to the elements",
    parts={task: _control_parts(task) for task in _PHASES},
    choose="task",
    event=Count("one cycle of an array at work", _sum_of(_CYCLES), _CYCLES),
    turn=None,
    instance=None,
    spread=_CONTROL_SPREAD,
)
