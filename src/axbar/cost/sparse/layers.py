"""``simulate_layers``: a traced network on one dataflow, layer by layer, in integers; no energies, no chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from axbar.cost._graph import Graph, graph_of
from axbar.cost.sparse._layer import counters_of
from axbar.cost.sparse._outputs import is_recorded, spike_bits
from axbar.cost.sparse._settings import Setting
from axbar.cost.sparse._words import check_circuit, check_whole
from axbar.cost.sparse.counters import Counters, check_fidelity
from axbar.cost.sparse.dataflow import Dataflow, find
from axbar.cost.sparse.levels import ADDERS
from axbar.cost.sparse.unfold import samples_of
from axbar.errors import UsageError, is_whole
from axbar.workload import LayerTrace, Workload, check_workload

__all__ = ["simulate_layers"]


def simulate_layers(
    workload: Workload,
    dataflow: str | Dataflow = "loas",
    fidelity: str = "pipeline",
    pes: int | None = None,
    *,
    balance: str = "none",
    prefix: str = "fast-laggy",
    adders: int = int(ADDERS.value),
    hold_addresses: bool = False,
    weight_bits: int = 8,
    input_bits: int = 8,
    sample: int = 0,
) -> dict[str, Counters]:
    """Return the counters of every product, for one recorded sample.

    All steps of a neuron (and all bit planes of a real-valued input) travel in one word. Counters add up:
    ``functools.reduce(operator.add, found.values())``. Above the published level the bits of ``out`` are those of the
    neurons behind a layer; of sums without neurons (logits, shortcuts), spikes as dense as the input are assumed.

    Args:
        workload: recorded; of shapes and rates alone, spikes are drawn and weights are dense.
        dataflow: name, or a ``Dataflow`` of one's own.
        fidelity: ``published``, ``join`` or ``pipeline``.
        pes: processing elements; None for those of the dataflow.
        balance, prefix, adders, hold_addresses: as in ``simulate``.
        weight_bits, input_bits: of weights, and of real-valued inputs.
        sample: index of the recorded sample.

    Raises:
        UsageError: no workload, an unknown word, a number out of range, a circuit that the dataflow or the level does
            not have, a sample that was not recorded, or a dataflow that is not defined for these steps.

    >>> from axbar.workload import shapes
    >>> found = simulate_layers(shapes.cnn(width=4), "loas", "join")
    >>> list(found), found["conv2"].cycles <= found["conv2"].ops
    (['conv1', 'conv2', 'fc1', 'fc2'], True)
    """
    check_workload(workload)
    check_whole("weight_bits", weight_bits, 2, 16)
    check_whole("input_bits", input_bits, 1, 16)
    level = check_fidelity(fidelity)
    flow = dataflow if isinstance(dataflow, Dataflow) else find(dataflow)
    if level == "published" and balance != "none":
        raise UsageError(
            f"balance '{balance}' is no part of the published model; use 'none' or another fidelity."
        )
    check_circuit(flow, level, prefix, adders, hold_addresses)
    flow = replace(flow if pes is None else flow.with_pes(pes), w=replace(flow.w, value_bits=weight_bits))
    setting = Setting(
        flow, level, balance, prefix, adders=adders, hold_addresses=hold_addresses,
        weight_bits=weight_bits, input_bits=input_bits,
    )  # fmt: skip
    known = min(
        (samples_of(layer) for layer in workload.matmuls if layer.operands[0].words is not None), default=1
    )
    if not is_whole(sample, 0, known - 1):
        raise UsageError(f"sample {sample!r} was not recorded; there are {known}, counted from 0.")
    graph = graph_of(workload)
    return {
        layer.name: _written(
            counters_of(layer, min(sample, samples_of(layer) - 1), setting), neurons, graph, setting, sample
        )
        for layer, neurons in zip(graph.layers, graph.neurons, strict=True)
    }


def _written(
    found: Counters, neurons: Sequence[LayerTrace], graph: Graph, setting: Setting, sample: int
) -> Counters:
    """Put the recorded spikes of the neurons behind a layer in the place of assumed ones."""
    if setting.published or not neurons:
        return found
    bits = round(sum(spike_bits(n, graph.steps[n.name], setting.flow, sample) for n in neurons))
    notes = tuple(note for note in found.notes if not note.startswith("output spikes"))
    if not all(is_recorded(n) for n in neurons):
        notes += ("output spikes were not recorded: taken to be written as dense bits",)
    return replace(found, dram_bits={**found.dram_bits, "out": bits}, notes=notes)
