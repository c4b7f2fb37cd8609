"""Times of first spikes as hardware sees them: one spike per element, in one of the slots of a window.

An operand of coding ``time`` holds codes c of the time that is left when an element fires, 0 where it stays silent. In
b bits a window has 2^b - 1 slots, and an element of code c fires in slot 2^b - 1 - c: the last slot has one unit of
time left. Chips of neurons that add what arrives, slot by slot, see a train of that many steps with one spike
(``as_events``): each spike adds its weight to a slope, and the slope adds to the potential in every slot that is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError
from axbar.workload._pack import MAX_STEPS, word_type
from axbar.workload._types import LayerTrace, NeuronTrace, Operand, Workload

__all__ = ["SLOT_BITS_MAX", "as_events", "fires_once", "slots_of"]

#: widest time whose slots fit into one packed word
SLOT_BITS_MAX = MAX_STEPS.bit_length() - 1

_trains: WeakKeyDictionary[Workload, dict[int, Workload]] = WeakKeyDictionary()


def fires_once(neuron: NeuronTrace) -> bool:
    """True for neurons that fire at most once: what they pass on are times."""
    return neuron.reset == "once"


def slots_of(bits: int) -> int:
    """Return the slots of a window in which a spike's time has so many bits.

    >>> slots_of(4)
    15
    """
    return 2**bits - 1


def as_events(workload: Workload, bits: int) -> Workload:
    """Return the workload with times as trains of 2^bits - 1 slots that hold one spike each; itself where it has none.

    Layers that read times, and neurons that fire once, then run on as many steps as a window has slots. Kept with the
    workload.

    Raises:
        UsageError: more slots than a packed word has bits.
    """
    if not any(_has_times(layer) for layer in workload.layers):
        return workload
    if not 1 <= bits <= SLOT_BITS_MAX:
        raise UsageError(
            f"times of {bits} bits have {slots_of(bits)} slots, and at most {MAX_STEPS} can be counted one by one; "
            f"set input.time_bits to 1 to {SLOT_BITS_MAX}."
        )
    known = _trains.setdefault(workload, {})
    if bits not in known:
        layers = tuple(_train(layer, bits) if _has_times(layer) else layer for layer in workload.layers)
        known[bits] = replace(workload, layers=layers, steps=max(workload.steps, slots_of(bits)))
    return known[bits]


def _has_times(layer: LayerTrace) -> bool:
    operands = (*layer.operands, *(() if layer.output is None else (layer.output,)))
    return any(operand.coding == "time" for operand in operands)


def _train(layer: LayerTrace, bits: int) -> LayerTrace:
    output = layer.output if layer.output is None else _spread(layer.output, bits)
    operands = tuple(_spread(operand, bits) for operand in layer.operands)
    return replace(layer, operands=operands, output=output, steps=tuple(range(slots_of(bits))))


def _spread(operand: Operand, bits: int) -> Operand:
    """Return a train of slots instead of codes."""
    if operand.coding != "time":
        return operand
    slots = slots_of(bits)
    if operand.words is None:
        rate = None if operand.rate is None else operand.rate / slots
        return Operand(operand.shape, "spikes", 1, slots, rate=rate)
    return Operand(operand.shape, "spikes", 1, slots, _one_hot(operand.words, operand.bits, bits))


def _one_hot(
    codes: NDArray[np.unsignedinteger[Any]], recorded: int, bits: int
) -> NDArray[np.unsignedinteger[Any]]:
    slots, kind = slots_of(bits), word_type(slots_of(bits))
    steps: NDArray[np.float64] = np.arange(2**recorded, dtype=np.float64) * (slots / (2**recorded - 1))
    every = np.rint(steps).astype(np.int64)
    table = np.zeros(2**recorded, kind)
    fired = every > 0
    table[fired] = kind.type(1) << (slots - every[fired]).astype(kind)
    return table[codes]
