"""What happens how often on a systolic array, in an inference or a training step, from the recorded spikes.

Layers run one after the other, each with all of its steps, so that weights pass DRAM once. Per layer, with a product
of M positions, K inputs and N filters in G groups on r steps, W weights, O T states (neuron updates, or sums of a layer
without neurons), and X bits of inputs on all steps:

    operations     ``_operations``
    cycles         r G cycles(M, K, N) forward; (M, N, K) back; (K, M, N) for the update: ``cycles``. What passes of
                   them where several arrays stand side by side: ``_engines``
    traffic        ``axbar.cost.training.TRAFFIC`` in bits: forward with weight_bits and membrane_bits, back with
                   training.bits; X as stored (memory.spikes, spike_bits; numbers in input.bits and a sign, on every
                   step). With ``memory.reads: array`` the global buffer is read as often as folds of the array need
                   it: ``_folds``. Once per batch: the weights of the update. Maps that are shared, products without
                   neurons: ``_kept``
    registers      of the array's elements: ``_registers``
    attention      products of two run-time operands, whose right one takes the place of the weights: ``_run_time``

The way back of an inference is nothing, and its membranes pass DRAM only as far as the buffer for maps does not hold
those of one column fold from step to step: the global buffer reads and writes them. An input map that another layer
made stays on the chip as far as the buffer for maps holds it; the rest is written to DRAM and read again, and so are
weights of a fold that the buffer for weights does not hold: ``_held``. A training step keeps all spikes, numbers and
membranes for the way back, in DRAM.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from axbar.cost._charged import charged
from axbar.cost._countable import check_countable
from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._membranes import TURNS_EVENT, membranes_of, turns_of
from axbar.cost._priced import others_note, others_of
from axbar.cost._sums import SUM_EVENT, sum_bits
from axbar.cost._types import Events, Floats
from axbar.cost.systolic._engines import BESIDE, PHASES, beside_of, branch_turns, siblings_of
from axbar.cost.systolic._events import EVENTS
from axbar.cost.systolic._folds import folded_bits
from axbar.cost.systolic._held import held_bits, least_bits
from axbar.cost.systolic._kept import first_readers, unfired
from axbar.cost.systolic._operations import Step, is_spiking, step_of
from axbar.cost.systolic._registers import register_bits
from axbar.cost.systolic._run_time import (
    accumulates,
    at_run_time,
    run_time_note,
    run_time_traffic,
    ways_back,
)
from axbar.cost.systolic.cycles import os_cycles, ws_cycles
from axbar.cost.training import TRAFFIC, UNFIRED, packed_bits
from axbar.spec.systolic import SystolicSpec
from axbar.workload import LayerTrace, Workload, as_events, phases

__all__ = ["STRUCTURAL", "count"]

#: what the counts depend on
STRUCTURAL: Final = frozenset(
    {
        "task", "array.rows", "array.cols", "array.engines", "array.split", "dataflow", "gating", "weight_bits",
        "spike_bits", "input.bits", "input.time_bits", "input.time_read", "memory.spikes", "memory.reads",
        "neuron.membrane_bits", "training.bits", "training.du_sparsity", "training.df_sparsity", "training.batch",
    }
)  # fmt: skip

#: workload -> its graph, samples that leave early in it; and without exits, for training
_graphs: WeakKeyDictionary[Workload, dict[str, Graph]] = WeakKeyDictionary()


def count(workload: Workload, spec: SystolicSpec) -> Events:
    """Count the events of one inference or training step.

    Args:
        workload: recorded, or built from shapes and rates.
        spec: only its structural fields are read.

    Raises:
        UsageError: no layer multiplies, nothing was recorded, or weights were fixed to other bits.
    """
    workload = as_events(workload, spec.input.time_bits, spec.input.time_read)
    check_countable(workload, spec.weight_bits, "weight_bits", run_time=True)
    graph = _graph(workload, spec.task)
    products = graph.layers
    steps = [_step(graph, i, workload, spec) for i in range(len(products))]
    columns = {
        **_compute(graph, steps, spec),
        **_cycles(graph, workload, spec),
        **_traffic(graph, workload, spec),
        SUM_EVENT: np.array([_sum_bits(layer, spec) for layer in products]),
        "share": np.full(len(products), 1.0 / len(products)),
    }
    if at_run_time(graph).any():
        columns = ways_back(graph, columns)
    if spec.task == "inference":
        ahead = {name for name in EVENTS if name.startswith(("pgu", "gradient", "bwd", "wup"))}
        ahead |= {name for name in EVENTS if "_bwd_" in name or "_wup_" in name}
        columns |= {name: np.zeros(len(products)) for name in ahead}
    return Events(
        layers=tuple(layer.name for layer in products),
        counts={name: columns[name] for name in EVENTS},
        mapping=_mapping(graph, spec, columns["fwd_cycles"]),
        meaning=EVENTS,
        notes=_notes(graph, steps, workload, spec),
        unpriced=others_of(workload),
    )


def _graph(workload: Workload, task: str) -> Graph:
    known = _graphs.setdefault(workload, {})
    if task not in known:
        known[task] = charged(replace(workload, exit_step=None) if task == "training" else workload, "once")
    return known[task]


def _step(graph: Graph, i: int, workload: Workload, spec: SystolicSpec) -> Step:
    layer = graph.layers[i]
    hosted = {n.name: math.prod(n.geometry.out_shape) * graph.steps[n.name] for n in graph.neurons[i]}
    found = step_of(
        layer, workload, hosted, graph.runs[i].item(), (spec.training.du_sparsity, spec.training.df_sparsity),
        graph.sources[i] == (EXTERNAL,),
    )  # fmt: skip
    if spec.gating == "zero":
        return found
    back = 0.0 if graph.sources[i] == (EXTERNAL,) else found.dense
    return replace(found, forward=found.dense, backward=back, updates=sum(hosted.values()), assumed=False)


def _compute(graph: Graph, steps: Sequence[Step], spec: SystolicSpec) -> dict[str, Floats]:
    spiking = np.array([float(accumulates(layer)) for layer in graph.layers])
    forward = np.array([step.forward for step in steps])
    sizes = [[math.prod(n.geometry.out_shape) for n in hosted] for hosted in graph.neurons]
    lasting = [[graph.steps[n.name] for n in hosted] for hosted in graph.neurons]
    neuron_steps = np.array([max(each, default=0.0) for each in lasting])
    updates = [sum(n * t for n, t in zip(*pair, strict=True)) for pair in zip(sizes, lasting, strict=True)]
    return {
        "spike_ops": forward * spiking,
        "real_ops": forward * (1.0 - spiking),
        "lif_updates": np.array(updates, dtype=np.float64),
        "neurons": np.array([membranes_of(hosted) for hosted in graph.neurons], dtype=np.float64),
        "neuron_steps": neuron_steps,
        TURNS_EVENT: turns_of(graph.neurons),
        "pgu_updates": np.array([step.updates for step in steps]),
        "gradient_steps": neuron_steps,
        "bwd_ops": np.array([step.backward for step in steps]),
        "bwd_spike_ops": np.zeros(len(steps)),
        "bwd_real_ops": np.zeros(len(steps)),
        "wup_spike_ops": forward * spiking,
        "wup_real_ops": forward * (1.0 - spiking),
    }


def _cycles(graph: Graph, workload: Workload, spec: SystolicSpec) -> dict[str, Floats]:
    """Return the work of the arrays and the time that passes, both in cycles, and who runs beside whom."""
    engines, by_branch = spec.array.engines, spec.array.split == "branches"
    work, groups = _work(graph, spec, 1), siblings_of(graph, workload) if by_branch else ()
    if by_branch:
        turns = {phase: branch_turns(work[phase], groups, engines) for phase in PHASES}
    else:
        turns = _work(graph, spec, engines)
    return {
        **{f"{phase}_cycles": cycles for phase, cycles in work.items()},
        **{f"{phase}_turns": cycles for phase, cycles in turns.items()},
        BESIDE: beside_of(len(graph.layers), groups, engines),
    }


def _work(graph: Graph, spec: SystolicSpec, engines: int) -> dict[str, Floats]:
    """Return the cycles of each product in each phase, with its folds on so many engines."""
    cycles = os_cycles if spec.dataflow == "os" else ws_cycles
    shape = graph.shapes
    m, k, n = shape.positions, shape.fan_in, shape.fan_out
    turns = graph.runs * shape.groups
    grid = (spec.array.rows, spec.array.cols, engines)
    behind = np.array([float(sources != (EXTERNAL,)) for sources in graph.sources])
    return {
        "fwd": turns * cycles(m, k, n, *grid),
        "bwd": turns * behind * cycles(m, n, k, *grid),
        "wup": turns * cycles(k, m, n, *grid),
    }


def _traffic(graph: Graph, workload: Workload, spec: SystolicSpec) -> dict[str, Floats]:
    shape, runs = graph.shapes, graph.runs
    attends = at_run_time(graph)
    weights = np.where(attends, 0.0, shape.fan_in * shape.fan_out * shape.groups)
    updates = np.array(
        [
            sum(math.prod(n.geometry.out_shape) * graph.steps[n.name] for n in hosted)
            for hosted in graph.neurons
        ],
        dtype=np.float64,
    )
    states = np.where(updates > 0.0, updates, shape.positions * shape.fan_out * shape.groups * runs)
    inputs = np.array([_input_bits(layer, run, spec) for layer, run in zip(graph.layers, runs, strict=True)])
    found: dict[str, Floats] = {}
    bare, first = unfired(graph), first_readers(graph)
    for name, traffic in TRAFFIC.items():
        forward = name.endswith("_fwd")
        bits = float(spec.weight_bits if forward else spec.training.bits)
        shared = float(spec.training.batch) if name.endswith("_wup") else 1.0
        of_weights = traffic.of_weights(weights * bits, runs, shared)
        words = states * float(spec.neuron.membrane_bits if forward else spec.training.bits)
        maps = inputs * first if name == "dram_fwd" else inputs
        of_maps = traffic.of_maps(words, maps)
        if name in UNFIRED:
            of_maps = np.where(bare, UNFIRED[name].of_maps(words, maps), of_maps)
        if name.startswith("glb"):
            found |= {f"{name}_weight_bits": of_weights, f"{name}_map_bits": of_maps}
        else:
            found[f"{name}_bits"] = of_weights + of_maps
    each = np.array([_element_bits(layer, spec) for layer in graph.layers])
    if spec.memory.reads == "array":
        folded = folded_bits(graph, spec, each, inputs)
        found["glb_fwd_weight_bits"] = np.where(attends, 0.0, folded["fwd_weights"])
        found["glb_fwd_map_bits"] += folded["fwd_maps"] - TRAFFIC["glb_fwd"].inputs * inputs
        found["glb_bwd_weight_bits"] = np.where(attends, 0.0, folded["bwd_weights"])
        found["glb_bwd_map_bits"] += folded["bwd_maps"]
        found["glb_wup_map_bits"] += folded["wup_maps"] - TRAFFIC["glb_wup"].inputs * inputs
    groups = siblings_of(graph, workload) if spec.array.split == "branches" else ()
    found |= held_bits(graph, spec, inputs, groups) | least_bits(graph, spec, each, groups)
    found |= register_bits(graph, spec, each)
    if spec.task == "inference":
        image = np.array([float(EXTERNAL in sources) for sources in graph.sources])
        found["dram_fwd_bits"] = weights * float(spec.weight_bits) + image * inputs
    if attends.any():
        found |= {name: found[name] + bits for name, bits in run_time_traffic(graph, spec).items()}
    return found


def _element_bits(layer: LayerTrace, spec: SystolicSpec) -> float:
    """Bits of one input at one step."""
    signs = float(phases(layer.operands[0]))
    return spec.spike_bits * signs if is_spiking(layer) else spec.input.bits + signs - 1.0


def _input_max(layer: LayerTrace, spec: SystolicSpec) -> int:
    """Largest magnitude code of one input at one step."""
    return 1 if is_spiking(layer) else 2**spec.input.bits - 1


def _sum_bits(layer: LayerTrace, spec: SystolicSpec) -> float:
    """Bits of the largest sum of a layer; a right operand of spikes has a magnitude of 1."""
    ones = layer.at_run_time and layer.operands[1].coding in ("spikes", "signed")
    return sum_bits(layer, 2 if ones else spec.weight_bits, _input_max(layer, spec))


def _input_bits(layer: LayerTrace, runs: float, spec: SystolicSpec) -> float:
    """Bits of a layer's inputs on all steps, as they are stored."""
    operand, size = layer.operands[0], float(math.prod(layer.geometry.in_shape))
    each = _element_bits(layer, spec)
    if not is_spiking(layer):  # numbers; the same ones on every step are stored once
        return size * each * (runs if operand.per_step else 1.0)
    if spec.memory.spikes == "raw":
        return size * each * runs
    return packed_bits(size, _firing(layer, runs) * each, runs)


