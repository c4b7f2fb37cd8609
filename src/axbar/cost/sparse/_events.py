"""What happens how often on a dual-sparse accelerator, from the recorded spikes; mean per sample and inference.

Every product of the network runs on all PEs, one layer after the other, sample by sample (batch 1). Cycles, matches,
corrections, joins and bits are the engine's counters (``_layer``). Two things are counted here, above the published
level: outputs leave as the neurons' recorded spikes in the dataflow's own format, once, and sums without neurons
(logits, shortcuts) at the accumulator's width on every step.

As many samples are simulated as a fixed budget of work allows (``_samples``); a note says how many. Which they are
depends on the network alone, so that dataflows and levels are compared on the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from axbar.cost._charged import charged, exits
from axbar.cost._countable import check_countable
from axbar.cost._graph import Graph
from axbar.cost._priced import others_note, others_of
from axbar.cost._sums import SUM_EVENT, SUM_MEANING, sum_bits
from axbar.cost._types import Events, Floats
from axbar.cost.sparse._layer import codes_of, counters_of, presented_steps
from axbar.cost.sparse._outputs import is_recorded, spike_bits
from axbar.cost.sparse._right import right_notes
from axbar.cost.sparse._samples import Sampled, sampled
from axbar.cost.sparse._settings import Setting, can_balance, resident_bits, setting_of
from axbar.cost.sparse.counters import STREAMS, Counters
from axbar.cost.sparse.traffic import PUBLISHED_PSUM_STEPS
from axbar.cost.sparse.unfold import samples_of
from axbar.spec.sparse import SparseSpec
from axbar.workload import LayerTrace, Workload, as_events

__all__ = ["EVENTS", "count"]

#: event -> what one of them is
EVENTS: Final = {
    "cycles": "cycle of the computation",
    "pe_cycles": "the same, times all PEs",
    "matches": "input different from zero that meets such a weight, once per word",
    "corrections": "sum of one step that takes back a match at which the step was silent",
    "joins": "pair of masks that is compared",
    "cache_bits": "bit written to or read from the cache",
    "dram_bits": "bit moved between DRAM and chip",
    "lif_updates": "neuron update",
    "pes": "PE, as the layer's share of the cycles",
    "share": "share of the cycles that the layer takes",
    SUM_EVENT: SUM_MEANING,
}

#: workload -> graph of what is charged
_graphs: WeakKeyDictionary[Workload, Graph] = WeakKeyDictionary()


def count(workload: Workload, spec: SparseSpec) -> Events:
    """Count the events of one inference on one structural choice of the chip.

    Raises:
        UsageError: nothing is multiplied or was recorded, or a layer's weights were fixed to other bits.
    """
    workload = as_events(workload, spec.input.time_bits, spec.input.time_read)
    check_countable(workload, spec.weight_bits, "weight_bits", run_time=True)
    if workload not in _graphs:
        _graphs[workload] = charged(workload, "once")
    graph = _graphs[workload]
    setting, reasons = _possible(setting_of(spec), spec, graph)
    samples = sampled(graph.layers, exits(workload))
    layers = [_Layer(graph, i, setting, samples, spec.pe.accumulator_bits) for i in range(len(graph.layers))]
    counts = _events(layers, setting, graph)
    return Events(
        layers=tuple(layer.name for layer in graph.layers),
        counts={name: counts[name] for name in EVENTS},
        mapping=_mapping(layers, setting),
        meaning=EVENTS,
        notes=_notes(workload, graph, layers, setting, samples.note),
        unpriced=others_of(workload),
        reasons=reasons,
    )


def _possible(setting: Setting, spec: SparseSpec, graph: Graph) -> tuple[Setting, tuple[str, ...]]:
    """Return a setting that can be counted, and why the asked one can't be."""
    flow, reasons = setting.flow, list[str]()
    if spec.balance == "greedy" and spec.fidelity != "published" and not can_balance(flow):
        reasons.append(
            f"dataflow {flow.name} has no balance = greedy (SparTen pairs filters, PTB pairs inputs); set balance=none"
        )
    if flow.name == "ptb" and setting.balance == "greedy" and flow.tile.rows > 8:
        reasons.append(f"balance = greedy of ptb is tabulated up to tile.batch = 8, here {flow.tile.rows}")
        setting = replace(setting, balance="none")
    held, capacity = resident_bits(flow, setting.word_steps if flow.packed else 1), 8 * spec.cache.capacity_B
    if held > capacity:
        reasons.append(
            f"tiles in the buffers take up to {held / 8:.0f} B, cache.capacity_B is {capacity / 8:.0f}; lower "
            "buffer.weight_values or buffer.input_values, or raise cache.capacity_B"
        )
    if setting.hold_addresses and flow.split == "column":
        reasons.append(
            f"pe.addresses = tile needs PEs that keep a row of spikes; {flow.name} splits columns: set "
            "pe.addresses=join"
        )
        setting = replace(setting, hold_addresses=False)
    if setting.published and flow.product == "gustavson":
        least = min(min(presented_steps(layer, setting)) for layer in graph.layers)
        if least < PUBLISHED_PSUM_STEPS:
            reasons.append(
                f"fidelity = published charges (T - 3) / T of Gamma's partial sums to DRAM, which is negative at "
                f"T = {least}; set fidelity=join or fidelity=pipeline"
            )
            setting = replace(setting, fidelity="join")
    return setting, tuple(reasons)


