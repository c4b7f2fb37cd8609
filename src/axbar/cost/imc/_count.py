"""What happens how often on an in-memory-computing chip, from the recorded spikes.

Per layer and inference (mean per sample), with V input vectors (output positions x steps on which the layer
runs), b digits of each element (1 for spikes; a real input of input.bits is presented in digits of d =
input.dac_bits bits, b = ceil(input.bits / d)), f sign phases (2 if a real input has negative values), R row
tiles, C column tiles, N outputs of all groups, s slices per weight:

    reads            = V b f             array reads in turn; all arrays of the layer read in parallel
    row_activations  = sum_i a_i C       a_i: how often row i of the unfolded matrix is driven (digit not 0)
    dac_conversions  = row_activations   where pulses carry more than one bit, else 0
    cell_activations = sum_i a_i n_i     n_i: columns in use that row i crosses
    cell_drive       = sum_i q_i n_i     q_i: as a_i, each pulse weighted by (digit / (2^d - 1))^2
    level_drive      = sum_i q_i B_i     B_i: as n_i, each cell weighted by its level 0..1
    conversions      = reads R N 2 s     columns in use; every read converts all of them
    subtractions     = reads R N s
    shift_adds       = reads R N (s - 1) + V N (b - 1)
    accumulations    = reads N (R - 1) + V b N (f - 1)

Wider digits make larger column sums, which the converters' range is fitted to: the converted word keeps
adc.bits, and a partial sum grows by the shift of the highest digit alone, d (b - 1) bits. Buffers hold and
deliver the bits of an element once, in whatever digits it is driven.

Neurons update on every step, spiking or not. Reading, converting and updating are not gated by activity: an
all-zero vector costs a read. A layer that runs once and drives neurons on T steps holds its sums in the output
buffer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from axbar import registry
from axbar.cost._types import Events, Floats
from axbar.cost.imc._graph import EXTERNAL, Graph, graph_of
from axbar.cost.imc._mapping import Layout, map_layers
from axbar.cost.imc._weights import row_levels
from axbar.devices import DevicePreset
from axbar.errors import UsageError
from axbar.spec.imc import ImcSpec
from axbar.workload import (
    LayerTrace,
    Workload,
    active_rows,
    phases,
    planes,
    pulse_bits,
    reads,
    row_drive,
)

__all__ = ["EVENTS", "count"]

#: event -> what one of them is
EVENTS: Final = {
    "reads": "array read, one after the other (vectors x input digits x sign phases)",
    "row_activations": "active row of one array",
    "dac_conversions": "digit of more than one bit turned into the voltage of an active row",
    "cell_activations": "cell on an active row",
    "cell_drive": "cell on an active row, weighted by its row's squared share of the read voltage",
    "level_drive": "the same, also weighted by the cell's level 0..1",
    "conversions": "converted column",
    "used_columns": "column in use, at most, in any array",
    "subtractions": "minus column subtracted from plus column",
    "shift_adds": "shift-add over slices and input digits",
    "accumulations": "addition over row tiles and sign phases",
    "carry_bits": "bit of a partial sum beyond the converter's",
    "adder_levels": "level of the adder tree over row tiles",
    "tile_rows": "row bit that one tile needs per read, at most",
    "window_bits": "bit of the input window that one tile must hold",
    "input_read_bits": "bit read from the input buffers",
    "input_write_bits": "bit written to the input buffers",
    "output_bits": "bit of finished outputs",
    "final_values": "output that leaves at full width",
    "sums_written": "partial sum parked in the output buffers",
    "sums_read": "parked partial sum read back",
    "input_wire": "input bit times array pitches of wire inside tiles",
    "sum_wire": "partial sum times array pitches of wire inside tiles",
    "sums_moved": "partial sum that passes to the neighbouring tile",
    "transport_bits": "bit that travels to this layer",
    "serial_bits": "bit that enters this layer over one link",
    "foreign_values": "sum of another layer that is added here",
    "transfers": "input map sent",
    "hops": "mesh hop between the layer and its sources",
    "lif_updates": "neuron update",
    "neurons": "neuron",
    "neuron_steps": "step on which neurons update",
    "tiles": "tile",
    "arrays_built": "array on these tiles, used or not",
    "built_cells": "cell on these tiles, used or not",
    "volatile_cells": "cell that leaks, used or not",
}

_graphs: WeakKeyDictionary[Workload, Graph] = WeakKeyDictionary()


def count(workload: Workload, spec: ImcSpec) -> Events:
    """Count the events of one inference on one structural choice of the chip.

    Args:
        workload: recorded, or built from shapes and rates.
        spec: only its structural fields are read.

    Raises:
        UsageError: no layer lies on arrays, nothing was recorded, or a layer's weights were fixed to other
            bits.
    """
    _check(workload.matmuls, workload, spec)
    if workload not in _graphs:
        _graphs[workload] = graph_of(workload)
    graph = _graphs[workload]
    layout = map_layers(graph.layers, spec)
    events = {
        **_array_events(graph.layers, layout, spec),
        **_buffer_events(graph, layout, spec),
        **_neuron_events(graph),
        **_built(layout, spec),
        "hops": _mesh_hops(graph, layout.tiles),
    }
    return Events(
        layers=tuple(layer.name for layer in graph.layers),
        counts={name: events[name] for name in EVENTS},
        mapping={
            "arrays": layout.arrays, "pes": layout.pes, "tiles": layout.tiles, "row_tiles": layout.row_tiles,
            "col_tiles": layout.col_tiles, "groups_per_array": layout.pack, "rows_used": layout.rows_used,
            "cols_used": layout.cols_used, "utilisation": layout.utilisation,
        },
        meaning=EVENTS,
        notes=_notes(graph, workload, spec),
        unpriced=tuple(graph.unpriced),
        reasons=_reasons(spec),
    )  # fmt: skip


def _check(layers: Sequence[LayerTrace], workload: Workload, spec: ImcSpec) -> None:
    if not layers:
        raise UsageError(
            f"workload '{workload.name}' has no layer with stored weights (conv2d, linear), so nothing lies "
            "on arrays; trace a network that has one."
        )
    bits = spec.crossbar.weight_bits
    for layer in layers:
        if layer.bits is not None and layer.bits != bits:
            raise UsageError(
                f"layer '{layer.name}' was fixed to {layer.bits}-bit weights by a technique, but "
                f"crossbar.weight_bits is {bits}; set crossbar.weight_bits={layer.bits} or drop the "
                "technique."
            )
        operand = layer.operands[0]
        if operand.words is None and operand.rate is None:
            raise UsageError(
                f"layer '{layer.name}' has neither recorded spikes nor a rate; trace the network with a "
                "batch or give a rate."
            )


def _array_events(layers: Sequence[LayerTrace], layout: Layout, spec: ImcSpec) -> dict[str, Floats]:
    bits, dac = spec.input.bits, spec.input.dac_bits
    operands = [layer.operands[0] for layer in layers]
    b = np.array([planes(o, bits, dac) for o in operands], dtype=np.float64)
    d = np.array([pulse_bits(o, bits, dac) for o in operands], dtype=np.float64)
    f = np.array([phases(o) for o in operands], dtype=np.float64)
    turns = np.array([reads(layer, bits, dac) for layer in layers], dtype=np.float64)
    vectors = turns / (b * f)
    n, r, s = layout.groups * layout.fan_out, layout.row_tiles, float(layout.slices)
    active = [active_rows(layer, bits, dac) for layer in layers]
    drive = [row_drive(layer, bits, dac) for layer in layers]
    row_activations = np.array([a.sum() for a in active]) * layout.col_tiles
    levels = [row_levels(layer, spec.crossbar.weight_bits, spec.crossbar.cell_bits) for layer in layers]
    values = turns * (r * n)
    adder_levels = np.ceil(np.log2(r))
    return {
        "reads": turns,
        "row_activations": row_activations,
        "dac_conversions": np.where(d > 1.0, row_activations, 0.0),
        "cell_activations": np.array([layout.cells_seen(i, a) for i, a in enumerate(active)]),
        "cell_drive": np.array([layout.cells_seen(i, q) for i, q in enumerate(drive)]),
        "level_drive": np.array([q @ c for q, c in zip(drive, levels, strict=True)]),
        "conversions": values * (2.0 * s),
        "used_columns": layout.cols_used,
        "subtractions": values * s,
        "shift_adds": values * (s - 1.0) + vectors * n * (b - 1.0),
        "accumulations": turns * n * (r - 1.0) + vectors * b * n * (f - 1.0),
        "carry_bits": 1.0 + (s - 1.0) * spec.crossbar.cell_bits + adder_levels + d * (b - 1.0),
        "adder_levels": adder_levels,
    }


def _buffer_events(graph: Graph, layout: Layout, spec: ImcSpec) -> dict[str, Floats]:
    layers, bits, dac = graph.layers, spec.input.bits, spec.input.dac_bits
    turns = np.array([reads(layer, bits, dac) for layer in layers], dtype=np.float64)
    row_bits = np.array([reads(layer, bits) for layer in layers], dtype=np.float64)
    pulse = np.array([pulse_bits(layer.operands[0], bits, dac) for layer in layers], dtype=np.float64)
    runs = np.array([layer.operands[0].steps for layer in layers], dtype=np.float64)
    element_bits = np.array([_element_bits(layer, bits) for layer in layers])
    elements = np.array([math.prod(layer.geometry.in_shape) for layer in layers], dtype=np.float64)
    copies = layout.row_copies / (layout.groups * layout.fan_in)
    foreign_values, foreign_bits = np.array(graph.foreign_values), np.array(graph.foreign_bits)
    held_in, held_out = _held(graph)
    moved = turns * layout.sums_crossing
    outputs, finals = _outputs(graph, bits)
    once = elements * element_bits * runs
    share = np.minimum(1.0, layout.tile_rows / (layout.groups * layout.fan_in))
    return {
        "tile_rows": layout.tile_rows * pulse,
        "window_bits": np.array([_window(layer) for layer in layers]) * element_bits * share,
        "input_read_bits": row_bits * layout.row_copies,
        "input_write_bits": once * copies,
        "output_bits": outputs,
        "final_values": finals,
        "sums_written": moved + foreign_values + held_in,
        "sums_read": moved + foreign_values + held_out,
        "input_wire": row_bits * layout.input_wire,
        "sum_wire": turns * layout.sum_wire,
        "sums_moved": moved,
        "transport_bits": once * copies + foreign_bits,
        "serial_bits": once + foreign_bits,
        "foreign_values": foreign_values,
        "transfers": runs,
    }


def _element_bits(layer: LayerTrace, input_bits: int) -> float:
    operand = layer.operands[0]
    return float(planes(operand, input_bits) + phases(operand) - 1)


def _window(layer: LayerTrace) -> float:
    """Input elements that must be at hand for one row of output positions."""
    shape = layer.geometry
    if len(shape.in_shape) != 3:
        return float(shape.in_shape[-1])
    height = min(shape.in_shape[1], (shape.kernel[0] - 1) * shape.dilation[0] + 1)
    return float(shape.in_shape[0] * height * shape.in_shape[2])


def _held(graph: Graph) -> tuple[Floats, Floats]:
    """Sums written once and read on every step where a layer runs less often than its neurons."""
    written, read = np.zeros(len(graph.layers)), np.zeros(len(graph.layers))
    for i, (layer, neurons) in enumerate(zip(graph.layers, graph.neurons, strict=True)):
        for neuron in neurons:
            if len(neuron.steps) > layer.operands[0].steps:
                written[i] = math.prod(layer.geometry.out_shape) * layer.operands[0].steps
                read[i] += math.prod(neuron.geometry.out_shape) * len(neuron.steps)
    return written, read


def _outputs(graph: Graph, input_bits: int) -> tuple[Floats, Floats]:
    """Bits of finished outputs, and outputs that leave at full width, per layer."""
    bits, values = np.zeros(len(graph.layers)), np.zeros(len(graph.layers))
    for i, layer in enumerate(graph.layers):
        elements = float(math.prod(layer.geometry.out_shape)) * layer.operands[0].steps
        readers = [
            reader for reader, sources in zip(graph.layers, graph.sources, strict=True) if i in sources
        ]
        if graph.neurons[i]:
            bits[i] = sum(float(math.prod(n.geometry.out_shape)) * len(n.steps) for n in graph.neurons[i])
        elif readers:
            bits[i] = elements * max(_element_bits(reader, input_bits) for reader in readers)
        elif not graph.sends_sums[i]:
            values[i] = elements
    return bits, values


def _neuron_events(graph: Graph) -> dict[str, Floats]:
    sizes = [
        [(float(math.prod(n.geometry.out_shape)), len(n.steps)) for n in hosted] for hosted in graph.neurons
    ]
    return {
        "lif_updates": np.array(
            [sum(size * steps for size, steps in hosted) for hosted in sizes], dtype=np.float64
        ),
        "neurons": np.array([sum(size for size, _ in hosted) for hosted in sizes], dtype=np.float64),
        "neuron_steps": np.array(
            [max((steps for _, steps in hosted), default=0) for hosted in sizes], dtype=np.float64
        ),
    }


def _built(layout: Layout, spec: ImcSpec) -> dict[str, Floats]:
    built = layout.tiles * float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile)
    cells = built * float(spec.crossbar.rows * spec.crossbar.cols)
    return {
        "tiles": layout.tiles,
        "arrays_built": built,
        "built_cells": cells,
        "volatile_cells": cells if _device(spec).volatile else np.zeros_like(cells),
    }


def _device(spec: ImcSpec) -> DevicePreset:
    found: DevicePreset = registry.get("devices", spec.device.name)
    return found


def _reasons(spec: ImcSpec) -> tuple[str, ...]:
    most = _device(spec).max_cell_bits
    if spec.crossbar.cell_bits <= most:
        return ()
    return (
        f"a cell of '{spec.device.name}' holds {most} bit, crossbar.cell_bits is {spec.crossbar.cell_bits}; "
        f"set crossbar.cell_bits={most} or choose another device",
    )


def _mesh_hops(graph: Graph, tiles: Floats) -> Floats:
    """Mean distance between a layer and its sources in a square mesh, filled in a snake."""
    ends = np.cumsum(tiles)
    side = np.ceil(np.sqrt(ends[-1]))
    sum_x, sum_y = _snake_sums(np.concatenate([[0.0], ends]), side)
    x, y = np.diff(sum_x) / tiles, np.diff(sum_y) / tiles
    hops = np.ones(len(graph.layers))
    for i, sources in enumerate(graph.sources):
        at = [(0.0, 0.0) if s == EXTERNAL else (x[s], y[s]) for s in sources]
        if at:
            hops[i] = max(1.0, sum(abs(x[i] - px) + abs(y[i] - py) for px, py in at) / len(at))
    return hops


def _snake_sums(n: Floats, side: float) -> tuple[Floats, Floats]:
    """Sums of the columns and of the rows of the first ``n`` places."""
    full, rest = n // side, n % side
    forward = rest * (rest - 1) / 2
    part = np.where(full % 2 == 0, forward, rest * (side - 1) - forward)
    return full * (side * (side - 1) / 2) + part, side * full * (full - 1) / 2 + rest * full


def _notes(graph: Graph, workload: Workload, spec: ImcSpec) -> tuple[str, ...]:
    notes: list[str] = []
    if workload.spikes_of == "assumed":
        notes.append("spike rates are assumed, not recorded")
    unweighted = [layer.name for layer in graph.layers if layer.weight is None]
    if unweighted:
        notes.append(
            f"no weights recorded for {', '.join(unweighted)}: every magnitude bit is taken to be set half "
            "of the time"
        )
    unseen = [
        layer.name
        for layer in graph.layers
        if layer.operands[0].words is None
        and pulse_bits(layer.operands[0], spec.input.bits, spec.input.dac_bits) > 1
    ]
    if unseen:
        notes.append(
            f"no inputs recorded for {', '.join(unseen)}: the bits of an input digit are taken to be set "
            "independently"
        )
    if workload.exit_step is not None:
        notes.append("early exit was recorded but all steps are charged")
    if graph.unpriced:
        ops = sorted({op for _, op in graph.unpriced})
        notes.append(
            f"not priced: {len(graph.unpriced)} layers that are neither products nor neurons "
            f"({', '.join(ops)})"
        )
    return tuple(notes)