def _firing(layer: LayerTrace, runs: float) -> float:
    """Inputs that spike at all, mean over samples; where only a rate is known, steps are independent."""
    operand, size = layer.operands[0], math.prod(layer.geometry.in_shape)
    if operand.words is None:
        return size * (1.0 - (1.0 - (operand.rate or 0.0)) ** runs)
    if "firing" not in layer.cache:
        layer.cache["firing"] = np.count_nonzero(operand.words) / len(operand.words)
    return layer.cache["firing"]


def _mapping(graph: Graph, spec: SystolicSpec, cycles: Floats) -> dict[str, Floats]:
    shape, rows, cols = graph.shapes, float(spec.array.rows), float(spec.array.cols)
    macs = shape.positions * shape.fan_in * shape.fan_out * shape.groups * graph.runs
    down = shape.positions if spec.dataflow == "os" else shape.fan_in
    # a layer that nobody presents takes no cycle
    used = np.divide(macs, cycles * (rows * cols), out=np.zeros_like(macs), where=cycles > 0)
    return {
        "row_tiles": np.ceil(down / rows), "col_tiles": np.ceil(shape.fan_out / cols), "utilisation": used,
    }  # fmt: skip


def _notes(graph: Graph, steps: Sequence[Step], workload: Workload, spec: SystolicSpec) -> tuple[str, ...]:
    notes = ["weights that are zero are computed like others"]
    if spec.memory.reads == "table":
        notes.append(
            "every value passes each memory as often as SATA's table says; what folds of the array read again is "
            "counted with memory.reads=array"
        )
    if workload.spikes_of == "assumed":
        notes.append("spike rates are assumed, not recorded")
    guessed = [layer.name for layer, step in zip(graph.layers, steps, strict=True) if step.assumed]
    if spec.task == "training" and guessed:
        which = (
            "no gradients were" if len(guessed) == len(steps) else f"gradients of {', '.join(guessed)} not"
        )
        notes.append(
            f"{which} recorded: training.du_sparsity = {spec.training.du_sparsity:g} and training.df_sparsity = "
            f"{spec.training.df_sparsity:g} are assumed; trace the network with labels= or loss="
        )
    if spec.task == "training":
        notes.append(_batch_note(spec.training.batch))
        if workload.exit_step is not None:
            notes.append("training runs all steps: the early exit is left out")
    if spec.array.engines > 1:
        notes.append(_engines_note(graph, workload, spec))
    notes += (*run_time_note(graph), *others_note(others_of(workload)))
    return tuple(notes)


def _batch_note(batch: int) -> str:
    if batch == 1:
        return "a training step of one sample: weights are updated after every sample"
    return (
        f"a training step per sample, of which {batch} share an update of weights; their gradients are taken to wait "
        "on the chip from one sample to the next"
    )


def _engines_note(graph: Graph, workload: Workload, spec: SystolicSpec) -> str:
    engines = f"{spec.array.engines} arrays of {spec.array.rows} x {spec.array.cols}"
    if spec.array.split == "folds":
        return f"{engines} divide the folds of every product"
    found = siblings_of(graph, workload)
    if not found:
        return f"{engines}, of which one works at a time: no products are independent of each other"
    names = (" and ".join(graph.layers[i].name for i in group) for group in found)
    return f"{engines}: {', '.join(names)} run side by side, and one array at a time with every other product"
