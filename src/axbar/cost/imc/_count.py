"""What happens how often on an in-memory-computing chip, from the recorded spikes.

Per layer and inference (mean per sample; samples may leave early: ``_charged``), with V input vectors (output
positions x steps on which the layer runs), b digits of each element (1 for spikes; a real input of input.bits is
presented in digits of d = input.dac_bits bits, b = ceil(input.bits / d)), f sign phases (2 if a real input has
negative values), R row tiles, C column tiles, N outputs of all groups, s slices per weight:

    reads            = V b f             array reads; all arrays of the layer read in parallel
    reads in turn    = reads * ceil(positions / copies) / positions      the event ``reads``: ``_copies``
    row_activations  = sum_i a_i C       a_i: how often stored row i of the unfolded matrix is driven (digit not 0)
    dac_conversions  = row_activations   where pulses carry more than one bit, else 0
    cell_activations = sum_i a_i n_i     n_i: columns in use that row i crosses
    cell_drive       = sum_i q_i n_i     q_i: as a_i, each pulse weighted by (digit / (2^d - 1))^2
    level_drive      = sum_i q_i B_i     B_i: as n_i, each cell weighted by its level 0..1
    cell_current     = sum_i p_i n_i     p_i: as q_i, but weighted by digit / (2^d - 1): what a current goes by
    level_current    = sum_i p_i B_i
    slot_cells       = sum_i c_i n_i     c_i: slots that row i is on, where inputs are times of first spikes
    slot_levels      = sum_i c_i B_i
    conversions      = reads R N 2 s     columns in use; every read converts all of them
    subtractions     = reads R N s
    shift_adds       = reads R N (s - 1) + V N (b - 1)
    accumulations    = reads N (R - 1) + V b N (f - 1)

Wider digits make larger column sums, which the converters' range is fitted to: the converted word keeps
adc.bits, and a partial sum grows by the shift of the highest digit alone, d (b - 1) bits. Buffers hold and
deliver the bits of an element once, in whatever digits it is driven. Rows that hold no weight are left out
(``_stored``): R and the sums over rows are those of the rows that are stored.

Neurons update on every step, spiking or not; those that share a membrane one after the other (``cost/_membranes.py``),
each update with a read and a write of its own. Reading, converting and updating are not gated by activity: an
all-zero vector costs a read. A layer that runs once and drives neurons on T steps holds its sums in the output
buffer, if all layers take turns step by step; layer by layer (``mapping.order``) its neurons make all steps of a
sum at once, nothing is held, membranes stay in the neuron units, and an input map is sent once, of all steps.

A product of two operands of run time is read like a layer of weights, with the slices of ``_held`` and the levels of
``_right``; ``_run_time`` counts what writing takes, and what happens in place of all this in digital units. Both its
operands travel to it.
"""

from __future__ import annotations

import math
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from axbar import registry
from axbar.cost._charged import charged
from axbar.cost._countable import check_countable
from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._membranes import MEMBRANES_MEANING, TURNS_EVENT, TURNS_MEANING, membranes_of, turns_of
from axbar.cost._types import Events, Floats
from axbar.cost.imc._held import Held, held_in
from axbar.cost.imc._mapping import Layout, map_layers
from axbar.cost.imc._memory import MEMORY_EVENTS, memory_events
from axbar.cost.imc._presented import Presented, presented, presented_to
from axbar.cost.imc._right import level_sums
from axbar.cost.imc._run_time import (
    RUN_TIME_EVENTS,
    reasons_of,
    right_of,
    run_time_events,
    run_time_notes,
    taken_off,
)
from axbar.cost.imc._stored import Stored, left_out_note, stored_in
from axbar.cost.imc._travel import buffer_events, kept
from axbar.cost.imc._units import UNIT_EVENTS, unit_events
from axbar.cost.imc._weights import row_levels
from axbar.devices import DevicePreset
from axbar.spec.imc import ImcSpec
from axbar.workload import Workload, as_events, as_pulses, pulse_bits

__all__ = ["EVENTS", "count"]

