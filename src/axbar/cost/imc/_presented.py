"""What the inputs of the layers look like to a chip, whatever its arrays are: counted once per input coding.

b digits of d bits in f sign phases, and by row of the unfolded matrix how often (``active``), how strongly in power
(``drive``) and in current (``share``) it is driven; see ``axbar.workload``. Array size, cells, tiles and mapping
do not enter, so design points that differ in those alone share all of this. Rows that are left out because they hold
no weight (``_stored``) are driven by nothing; everything else is the same with and without them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from axbar.cost._graph import Graph
from axbar.cost._types import Floats
from axbar.cost.imc._stored import Stored
from axbar.workload import LayerTrace, active_rows, phases, planes, pulse_bits, row_drive, slots_of
from axbar.workload import element_bits as bits_of_element

__all__ = ["Presented", "element_bits", "presented", "presented_to"]


@dataclass(frozen=True)
class Presented:
    """Inputs of L layers, ``[L]`` each, or one array of rows per layer.

    Args:
        digits, pulse, phases: b, d, f.
        turns: array reads, positions x runs x digits x phases.
        planned: the same if no sample leaves early.
        bit_turns: the same for digits of one bit.
        vectors: positions x runs.
        active, drive, share: by stored row, ``[groups * fan_in]`` each, mean per sample.
        activated, driven, shared: their sums over rows.
        element_bits: bits in which a buffer holds one input element.
        elements: input elements of one step.
        window: input elements that must be at hand for one row of output positions.
        steps: steps on which the layer runs if no sample leaves early.
        slots: of the window in which rows are on for a time; 0 where they are not.
    """

    digits: Floats
    pulse: Floats
    phases: Floats
    turns: Floats
    planned: Floats
    bit_turns: Floats
    vectors: Floats
    active: tuple[Floats, ...]
    drive: tuple[Floats, ...]
    share: tuple[Floats, ...]
    activated: Floats
    driven: Floats
    shared: Floats
    element_bits: Floats
    elements: Floats
    window: Floats
    steps: Floats
    slots: Floats


def presented(graph: Graph, bits: int, dac_bits: int) -> Presented:
    """Return the inputs of all rows as drivers of ``dac_bits`` bits present them; kept with the graph."""
    key = ("presented", bits, dac_bits)
    if key not in graph.cache:
        graph.cache[key] = _presented(graph, bits, dac_bits)
    return graph.cache[key]


def presented_to(graph: Graph, bits: int, dac_bits: int, stored: Stored, arrangement: str) -> Presented:
    """Return the same of the rows that are stored, for arrays of this ``mapping.layout``; kept with the graph."""
    if stored.complete:
        return presented(graph, bits, dac_bits)
    key = ("presented", bits, dac_bits, arrangement)
    if key not in graph.cache:
        graph.cache[key] = _restricted(presented(graph, bits, dac_bits), stored)
    return graph.cache[key]


def _restricted(inputs: Presented, stored: Stored) -> Presented:
    active, drive, share = (_taken(rows, stored) for rows in (inputs.active, inputs.drive, inputs.share))
    return replace(
        inputs,
        active=active,
        drive=drive,
        share=share,
        activated=_array([float(rows.sum()) for rows in active]),
        driven=_array([float(rows.sum()) for rows in drive]),
        shared=_array([float(rows.sum()) for rows in share]),
    )


def _taken(rows: Sequence[Floats], stored: Stored) -> tuple[Floats, ...]:
    """Take the stored rows of every group."""
    return tuple(
        each if kept is None else each.reshape(-1, len(kept))[:, kept].reshape(-1)
        for each, kept in zip(rows, stored.rows, strict=True)
    )


def _presented(graph: Graph, bits: int, dac_bits: int) -> Presented:
    layers = graph.layers
    operands = [layer.operands[0] for layer in layers]
    digits = _array([planes(o, bits, dac_bits) for o in operands])
    signs = _array([phases(o) for o in operands])
    positions = _array([layer.geometry.positions for layer in layers])
    steps = _array([o.steps for o in operands])
    run = [1.0 if o.words is not None else at / o.steps for o, at in zip(operands, graph.runs, strict=True)]
    active = _of_runs((active_rows(layer, bits, dac_bits) for layer in layers), run)
    drive = _of_runs((row_drive(layer, bits, dac_bits) for layer in layers), run)
    share = _of_runs((row_drive(layer, bits, dac_bits, power=1) for layer in layers), run)
    bit_digits = _array([o.bits if o.coding == "time" else planes(o, bits) for o in operands])
    return Presented(
        digits=digits,
        pulse=_array([pulse_bits(o, bits, dac_bits) for o in operands]),
        phases=signs,
        turns=positions * digits * signs * graph.runs,
        planned=positions * digits * signs * steps,
        bit_turns=positions * bit_digits * signs * graph.runs,
        vectors=positions * graph.runs,
        active=active,
        drive=drive,
        share=share,
        activated=_array([float(rows.sum()) for rows in active]),
        driven=_array([float(rows.sum()) for rows in drive]),
        shared=_array([float(rows.sum()) for rows in share]),
        element_bits=_array([element_bits(layer, bits) for layer in layers]),
        elements=_array([math.prod(layer.geometry.in_shape) for layer in layers]),
        window=_array([_window(layer) for layer in layers]),
        steps=steps,
        slots=_array([slots_of(o.bits) if o.coding == "time" else 0 for o in operands]),
    )


def _of_runs(rows: Iterable[Floats], run: Sequence[float]) -> tuple[Floats, ...]:
    """Return the rows of layers that run on a share of their steps; recorded words were struck out before."""
    return tuple(each if share == 1.0 else each * share for each, share in zip(rows, run, strict=True))


def _array(values: list[int] | list[float]) -> Floats:
    found = np.array(values, dtype=np.float64)
    found.setflags(write=False)
    return found


def element_bits(layer: LayerTrace, input_bits: int) -> float:
    """Return the bits in which a buffer holds one input element of a layer."""
    operand = layer.operands[0]
    return float(bits_of_element(operand, input_bits))


def _window(layer: LayerTrace) -> float:
    shape = layer.geometry
    if len(shape.in_shape) != 3:
        return float(shape.in_shape[-1])
    height = min(shape.in_shape[1], (shape.kernel[0] - 1) * shape.dilation[0] + 1)
    return float(shape.in_shape[0] * height * shape.in_shape[2])
