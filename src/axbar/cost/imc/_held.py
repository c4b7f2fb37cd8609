"""Where the right factor of each product is held: weights on cells, operands of run time where ``run_time`` says.

Weights of ``crossbar.weight_bits`` stand on cells of ``crossbar.cell_bits``. What is computed at run time stands, with
``run_time.unit``,

    nvm        on cells of the chip's device, ``run_time.cell_bits`` each, after ``devices.clipped_codes``
    sram       on SRAM cells of one bit each, those of the registered device ``sram``
    digital    in a memory beside digital multipliers; on no array

with ``run_time.bits`` magnitude bits. Spikes have one bit, held in one cell over its whole range, as a spike is one
pulse of the whole read voltage, and are not clipped. Digits above that of the largest clipped code are never written
and take no columns: s = ceil(bits of that code / bits of a cell) slices, one at least. An operand that is the same on
all steps is written once per image, any other one on every step on which its layer runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from axbar.cost._graph import Graph
from axbar.cost._types import Bools, Floats
from axbar.devices import clipped_codes, n_slices
from axbar.spec.imc import ImcSpec
from axbar.workload import LayerTrace, Operand, element_bits

__all__ = ["Held", "Width", "clips", "held_in", "held_of", "right_bits"]


@dataclass(frozen=True)
class Width:
    """Magnitude bits of an operand written at run time, bits of a cell, and what is written in place of each code.

    Args:
        bits, cell_bits: of an element, of a cell.
        codes: ``[2^bits]``, after clipping.
    """

    bits: int
    cell_bits: int
    codes: NDArray[np.uint8]

    @property
    def slices(self) -> int:
        """Cells of one element."""
        return max(1, -(-int(self.codes.max()).bit_length() // self.cell_bits))


@dataclass(frozen=True)
class Held:
    """Right factors of L layers.

    Args:
        slices, cell_bits: cells of one element on one column of each pair, and bits of a cell, ``[L]``.
        run_time: which are computed at run time, ``[L]``.
        digital: which of these lie on no array, ``[L]``.
        sram: which of these lie on SRAM cells, ``[L]``.
        widths: of those on arrays or in digital units; None for weights.
        key: what all this depends on beside the layers.
    """

    slices: Floats
    cell_bits: Floats
    run_time: Bools
    digital: Bools
    sram: Bools
    widths: tuple[Width | None, ...]
    key: Hashable

    @property
    def any(self) -> bool:
        """Whether anything is computed at run time."""
        return any(width is not None for width in self.widths)


def held_in(graph: Graph, spec: ImcSpec) -> Held:
    """Return where the right factors of a graph's layers are held; kept with the graph."""
    key = ("held", spec.crossbar.weight_bits, spec.crossbar.cell_bits, _key(spec))
    if key not in graph.cache:
        graph.cache[key] = held_of(graph.layers, spec)
    return graph.cache[key]


def held_of(layers: Sequence[LayerTrace], spec: ImcSpec) -> Held:
    """Return where the right factors of layers are held."""
    unit, weight_bits, cell = spec.run_time.unit, spec.crossbar.weight_bits, spec.crossbar.cell_bits
    at_run_time = np.array([layer.at_run_time for layer in layers], dtype=np.bool_)
    known: dict[bool, Width] = {}

    def width_of(operand: Operand) -> Width:
        spikes = _is_spikes(operand)
        if spikes not in known:
            known[spikes] = _width(spec, spikes)
        return known[spikes]

    widths = tuple(width_of(layer.operands[1]) if layer.at_run_time else None for layer in layers)
    stored = n_slices(weight_bits, cell)
    return Held(
        slices=np.array([stored if w is None else w.slices for w in widths], dtype=np.float64),
        cell_bits=np.array([cell if w is None else w.cell_bits for w in widths], dtype=np.float64),
        run_time=at_run_time,
        digital=at_run_time & (unit == "digital"),
        sram=at_run_time & (unit == "sram"),
        widths=widths,
        key=_key(spec) if at_run_time.any() else (),
    )


def clips(unit: str, clip_low: float, clip_high: float) -> bool:
    """Return whether anything is clipped: only what is written into cells of the chip's device is."""
    return unit == "nvm" and (clip_low != 0.0 or clip_high != 1.0)


def right_bits(layer: LayerTrace, bits: int) -> float:
    """Return the bits in which a buffer holds one element of the right operand, its sign included."""
    operand = layer.operands[1]
    return float(element_bits(operand, bits))


def _key(spec: ImcSpec) -> Hashable:
    own = spec.run_time
    if not clips(own.unit, own.clip_low, own.clip_high):
        return (own.unit, own.bits, own.cell_bits)
    device = spec.device
    return (
        own.unit,
        own.bits,
        own.cell_bits,
        own.clip_low,
        own.clip_high,
        device.g_off_S,
        device.g_on_S,
    )


def _is_spikes(operand: Operand) -> bool:
    return operand.coding in ("spikes", "signed")


def _width(spec: ImcSpec, spikes: bool) -> Width:
    own, device = spec.run_time, spec.device
    bits = 1 if spikes else own.bits
    codes = np.arange(2**bits, dtype=np.uint8)
    if clips(own.unit, own.clip_low, own.clip_high) and not spikes:
        if own.clip_high * device.g_on_S <= device.g_off_S:
            codes = np.zeros_like(codes)  # a design that has a reason, see ``_run_time``
        else:
            codes = clipped_codes(bits, own.clip_low, own.clip_high, device.g_off_S, device.g_on_S)
    return Width(bits, own.cell_bits if own.unit == "nvm" and not spikes else 1, codes)
