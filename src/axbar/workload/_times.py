"""Times of first spikes as hardware sees them: one spike per element, in one of the slots of a window.

An operand of coding ``time`` holds codes c of the time that is left when an element fires, 0 where it stays silent. In
b bits a window has 2^b - 1 slots, and an element of code c fires in slot 2^b - 1 - c: the last slot has one unit of
time left. Chips of neurons that add what arrives, slot by slot, see a train of that many steps with one spike
(``as_events``): each spike adds its weight to a slope, and the slope adds to the potential in every slot that is left.
Arrays whose rows stay on from their spike to the end of the window see one pulse of c slots (``as_pulses``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError
from axbar.workload._pack import MAX_STEPS, pack, word_type
from axbar.workload._types import LayerTrace, NeuronTrace, Operand, Workload

__all__ = ["SLOT_BITS_MAX", "as_events", "as_pulses", "fires_once", "slots_of"]

#: widest time whose slots fit into one packed word
SLOT_BITS_MAX = MAX_STEPS.bit_length() - 1

Words = NDArray[np.unsignedinteger[Any]]

_seen: WeakKeyDictionary[Workload, dict[tuple[str, int], Workload]] = WeakKeyDictionary()


def fires_once(neuron: NeuronTrace) -> bool:
    """True for neurons that fire at most once: what they pass on are times."""
    return neuron.reset == "once"


def slots_of(bits: int) -> int:
    """Return the slots of a window in which a spike's time has so many bits.

    >>> slots_of(4)
    15
    """
    return 2**bits - 1


def as_events(workload: Workload, bits: int, coding: Literal["slots", "rate"] = "slots") -> Workload:
    """Return the workload with times as trains of 2^bits - 1 slots; itself where it has none.

    ``slots``: one spike each, at its time. ``rate``: as many spikes as slots would be left, spread evenly, as the same
    network has them in rate coding; the sums are the same. Layers that read times, and neurons that fire once, then
    run on as many steps as a window has slots. Kept with the workload.

    Raises:
        UsageError: more slots than a packed word has bits.
    """
    if not _timed(workload):
        return workload
    if not 1 <= bits <= SLOT_BITS_MAX:
        raise UsageError(
            f"times of {bits} bits have {slots_of(bits)} slots, and at most {MAX_STEPS} can be counted one by one; "
            f"set input.time_bits to 1 to {SLOT_BITS_MAX}."
        )
    known = _seen.setdefault(workload, {})
    if (coding, bits) not in known:
        words = _one_hot(bits) if coding == "slots" else _spread_evenly(bits)
        layers = tuple(
            _train(layer, bits, words) if _has_times(layer) else layer for layer in workload.layers
        )
        known[coding, bits] = replace(workload, layers=layers, steps=max(workload.steps, slots_of(bits)))
    return known[coding, bits]


def as_pulses(workload: Workload, bits: int) -> Workload:
    """Return the workload with times in codes of ``bits`` bits; itself where it has none. Kept with the workload."""
    if not _timed(workload):
        return workload
    known = _seen.setdefault(workload, {})
    if ("pulses", bits) not in known:
        layers = tuple(_rounded(layer, bits) if _has_times(layer) else layer for layer in workload.layers)
        known["pulses", bits] = replace(workload, layers=layers)
    return known["pulses", bits]


def _timed(workload: Workload) -> bool:
    return any(_has_times(layer) for layer in workload.layers)


def _has_times(layer: LayerTrace) -> bool:
    operands = (*layer.operands, *(() if layer.output is None else (layer.output,)))
    return any(operand.coding == "time" for operand in operands)


def _rounded(layer: LayerTrace, bits: int) -> LayerTrace:
    operands = tuple(_in_bits(operand, bits) for operand in layer.operands)
    return replace(layer, operands=operands)


def _in_bits(operand: Operand, bits: int) -> Operand:
    if operand.coding != "time" or operand.words is None:
        return operand if operand.coding != "time" else replace(operand, bits=bits)
    codes = _requantised(operand.bits, bits).astype(word_type(8 if bits <= 8 else 16))
    step = operand.scale * (2**operand.bits - 1) / slots_of(bits)
    return replace(operand, bits=bits, words=codes[operand.words], scale=step)


def _requantised(recorded: int, bits: int) -> NDArray[np.int64]:
    """Return the code in ``bits`` bits of every recorded code."""
    steps: NDArray[np.float64] = np.arange(2**recorded, dtype=np.float64) * (
        slots_of(bits) / slots_of(recorded)
    )
    return np.rint(steps).astype(np.int64)


def _train(layer: LayerTrace, bits: int, words: Words) -> LayerTrace:
    output = layer.output if layer.output is None else _spread(layer.output, bits, words)
    operands = tuple(_spread(operand, bits, words) for operand in layer.operands)
    return replace(layer, operands=operands, output=output, steps=tuple(range(slots_of(bits))))


def _spread(operand: Operand, bits: int, words: Words) -> Operand:
    """Return a train of slots instead of codes."""
    if operand.coding != "time":
        return operand
    slots = slots_of(bits)
    if operand.words is None:
        rate = None if operand.rate is None else operand.rate / slots
        return Operand(operand.shape, "spikes", 1, slots, rate=rate)
    return Operand(operand.shape, "spikes", 1, slots, words[_requantised(operand.bits, bits)][operand.words])


def _one_hot(bits: int) -> Words:
    """Return the train of every code: one spike with as many slots left, its own among them; none for 0."""
    slots = slots_of(bits)
    return pack([[code == slots - slot for code in range(slots + 1)] for slot in range(slots)])


def _spread_evenly(bits: int) -> Words:
    """Return the train of every code: as many spikes, as far apart as they go."""
    slots = slots_of(bits)
    return pack(
        [
            [(slot + 1) * code // slots > slot * code // slots for code in range(slots + 1)]
            for slot in range(slots)
        ]
    )
