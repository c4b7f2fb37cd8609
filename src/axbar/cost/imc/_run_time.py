"""What happens because a factor of a product is computed at run time: it travels, waits, and is written or multiplied.

Per layer and inference, with H products of K x N right elements of r bits (sign included), written w times (once per
step on which the layer runs; once in all where they are the same on all steps), d copies of the layer and s slices:

    bits that travel to the layer     w H K N r, each copy's arrays their own
    cell_writes                       w d H K N 2 s        both columns of a pair, also cells at level 0
    write_turns                       w (rows in use)      rows one after the other, all arrays in parallel

A right operand that is written into arrays waits in the input buffers like the map that drives them: it is written
there and read once, row by row. One of digital units goes to a memory of its own beside them, from which every
product reads its element: K N H reads of r bits per left vector, none kept in between. u units of a tile work on
u outputs of one left vector at a time, so that each left element is read once per u outputs, ceil(N / u) times in all.
Digital products are not gated by zeros: positions x K x N x H of them on every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from axbar.cost._graph import Graph
from axbar.cost._types import Floats
from axbar.cost.imc._held import Held, right_bits
from axbar.cost.imc._mapping import Layout
from axbar.cost.imc._presented import Presented
from axbar.spec.imc import ImcSpec
from axbar.workload import LayerTrace

__all__ = [
    "RUN_TIME_EVENTS", "Right", "reasons_of", "right_of", "run_time_events", "run_time_notes", "taken_off",
]  # fmt: skip

#: event -> what one of them is
RUN_TIME_EVENTS: Final = {
    "cell_writes": "cell written at run time, both columns of a pair",
    "write_turns": "row of an array written at run time, one after the other",
    "rewrites": "time that the cells of the layer are written, per inference",
    "sram_arrays": "array of SRAM cells for an operand of run time, used or not",
    "products": "product of two numbers in a digital unit",
    "left_width": "magnitude bit of the left factor of such a product",
    "right_width": "magnitude bit of the right factor",
    "carries": "bit that sums of such products grow by",
    "left_bits": "bit of the left operand of digital units, read once",
    "outputs": "output of one left vector and group in digital units",
    "operand_B": "byte of the right operand that the memory of one tile holds",
    "operand_writes": "bit written to that memory",
    "operand_reads": "bit read from that memory",
}

#: events of arrays, which digital units have none of
_ON_ARRAYS: Final = (
    "reads", "pulse_reads", "slot_reads", "row_activations", "dac_conversions", "time_conversions", "slot_cells",
    "slot_levels", "cell_activations", "cell_drive", "level_drive", "cell_current",
    "level_current", "conversions", "used_columns", "subtractions", "shift_adds", "accumulations",
)  # fmt: skip
_UNITS: Final = {"nvm": "the chip's cells", "sram": "SRAM cells", "digital": "digital multipliers"}


@dataclass(frozen=True)
class Right:
    """Operands that are written at run time, by layer; 0 elsewhere, ``[L]`` each.

    Args:
        writes: how often an inference writes them.
        bits: of one write.
        staged: of these, those that wait in the input buffers.
    """

    writes: Floats
    bits: Floats
    staged: Floats


def right_of(graph: Graph, held: Held, bits: int) -> Right:
    """Return the operands that are written at run time; kept with the graph.

    Args:
        graph: what is charged.
        held: where they are held.
        bits: ``run_time.bits``.
    """
    key = ("right", held.key)
    if key not in graph.cache:
        writes, each = np.zeros(len(graph.layers)), np.zeros(len(graph.layers))
        for i in np.flatnonzero(held.run_time).tolist():
            layer = graph.layers[i]
            runs = graph.runs[i].item()
            writes[i] = min(1.0, runs) if _is_constant(layer) else runs
            each[i] = math.prod(layer.operands[1].shape) * right_bits(layer, bits)
        graph.cache[key] = Right(writes, each, np.where(held.digital, 0.0, each))
    return graph.cache[key]


def _is_constant(layer: LayerTrace) -> bool:
    operand = layer.operands[1]
    return operand.coding not in ("spikes", "signed") and not operand.per_step


def run_time_events(
    graph: Graph, inputs: Presented, layout: Layout, held: Held, right: Right, spec: ImcSpec
) -> dict[str, Floats]:
    """Count what is written at run time and what digital units multiply."""
    if not held.any:
        nothing = np.zeros(len(graph.layers))
        return dict.fromkeys(RUN_TIME_EVENTS, nothing)
    written = held.run_time & ~held.digital
    g, k, n = layout.groups, layout.fan_in, layout.fan_out
    times = np.where(written, right.writes, 0.0)
    vectors = np.where(held.digital, inputs.vectors, 0.0)
    per_tile = float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile)
    widths = np.array([0.0 if width is None else width.bits for width in held.widths])
    each = right.bits / np.maximum(1.0, g * k * n)
    return {
        "cell_writes": times * layout.copies * (g * k * n * (2.0 * held.slices)),
        "write_turns": times * layout.rows_used,
        "rewrites": times,
        "sram_arrays": np.where(held.sram, layout.tiles * per_tile, 0.0),
        "products": vectors * (g * k * n),
        "left_width": np.where(held.digital, inputs.digits * inputs.pulse, 0.0),
        "right_width": np.where(held.digital, widths, 0.0),
        "carries": np.where(held.digital, np.ceil(np.log2(np.maximum(k, 1.0))), 0.0),
        "left_bits": vectors * (g * k) * inputs.element_bits,
        "outputs": np.where(held.digital, n, 0.0),
        "operand_B": np.where(held.digital, right.bits / g / 8.0, 0.0),
        "operand_writes": np.where(held.digital, right.bits * right.writes, 0.0),
        "operand_reads": vectors * (g * k * n) * each,
    }


def reasons_of(graph: Graph, held: Held, spec: ImcSpec, max_cell_bits: int) -> tuple[str, ...]:
    """Return why operands of run time can't be written as asked; empty where they can."""
    own, found = spec.run_time, list[str]()
    for layer, width in zip(graph.layers, held.widths, strict=True):
        if width is None or own.unit == "digital":
            continue
        if own.unit == "nvm" and own.cell_bits > max_cell_bits:
            found.append(
                f"a cell of '{spec.device.name}' holds {max_cell_bits} bit, run_time.cell_bits is {own.cell_bits}; set "
                f"run_time.cell_bits={max_cell_bits} or choose another device"
            )
        if not width.codes.any():
            found.append(
                f"run_time.clip_high = {own.clip_high:g} leaves nothing but zero to write at '{layer.name}'; raise it"
            )
        if 2 * width.slices > spec.crossbar.cols:
            found.append(
                f"an operand of run_time.bits = {width.bits} needs {2 * width.slices} columns of {width.cell_bits}-bit "
                f"cells, crossbar.cols is {spec.crossbar.cols}; raise crossbar.cols or lower run_time.bits"
            )
        if found:
            break
    return tuple(found)


def run_time_notes(graph: Graph, held: Held, spec: ImcSpec) -> tuple[str, ...]:
    """Return where products of run-time operands are computed, and what was assumed of them."""
    layers = [layer for layer in graph.layers if layer.at_run_time]
    if not layers:
        return ()
    unit = spec.run_time.unit
    many = f"{len(layers)} products of operands computed at run time"
    found = [f"{many if len(layers) > 1 else many.replace('products', 'product')}: in {_UNITS[unit]}"]
    if unit != "digital":
        found.append(
            "all cells of a row of every array are written at once, row by row (assumed), those at level 0 too"
        )
    unseen = [layer.name for layer in layers if layer.operands[1].words is None]
    if unseen and unit != "digital":
        found.append(
            f"no operand recorded that is written for {_few(unseen)}: the bits of its codes are taken to be set "
            "independently"
        )
    return tuple(found)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def taken_off(events: Mapping[str, Floats], held: Held) -> dict[str, Floats]:
    """Return events of arrays, none of them for what lies on no array."""
    if not held.digital.any():
        return dict(events)
    return {
        name: np.where(held.digital, 0.0, value) if name in _ON_ARRAYS else value
        for name, value in events.items()
    }
