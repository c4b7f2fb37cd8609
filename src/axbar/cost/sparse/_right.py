"""Products of two operands that are both computed at run time, as attention's scores and mixes, on this kind of chip.

The left operand is presented as the input of any layer: spikes as words of steps, numbers as bit planes. The right one
takes the place of the weights, head by head: zeros are those of the recorded words, so that its density is that of the
activity. Numbers are coded anew in weight_bits, sign included, ``round(code (2^(weight_bits - 1) - 1) / (2^b - 1))``;
spikes are values of one bit, two with a sign. Spikes, and numbers that differ from step to step, are another right
operand on each step: words of several steps, as LoAS packs them, have to be taken apart.

Every map between two layers passes DRAM on these chips, written by the one and read by the other. So it is with the
right operand: it is fetched as an input, but in the format of weights and as often as the dataflow fetches weights.

What was not recorded is drawn: bits that are set independently with the recorded rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse._settings import Setting
from axbar.cost.sparse.unfold import Words, requantised, seed_of, varies
from axbar.errors import UsageError
from axbar.workload import LayerTrace, Operand, phases
from axbar.workload._pack import pack

__all__ = ["right_codes", "right_notes", "with_right"]

Codes = NDArray[np.int32]
_SPIKES: Final = ("spikes", "signed")


def with_right(layer: LayerTrace, setting: Setting) -> Setting:
    """Return the setting in which values of a right operand of spikes take one bit, two with a sign."""
    if not layer.at_run_time or layer.operands[1].coding not in _SPIKES:
        return setting
    values = replace(setting.flow.w, value_bits=phases(layer.operands[1]))
    return replace(setting, flow=replace(setting.flow, w=values))


def right_codes(layer: LayerTrace, sample: int, bits: int) -> list[list[Codes]]:
    """Return the integers of a right operand: of each of its steps (one if all are alike), each group, ``[K, N]``.

    Args:
        layer: a product of two run-time operands.
        sample: index of the recorded sample.
        bits: of a number, sign included.

    Raises:
        UsageError: neither words nor a rate were recorded.
    """
    operand = layer.operands[1]
    words, negative = _words(layer, operand, sample)
    if operand.coding in _SPIKES:
        steps = [_bits_at(words, negative, t) for t in range(operand.steps)]
    else:
        codes = requantised(words, operand.bits, bits - 1).astype(np.int32)
        signed = codes if negative is None else np.where(negative, -codes, codes)
        steps = (
            list(signed)
            if operand.per_step and operand.words is not None
            else [signed] * (operand.steps if varies(operand) else 1)
        )
    return [[np.ascontiguousarray(group, dtype=np.int32) for group in step] for step in steps]


def _words(layer: LayerTrace, operand: Operand, sample: int) -> tuple[Words, NDArray[Any] | None]:
    if operand.words is not None:
        at = min(sample, len(operand.words) - 1)
        return operand.words[at], None if operand.negative is None else operand.negative[at]
    if operand.rate is None:
        raise UsageError(
            f"the right operand of layer '{layer.name}' has neither recorded words nor a rate; trace the network with "
            "a batch or give a rate."
        )
    rng = np.random.default_rng(seed_of(layer, "right"))
    planes = operand.steps if operand.coding in _SPIKES else operand.bits
    return pack(rng.random((planes, *operand.shape), dtype=np.float32) < operand.rate), None


def _bits_at(words: Words, negative: NDArray[Any] | None, step: int) -> Codes:
    """Return the spikes of one step, -1 where they are negative."""

    def at(packed: NDArray[Any]) -> Codes:
        return ((packed >> packed.dtype.type(step)) & packed.dtype.type(1)).astype(np.int32)

    return at(words) if negative is None else at(words) * (1 - 2 * at(negative.astype(words.dtype)))


def right_notes(layers: tuple[LayerTrace, ...], some: Callable[[list[str]], str]) -> list[str]:
    """Return what is said about products of run-time operands.

    Args:
        layers: the products of the network.
        some: names in words.
    """
    products = [layer for layer in layers if layer.at_run_time]
    if not products:
        return []
    found = [
        f"the right operand of {some([at.name for at in products])} takes the place of weights, zeros as recorded; "
        "like any map it is read from DRAM"
    ]
    drawn = [at.name for at in products if at.operands[1].words is None]
    if drawn:
        found.append(f"assumed: right operands of {some(drawn)} are drawn at random with the given rate")
    split = [at.name for at in products if varies(at.operands[1])]
    if split:
        found.append(f"{some(split)}: another right operand on each step, so each step is a pass of its own")
    return found