class _Layer:
    """One layer's means over the simulated samples."""

    def __init__(
        self, graph: Graph, index: int, setting: Setting, samples: Sampled, accumulator_bits: int
    ) -> None:
        self.trace = graph.layers[index]
        self.neurons = graph.neurons[index]
        self.samples = samples
        recorded = samples_of(self.trace)
        self.counters = tuple(
            counters_of(self.trace, min(sample, recorded - 1), setting, runs)
            for sample, runs in zip(samples.indices, samples.runs(self.trace), strict=True)
        )
        self.dram = {name: self._dram(name) for name in STREAMS}
        if not setting.published:
            runs = float(graph.runs[index])
            self.dram["out"] = self._outputs(graph, setting, runs * accumulator_bits)

    def mean(self, of: Callable[[Counters], int]) -> float:
        """Return the mean of a count."""
        return self.samples.mean([of(c) for c in self.counters])

    def _dram(self, stream: str) -> float:
        return self.mean(lambda c: c.dram_bits[stream])

    def moved(self, streams: Sequence[str]) -> float:
        """Return the bits of some streams between DRAM and chip."""
        return sum(self.dram[name] for name in streams)

    @property
    def streams(self) -> dict[str, tuple[str, ...]]:
        """Streams by what they carry."""
        return _MOVED_AT_RUN_TIME if self.trace.at_run_time else _MOVED

    def density(self, bits: int) -> float:
        """Return the share of weights, or of a right operand's elements, that are not zero."""
        seen = self.samples.indices if self.trace.at_run_time else (0,)
        codes = [group for i in seen for step in codes_of(self.trace, bits, i) for group in step]
        return sum(int(np.count_nonzero(group)) for group in codes) / max(
            1, sum(group.size for group in codes)
        )

    def utilisation(self, pes: float) -> float:
        """Return the share of PE cycles that hold a match."""
        return self.mean(lambda c: c.ops) / max(1.0, pes * self.mean(lambda c: c.cycles))

    def _outputs(self, graph: Graph, setting: Setting, sum_bits: float) -> float:
        """Return the bits of what leaves: spikes of the neurons, else sums."""
        if not self.neurons:
            return math.prod(self.trace.geometry.out_shape) * sum_bits
        return sum(self._spikes(n, graph.steps[n.name], setting) for n in self.neurons)

    def _spikes(self, neuron: LayerTrace, steps: float, setting: Setting) -> float:
        """Return the bits of a neuron layer's spikes; those after a sample's exit are never written."""
        stops = self.samples.runs(neuron)
        return self.samples.mean(
            [
                spike_bits(neuron, steps if runs is None else runs, setting.flow, sample, runs)
                for sample, runs in zip(self.samples.indices, stops, strict=True)
            ]
        )


def _events(layers: Sequence[_Layer], setting: Setting, graph: Graph) -> dict[str, Floats]:
    def column(of: Callable[[Counters], int]) -> Floats:
        return np.array([layer.mean(of) for layer in layers], dtype=np.float64)

    cycles, pes = column(lambda c: c.cycles), float(setting.flow.pes)
    whole = sum(cycles.tolist())
    share = cycles / whole if whole > 0 else np.full(len(layers), 1.0 / len(layers))
    updates = [
        sum(math.prod(n.geometry.out_shape) * graph.steps[n.name] for n in hosted) for hosted in graph.neurons
    ]
    masks = setting.flow.product == "inner"
    return {
        "cycles": cycles,
        "pe_cycles": cycles * pes,
        "matches": column(lambda c: c.ops),
        "corrections": column(lambda c: c.corrections),
        "joins": column(lambda c: c.joins if masks else 0),
        "cache_bits": column(lambda c: c.sram_total_bits),
        "dram_bits": np.array([layer.moved(STREAMS) for layer in layers]),
        "lif_updates": np.array(updates, dtype=np.float64),
        "pes": share * pes,
        "share": share,
        SUM_EVENT: np.array([_sum_bits(layer.trace, setting.weight_bits) for layer in layers]),
    }


