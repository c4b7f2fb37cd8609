"""Which memory holds what: maps, windows, network input and output, and which arrays are powered.

Per layer and inference, with W the bits of its input map on all runs (held sums of other layers left out) and
``order`` what runs first, all layers on one step or all steps of one layer:

    held       = W / runs step by step, W layer by layer       bits that must be somewhere at one time
    map_bits   = held * (share of the rows that one tile needs)
    again_bits = W * (ceil(kernel rows / stride) - 1)           rows of the map that are needed again below
    from_outside = W where the layer reads the network's input
    exit_bits  = finished spikes or codes that no other layer reads

An operand that is written into arrays at run time waits like the map that drives them, each tile's share of it in that
tile: its bits are part of held, map_bits and map_traffic. That of digital units has a memory of its own.

How much of these fits is for the buffers' capacities, which are swept, to say: ``components/_spill.py``.

A tile is woken once per run of its layer step by step, once layer by layer; membranes outlive the work of their
layer only step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np

from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._types import Bools, Context, Floats, Rule
from axbar.cost.components._spill import spill
from axbar.workload import Workload

if TYPE_CHECKING:
    from axbar.cost.imc._mapping import Layout
    from axbar.cost.imc._run_time import Right
    from axbar.spec.imc import ImcSpec

__all__ = ["MEMORY_EVENTS", "SPILL_RULE", "memory_events"]

#: event -> what one of them is
MEMORY_EVENTS: Final = {
    "held_bits": "bit of the input map that must be kept at one time",
    "map_bits": "bit of it that one tile needs, at most",
    "map_traffic": "bit of the input map, on all runs",
    "from_outside": "1 where the input map is the network's input, else 0",
    "again_bits": "bit of the input map that is needed again for lower output rows",
    "again_copies": "the same, times the tiles that it goes to",
    "exit_bits": "bit of the network's output that leaves as spikes or codes",
    "wakes": "time that the tiles of the layer are woken",
    "outliving": "1 where membranes outlive the work of their layer, else 0",
    "used_arrays": "array that holds weights",
    "powered_arrays": "array of a processing element that holds weights",
}


#: workload -> layers that read its input, layers that nobody reads
_ends: WeakKeyDictionary[Workload, tuple[Floats, Floats]] = WeakKeyDictionary()


def memory_events(
    workload: Workload,
    graph: Graph,
    layout: Layout,
    right: Right,
    spec: ImcSpec,
    counts: Mapping[str, Floats],
) -> dict[str, Floats]:
    """Count what memories beyond the buffers and power switches need to know; ``counts`` are other events."""
    if workload not in _ends:
        _ends[workload] = _ends_of(workload)
    first, last = _ends[workload]
    by_step = spec.mapping.order == "step"
    runs = np.maximum(graph.runs if by_step else 1.0, 1.0)
    whole = counts["serial_bits"] - np.array(graph.foreign_bits) - right.bits * right.writes
    copies = counts["input_write_bits"] / np.maximum(whole, 1.0)
    held = whole / runs if by_step else whole
    share = np.minimum(1.0, layout.tile_rows / (layout.groups * layout.fan_in))
    again = whole * (graph.shapes.row_uses - 1.0)
    waiting = right.staged if by_step else right.staged * right.writes
    per_tile = float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile)
    in_a_tile = np.minimum(1.0, per_tile * layout.copies / np.maximum(layout.arrays, 1.0))
    steps = np.maximum(runs, counts["neuron_steps"])
    return {
        "held_bits": held + waiting,
        "map_bits": held * share + waiting * in_a_tile,
        "map_traffic": whole + right.staged * right.writes,
        "from_outside": first,
        "again_bits": again,
        "again_copies": again * copies,
        "exit_bits": last * counts["output_bits"],
        "wakes": steps if by_step else np.ones_like(whole),
        "outliving": np.where(by_step & (steps > 1.0), 1.0, 0.0),
        "used_arrays": layout.arrays,
        "powered_arrays": layout.pes * float(spec.tile.arrays_per_pe),
    }


def _ends_of(workload: Workload) -> tuple[Floats, Floats]:
    """Return for each mapped layer whether it reads the network's input, and whether no other one reads it.

    Two walks, so that what comes back from a later layer is known for what it is.
    """
    index = {layer.name: i for i, layer in enumerate(workload.matmuls)}
    origins: dict[str, set[int]] = {"input": {EXTERNAL}}
    first, last = np.zeros(len(index)), np.ones(len(index))
    for _ in range(2):
        for layer in workload.layers:
            found = set[int]().union(*(origins.get(name, ()) for name in layer.inputs))
            origins[layer.name] = {index[layer.name]} if layer.is_matmul else found
            if layer.is_matmul:
                first[index[layer.name]] = float(EXTERNAL in found)
                last[[i for i in found if i != EXTERNAL]] = 0.0
    return first, last


def _nowhere(x: Context) -> Bools:
    """Where something neither fits the tiles nor the global buffer, and there is no DRAM."""
    if x.text("dram.kind") != "none":
        return np.zeros(1, dtype=np.bool_)
    found = spill(x)
    homeless = (found.overflow > 0.0) & (found.both + found.again > 0.0)
    return np.logical_or.reduce(np.atleast_2d(homeless), axis=0)


def _nowhere_reason(x: Context) -> str:
    window, whole = float(x.n("window_bits").max()) / 8, float(x.n("map_bits").max()) / 8
    held, chip = x.p("buffer.input_B").item(), x.p("buffer.global_B").item()
    what = f"an input window of {window:.0f} B" if window > held else f"an input map of {whole:.0f} B"
    if max(window, whole) <= held:
        what, held = "the membranes of a tile", x.p("neuron.membrane_B").item()
        path = "neuron.membrane_B"
    else:
        path = "buffer.input_B"
    return (
        f"{what} does not fit {path} = {held:.0f} B of one tile, nor does the chip's buffer.global_B = {chip:.0f} B "
        f"hold all that waits; the traffic to a larger memory is not priced: raise buffer.global_B or name a "
        "dram.kind"
    )


#: not fatal: the figures stand, without what that traffic costs beyond the chip
SPILL_RULE = Rule(_nowhere, _nowhere_reason, fatal=False)