#: event -> what one of them is
EVENTS: Final = {
    "reads": "array read, one after the other (vectors x input digits x sign phases, shared by copies)",
    "runs": "step on which the layer runs",
    "row_activations": "active row of one array",
    "pulse_reads": "array read of one pulse, all of the same length",
    "slot_reads": "slot of a window in which an array is read, rows on for as long as their times say",
    "dac_conversions": "digit of more than one bit turned into the voltage of an active row",
    "time_conversions": "time turned into the pulse of an active row",
    "cell_activations": "cell on an active row",
    "cell_drive": "cell on an active row, weighted by its row's squared share of the read voltage",
    "level_drive": "the same, also weighted by the cell's level 0..1",
    "cell_current": "cell on an active row, weighted by its row's share of the read voltage",
    "level_current": "the same, also weighted by the cell's level 0..1",
    "slot_cells": "cell on a row that is on for a time, for each slot of it",
    "slot_levels": "the same, weighted by the cell's level 0..1",
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
    "die_bits": "input bit that comes from another die",
    "die_values": "sum that comes from another die",
    "hops": "mesh hop between the layer and its sources",
    "lif_updates": "neuron update",
    "neurons": MEMBRANES_MEANING,
    "neuron_steps": "step on which neurons update",
    TURNS_EVENT: TURNS_MEANING,
    "membranes": "membrane that is kept in memory between steps",
    "membrane_updates": "update of such a membrane",
    "membrane_steps": "step on which such membranes are updated",
    "tiles": "tile",
    "arrays_built": "array on these tiles, used or not",
    "built_cells": "cell on these tiles, used or not",
    "volatile_cells": "cell that leaks, used or not",
    **RUN_TIME_EVENTS,
    **MEMORY_EVENTS,
    **UNIT_EVENTS,
}

#: workload -> first_layer -> graph
_graphs: WeakKeyDictionary[Workload, dict[str, Graph]] = WeakKeyDictionary()


def count(workload: Workload, spec: ImcSpec) -> Events:
    """Count the events of one inference on one structural choice of the chip.

    Args:
        workload: recorded, or built from shapes and rates.
        spec: only its structural fields are read.

    Raises:
        UsageError: no layer multiplies, nothing was recorded, or a layer's weights were fixed to other bits.
    """
    bits, how = spec.input.time_bits, spec.input.time_read
    workload = as_pulses(workload, bits) if how == "pulse" else as_events(workload, bits, how)
    check_countable(workload, spec.crossbar.weight_bits, "crossbar.weight_bits", run_time=True)
    graphs = _graphs.setdefault(workload, {})
    if spec.mapping.first_layer not in graphs:
        graphs[spec.mapping.first_layer] = charged(workload, spec.mapping.first_layer)
    graph = graphs[spec.mapping.first_layer]
    stored = stored_in(graph, spec.mapping.layout)
    inputs = presented_to(graph, spec.input.bits, spec.input.dac_bits, stored, spec.mapping.layout)
    held = held_in(graph, spec)
    right = right_of(graph, held, spec.run_time.bits)
    # what is built knows nothing of exits
    layout = map_layers(graph.layers, spec, inputs.planned, stored, held)
    device: DevicePreset = registry.get("devices", spec.device.name)
    events = {
        **taken_off(_array_events(graph, inputs, layout, held, spec), held),
        **buffer_events(graph, inputs, layout, right, spec),
        **_neuron_events(graph, spec),
        **_built(layout, held, spec, device),
        **run_time_events(graph, inputs, layout, held, right, spec),
        "hops": _mesh_hops(graph, layout.tiles),
    }
    events |= memory_events(workload, graph, layout, right, spec, events) | unit_events(workload, graph.steps)
    return Events(
        layers=tuple(layer.name for layer in graph.layers),
        counts={name: events[name] for name in EVENTS},
        mapping={
            "arrays": layout.arrays, "pes": layout.pes, "tiles": layout.tiles, "row_tiles": layout.row_tiles,
            "col_tiles": layout.col_tiles, "groups_per_array": layout.pack, "copies": layout.copies,
            "rows_used": layout.rows_used, "cols_used": layout.cols_used, "utilisation": layout.utilisation,
            "rows_left_out": layout.rows_left_out, "arrays_saved": layout.arrays_saved,
        },
        meaning=EVENTS,
        notes=(
            *_noted(graph, workload, spec), *run_time_notes(graph, held, spec), *_left_out(graph, stored, layout),
        ),
        unpriced=tuple(graph.unpriced),
        reasons=(*_reasons(spec, device), *reasons_of(graph, held, spec, device.max_cell_bits)),
    )  # fmt: skip


