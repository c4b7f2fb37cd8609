"""What moves: inputs and operands to the buffers of tiles and out of them, sums from tile to tile, outputs to others.

Every input element is written once per step into each tile that needs it and read once per digit; what is written into
arrays at run time goes through the same buffers (``_run_time``). Outputs are stored in the bits of whoever reads them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

import numpy as np

from axbar.cost._graph import Graph
from axbar.cost._types import Floats
from axbar.cost.imc._dies import die_traffic
from axbar.cost.imc._held import right_bits
from axbar.cost.imc._mapping import Layout
from axbar.cost.imc._presented import Presented, element_bits
from axbar.cost.imc._run_time import Right
from axbar.spec.imc import ImcSpec

__all__ = ["buffer_events", "kept"]


def buffer_events(
    graph: Graph, inputs: Presented, layout: Layout, right: Right, spec: ImcSpec
) -> dict[str, Floats]:
    """Count what moves through the buffers of tiles and between tiles."""
    by_step, runs, turns, row_bits = spec.mapping.order == "step", graph.runs, inputs.turns, inputs.bit_turns
    copies = layout.row_copies / (layout.groups * layout.fan_in) * layout.bands
    foreign_values, foreign_bits = kept(graph, "foreign", lambda: _foreign(graph))
    held_in, held_out = kept(graph, "held", lambda: _held(graph)) if by_step else (0.0, 0.0)
    moved = turns * layout.sums_crossing
    bits = (spec.input.bits, spec.run_time.bits)
    outputs, finals = kept(graph, ("outputs", bits), lambda: _outputs(graph, *bits))
    once = inputs.elements * inputs.element_bits * runs
    written = right.bits * right.writes
    sent, staged = written * layout.copies, right.staged * right.writes * layout.copies
    of_arrays = 1.0 if layout.arrays.all() else np.where(layout.arrays > 0.0, 1.0, 0.0)
    at_work = np.minimum(layout.copies, layout.tile_rows / (layout.groups * layout.fan_in))
    share = np.minimum(at_work, layout.windows)
    at_once = 1.0 if by_step else inputs.steps
    # with one die, what does not fit is priced on the larger die that it would take
    on_a_die = float(spec.chip.max_tiles) if spec.chip.max_dies > 1 else math.inf
    die_bits, die_values = die_traffic(graph, layout.tiles, on_a_die, once, moved, written)
    return {
        "tile_rows": layout.tile_rows * inputs.pulse,
        "window_bits": inputs.window * inputs.element_bits * share * at_once,
        "input_read_bits": row_bits * layout.row_copies * of_arrays + staged,
        "input_write_bits": once * copies + staged,
        "output_bits": outputs,
        "final_values": finals,
        "sums_written": moved + foreign_values + held_in,
        "sums_read": moved + foreign_values + held_out,
        "input_wire": row_bits * layout.input_wire,
        "sum_wire": turns * layout.sum_wire,
        "sums_moved": moved,
        "transport_bits": once * copies + foreign_bits + sent,
        "serial_bits": once + foreign_bits + written,
        "foreign_values": foreign_values,
        "transfers": runs + right.writes if by_step else np.where(right.writes > 0.0, 2.0, 1.0),
        "die_bits": die_bits,
        "die_values": die_values,
    }


def kept(graph: Graph, key: Hashable, make: Callable[[], tuple[Floats, ...]]) -> tuple[Floats, ...]:
    """Return what depends on the graph, and what ``key`` names, alone; worked out once, so read-only."""
    if key not in graph.cache:
        graph.cache[key] = make()
        for value in graph.cache[key]:
            value.setflags(write=False)
    return graph.cache[key]


def _foreign(graph: Graph) -> tuple[Floats, Floats]:
    """Sums and spikes of other layers that are added here."""
    return np.array(graph.foreign_values), np.array(graph.foreign_bits)


def _held(graph: Graph) -> tuple[Floats, Floats]:
    """Sums written once and read on every step where a layer runs less often than its neurons."""
    written, read = np.zeros(len(graph.layers)), np.zeros(len(graph.layers))
    for i, (layer, neurons) in enumerate(zip(graph.layers, graph.neurons, strict=True)):
        for neuron in neurons:
            if len(neuron.steps) > layer.operands[0].steps and layer.steps[0] == 0:
                written[i] = math.prod(layer.geometry.out_shape) * graph.steps[layer.name]
                read[i] += math.prod(neuron.geometry.out_shape) * graph.steps[neuron.name]
    return written, read


def _outputs(graph: Graph, input_bits: int, written_bits: int) -> tuple[Floats, Floats]:
    """Bits of finished outputs, and outputs that leave at full width, per layer.

    An output is stored in the bits of whoever takes most: what it drives, or where it is written at run time.
    """
    bits, values = np.zeros(len(graph.layers)), np.zeros(len(graph.layers))
    lefts, rights = graph.lefts, graph.rights
    for i, layer in enumerate(graph.layers):
        elements = float(math.prod(layer.geometry.out_shape)) * graph.steps[layer.name]
        readers = [
            element_bits(reader, input_bits)
            for reader, sources in zip(graph.layers, lefts, strict=True)
            if i in sources
        ]
        readers += [
            right_bits(reader, written_bits)
            for reader, sources in zip(graph.layers, rights, strict=True)
            if i in sources
        ]
        if graph.neurons[i]:
            neurons = graph.neurons[i]
            bits[i] = sum(float(math.prod(n.geometry.out_shape)) * graph.steps[n.name] for n in neurons)
        elif readers:
            bits[i] = elements * max(readers)
        elif not graph.sends_sums[i]:
            values[i] = elements
    return bits, values