def _sum_bits(layer: LayerTrace, weight_bits: int) -> float:
    """Return the bits of the largest sum; a right operand of spikes has a magnitude of 1."""
    ones = layer.at_run_time and layer.operands[1].coding in ("spikes", "signed")
    return sum_bits(layer, 2 if ones else weight_bits)


#: names in the mapping -> streams
_MOVED: Final = {"weight": ("w", "w_meta"), "input": ("x", "x_meta"), "sum": ("psum",), "output": ("out",)}
#: the same for products of run-time operands, which have no weights
_MOVED_AT_RUN_TIME: Final = _MOVED | {"weight": (), "input": ("x", "x_meta", "w", "w_meta")}


def _mapping(layers: Sequence[_Layer], setting: Setting) -> dict[str, Floats]:
    def column(of: Callable[[_Layer], float]) -> Floats:
        return np.array([float(of(layer)) for layer in layers])

    def passes(layer: _Layer) -> float:
        return len(presented_steps(layer.trace, setting))

    pes = float(setting.flow.pes)
    moved = {
        f"dram_{label}_bits": np.array([float(layer.moved(layer.streams[label])) for layer in layers])
        for label in _MOVED
    }
    return {
        "positions": column(lambda layer: layer.trace.geometry.positions),
        "inputs": column(lambda layer: layer.trace.geometry.fan_in),
        "outputs": column(lambda layer: layer.trace.geometry.fan_out),
        "groups": column(lambda layer: layer.trace.geometry.groups),
        "passes": column(passes),
        "weight_density": column(lambda layer: layer.density(setting.weight_bits)),
        "utilisation": column(lambda layer: layer.utilisation(pes)),
        **moved,
    }


def _notes(
    workload: Workload, graph: Graph, layers: Sequence[_Layer], setting: Setting, truncated: str
) -> tuple[str, ...]:
    notes = [f"fidelity {setting.fidelity}"]
    if workload.spikes_of == "assumed":
        notes.append("spike rates are assumed, not recorded")
    drawn = [layer.name for layer in graph.layers if layer.operands[0].words is None]
    if drawn:
        notes.append(f"assumed: spikes of {_some(drawn)} are drawn at random with the given rate")
    dense = [layer.name for layer in graph.layers if layer.weight is None and not layer.at_run_time]
    if dense:
        notes.append(f"assumed: no weights recorded for {_some(dense)}: none of them is zero")
    if truncated:
        notes.append(truncated)
    real = [layer.name for layer in graph.layers if layer.operands[0].coding not in ("spikes", "signed")]
    if real:
        notes.append(f"inputs of {_some(real)} are no spikes: their bit planes are presented like steps")
    split = [
        layer.trace.name
        for layer in layers
        if max(presented_steps(layer.trace, setting)) < _planes(layer.trace, setting)
    ]
    if split:
        notes.append(
            f"{_some(split)}: more steps than the {setting.word_steps} of a word (pe.steps), so several passes"
        )
    notes += (*right_notes(graph.layers, _some), *others_note(others_of(workload)))
    unknown = not setting.published and not all(is_recorded(n) for layer in layers for n in layer.neurons)
    if unknown:
        notes.append("output spikes of some layers were not recorded: taken to be written as dense bits")
    shared = [
        n.name for layer in layers for n in layer.neurons if n.neuron is not None and n.neuron.share > 1
    ]
    if shared:
        notes.append(
            f"neurons of {_some(shared)} share membranes: none is stored here, so nothing is saved; that their sums "
            "wait for one another is not charged"
        )
    engine = (note for layer in layers for c in layer.counters for note in c.notes)
    notes += [note for note in engine if not note.startswith("output spikes")]
    return tuple(dict.fromkeys(notes))


def _planes(layer: LayerTrace, setting: Setting) -> int:
    """Return the steps of a layer's longest word before it is cut into passes."""
    whole = replace(setting, word_steps=64)
    return max(presented_steps(layer, whole))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