def _array_events(
    graph: Graph, inputs: Presented, layout: Layout, held: Held, spec: ImcSpec
) -> dict[str, Floats]:
    b, d, f = inputs.digits, inputs.pulse, inputs.phases
    turns, vectors = inputs.turns, inputs.vectors
    n, r, s = layout.groups * layout.fan_out, layout.row_tiles, layout.slices
    row_activations = inputs.activated * layout.col_tiles
    bits = (spec.crossbar.weight_bits, spec.crossbar.cell_bits)
    key = ("levels", *bits, spec.input.bits, spec.input.dac_bits, held.key)
    level_drive, level_current = kept(graph, key, lambda: _levels(graph, held, spec))
    values = turns * (r * n)
    adder_levels = np.ceil(np.log2(r))
    driven = {
        "reads": turns * layout.shares,
        "row_activations": row_activations,
        "dac_conversions": np.where(d > 1.0, row_activations, 0.0),
        "cell_drive": layout.cells_seen(inputs.drive, inputs.driven),
        "level_drive": level_drive,
        "cell_current": layout.cells_seen(inputs.share, inputs.shared),
        "level_current": level_current,
    }
    return {
        **_by_width(driven, inputs.slots),
        "runs": graph.runs,
        "cell_activations": layout.cells_seen(inputs.active, inputs.activated),
        "conversions": values * (2.0 * s),
        "used_columns": layout.cols_used,
        "subtractions": values * s,
        "shift_adds": values * (s - 1.0) + vectors * n * (b - 1.0),
        "accumulations": turns * n * (r - 1.0) + vectors * b * n * (f - 1.0),
        "carry_bits": 1.0 + (s - 1.0) * held.cell_bits + adder_levels + d * (b - 1.0),
        "adder_levels": adder_levels,
    }


def _by_width(driven: dict[str, Floats], slots: Floats) -> dict[str, Floats]:
    """Part reads into those of one pulse, and those of pulses as wide as times say, which no voltage weighs."""
    reads, rows = driven["reads"], driven["row_activations"]
    none = np.zeros_like(slots)
    if not slots.any():
        of_times = dict.fromkeys(("slot_reads", "time_conversions", "slot_cells", "slot_levels"), none)
        return {**driven, "pulse_reads": reads, **of_times}
    timed = slots > 0.0
    fixed = {name: np.where(timed, 0.0, value) for name, value in driven.items()}
    return {
        **fixed,
        "reads": reads,
        "row_activations": rows,
        "pulse_reads": fixed["reads"],
        "slot_reads": reads * slots,
        "time_conversions": np.where(timed, rows, 0.0),
        "slot_cells": driven["cell_current"] * slots,
        "slot_levels": driven["level_current"] * slots,
    }


def _levels(graph: Graph, held: Held, spec: ImcSpec) -> tuple[Floats, Floats]:
    """Cells on active rows, weighted by their level and their row's drive, and by its share; on any arrays.

    Rows that are left out would hold level 0, so that this is the same whichever these are.
    """
    coding = (spec.input.bits, spec.input.dac_bits)
    inputs, each = presented(graph, *coding), list[tuple[float, float]]()
    for layer, width, q, p in zip(graph.layers, held.widths, inputs.drive, inputs.share, strict=True):
        if spec.run_time.unit == "digital" and width is not None:
            each.append((0.0, 0.0))
        elif width is not None:
            each.append(level_sums(layer, width, coding, q, p))
        else:
            levels = row_levels(layer, spec.crossbar.weight_bits, spec.crossbar.cell_bits)
            each.append((float(q @ levels), float(p @ levels)))
    driven, shared = zip(*each, strict=True)
    return np.array(driven), np.array(shared)


def _neuron_events(graph: Graph, spec: ImcSpec) -> dict[str, Floats]:
    updates, neurons, steps, turns = kept(graph, "neurons", lambda: _hosted(graph))
    stored = 1.0 if spec.mapping.order == "step" else 0.0
    return {
        "lif_updates": updates,
        "neurons": neurons,
        "neuron_steps": steps,
        TURNS_EVENT: turns,
        "membranes": neurons * stored,
        "membrane_updates": updates * stored,
        "membrane_steps": steps * stored,
    }


def _hosted(graph: Graph) -> tuple[Floats, Floats, Floats, Floats]:
    """Updates, membranes, steps on which these update, and neurons that share one, per layer."""
    sizes = [
        [(float(math.prod(n.geometry.out_shape)), graph.steps[n.name]) for n in hosted]
        for hosted in graph.neurons
    ]
    updates = np.array([sum(size * steps for size, steps in hosted) for hosted in sizes], dtype=np.float64)
    neurons = np.array([membranes_of(hosted) for hosted in graph.neurons], dtype=np.float64)
    longest = [max((steps for _, steps in hosted), default=0.0) for hosted in sizes]
    return updates, neurons, np.array(longest, dtype=np.float64), turns_of(graph.neurons)


def _built(layout: Layout, held: Held, spec: ImcSpec, device: DevicePreset) -> dict[str, Floats]:
    built = layout.tiles * float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile)
    built = np.where(held.digital, 0.0, built)
    cells = built * float(spec.crossbar.rows * spec.crossbar.cols)
    return {
        "tiles": layout.tiles,
        "arrays_built": built,
        "built_cells": cells,
        "volatile_cells": cells if device.volatile else np.where(held.sram, cells, 0.0),
    }


def _reasons(spec: ImcSpec, device: DevicePreset) -> tuple[str, ...]:
    most = device.max_cell_bits
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
    # plain numbers: numpy's single ones take several times as long
    x: list[float] = ((sum_x[1:] - sum_x[:-1]) / tiles).tolist()
    y: list[float] = ((sum_y[1:] - sum_y[:-1]) / tiles).tolist()
    hops = [1.0] * len(tiles)
    for i, sources in enumerate(graph.sources):
        at = [(0.0, 0.0) if s == EXTERNAL else (x[s], y[s]) for s in sources]
        if at:
            hops[i] = max(1.0, sum(abs(x[i] - px) + abs(y[i] - py) for px, py in at) / len(at))
    return np.array(hops)


def _snake_sums(n: Floats, side: float) -> tuple[Floats, Floats]:
    """Sums of the columns and of the rows of the first ``n`` places."""
    full, rest = n // side, n % side
    forward = rest * (rest - 1) / 2
    part = np.where(full % 2 == 0, forward, rest * (side - 1) - forward)
    return full * (side * (side - 1) / 2) + part, side * full * (full - 1) / 2 + rest * full


def _noted(graph: Graph, workload: Workload, spec: ImcSpec) -> tuple[str, ...]:
    """Return the notes, which read two fields of the spec."""
    key = ("notes", spec.input.bits, spec.input.dac_bits)
    if key not in graph.cache:
        graph.cache[key] = _notes(graph, workload, spec)
    return graph.cache[key]


def _left_out(graph: Graph, stored: Stored, layout: Layout) -> tuple[str, ...]:
    """Say which rows hold no weight, where there are such."""
    if stored.complete:
        return ()
    return (left_out_note(graph.layers, stored, layout.arrays, layout.arrays_saved),)


def _notes(graph: Graph, workload: Workload, spec: ImcSpec) -> tuple[str, ...]:
    notes: list[str] = []
    if workload.spikes_of == "assumed":
        notes.append("spike rates are assumed, not recorded")
    unweighted = [layer.name for layer in graph.layers if layer.weight is None and not layer.at_run_time]
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
    if graph.unpriced:
        ops = sorted({op for _, op in graph.unpriced})
        notes.append(
            f"not priced: {len(graph.unpriced)} layers that are neither products nor neurons "
            f"({', '.join(ops)})"
        )
    return tuple(notes)
