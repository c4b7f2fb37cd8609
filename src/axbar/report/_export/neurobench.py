"""NeuroBench's metrics of the algorithm track, as far as the run recorded them.

Names and definitions after Yik et al., "The NeuroBench framework for benchmarking neuromorphic computing algorithms
and systems", Nature Communications 16 (2025), and its open harness (result keys ``footprint``,
``connection_sparsity``, ``activation_sparsity``, ``synaptic_operations``, ``parameter_count``,
``classification_accuracy``). With n_l = neurons of layer l, T_l its steps, z the nonzero activations:

    activation sparsity   1 - sum z / sum (n_l T_l)                over neurons, steps and samples
    connection sparsity   zero weights / weights                    of layers with weights
    Dense                 sum positions * fan_in * fan_out * steps  per sample
    Effective             as Dense, with a nonzero input and a nonzero weight; MACs where inputs are real numbers,
                          ACs where they are spikes. Of products of two operands computed at run time, as in
                          attention: both nonzero; ACs where either is spikes. They have no weights and no connections

Where a metric can't be had from the record it is null, and ``definitions`` says why: null is not zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from axbar import __version__
from axbar.report._export._format import Format
from axbar.report._export._record import Record

if TYPE_CHECKING:
    from axbar.workload import LayerTrace, Operand, Workload

__all__ = ["FORMAT", "metrics"]

_NO_WORKLOAD = "not filled: the traced network (workload.npz) is not part of this record"
_NO_SPIKES = "not filled: activity was assumed, not recorded"
_BYTES = 4  # of a 32-bit float, in which networks are traced


@dataclass(frozen=True)
class _Metric:
    value: Any
    definition: str


def metrics(record: Record) -> dict[str, Any]:
    """Return the metrics, null where not recorded, with ``definitions`` of each."""
    workload = record.workload
    found = {
        "footprint": _footprint(record),
        "parameter_count": _parameters(record),
        "connection_sparsity": _connections(workload),
        "activation_sparsity": _activations(workload),
        "synaptic_operations": _operations(workload),
        "classification_accuracy": _accuracy(record),
    }
    return {
        **{name: metric.value for name, metric in found.items()},
        "definitions": {name: metric.definition for name, metric in found.items()},
        "modelled_system": _system(record),
        "run": {
            "network": record.network, "chip": record.chip, "data": record.facts["data"] or None,
            "steps": record.facts["workload"].get("steps"), "axbar": record.version,
            "exported_by": f"axbar {__version__}", "inputs": record.run.get("inputs"),
        },
        "notes": list(record.warnings),
    }  # fmt: skip


def _count(record: Record) -> int | None:
    rows = [row for row in record.facts["workload"].get("layers", ()) if row.get("params") is not None]
    return sum(int(row["params"]) for row in rows) if rows else None


def _parameters(record: Record) -> _Metric:
    count = _count(record)
    if count is None:
        return _Metric(None, "not filled: the layers of the network are not part of this record")
    return _Metric(
        count, "weights and biases of layers with weights, after batch norms were folded into them"
    )


def _footprint(record: Record) -> _Metric:
    count = _count(record)
    if count is None:
        return _Metric(None, "not filled: the layers of the network are not part of this record")
    return _Metric(
        count * _BYTES,
        "bytes of parameter_count as 32-bit floats, the precision in which the network was traced; batch norms are "
        "folded, and buffers (membranes, statistics) are not part of the record, which NeuroBench's harness adds",
    )


def _connections(workload: Workload | None) -> _Metric:
    if workload is None:
        return _Metric(None, _NO_WORKLOAD)
    weights = [_weights(layer) for layer in workload.matmuls if not layer.at_run_time]
    if not weights or any(w is None for w in weights):
        return _Metric(None, "not filled: built from shapes, no weights were recorded")
    total = sum(w.size for w in weights if w is not None)
    zeros = sum(int((w == 0).sum()) for w in weights if w is not None)
    return _Metric(
        zeros / total, "zero weights over all weights of convolutional and linear layers, as floats"
    )


def _weights(layer: LayerTrace) -> Any:
    if layer.weight is None or layer.mask is None:
        return layer.weight
    return np.where(layer.mask, layer.weight, 0.0)


def _activations(workload: Workload | None) -> _Metric:
    from axbar.workload import spike_rate

    if workload is None:
        return _Metric(None, _NO_WORKLOAD)
    if not workload.samples:
        return _Metric(None, _NO_SPIKES)
    fires = size = 0.0
    for layer in workload.layers:
        if layer.op == "activation":
            return _Metric(
                None, f"not filled: outputs of '{layer.name}' ({layer.kind}) are not recorded as such"
            )
        if layer.op != "neuron":
            continue
        rate = spike_rate(layer)
        if rate is None or layer.output is None or layer.output.coding not in ("spikes", "signed"):
            return _Metric(None, f"not filled: spikes of '{layer.name}' were not recorded")
        neurons = float(np.prod(layer.geometry.out_shape))
        fires, size = fires + neurons * float(rate.sum()), size + neurons * len(rate)
    if not size:
        return _Metric(None, "not filled: the network holds no spiking neurons")
    return _Metric(
        1.0 - fires / size,
        f"share of (neuron, step) without a spike, over all neuron layers and {_samples(workload)}",
    )


def _samples(workload: Workload) -> str:
    return f"{workload.samples} recorded test samples of the {workload.spikes_of} network"


def _operations(workload: Workload | None) -> _Metric:
    from axbar.workload import macs

    if workload is None:
        return _Metric(None, _NO_WORKLOAD)
    if not workload.samples:
        return _Metric(None, _NO_SPIKES)
    found = {"Effective_MACs": 0.0, "Effective_ACs": 0.0, "Dense": 0.0}
    for layer in workload.matmuls:
        done = _both_nonzero(layer) if layer.at_run_time else _effective(layer)
        if done is None:
            what = "operands" if layer.at_run_time else "input or weights"
            return _Metric(None, f"not filled: {what} of '{layer.name}' were not recorded")
        read = layer.operands if layer.at_run_time else layer.operands[:1]
        spikes = any(operand.coding in ("spikes", "signed") for operand in read)
        found["Effective_ACs" if spikes else "Effective_MACs"] += done
        found["Dense"] += float(macs(layer))
    return _Metric(
        found,
        "per sample over all its steps, mean of "
        f"{_samples(workload)}; Effective counts nonzero input times nonzero weight (real inputs: nonzero after "
        "quantisation to the recorded bits), Dense counts every product; a layer whose input is the same at every step "
        "runs, and counts, once",
    )


def _effective(layer: LayerTrace) -> float | None:
    """Products of a nonzero input with a nonzero weight, per sample; None if not recorded."""
    from axbar.workload import active_rows

    weight, operand = _weights(layer), layer.operands[0]
    if weight is None or operand.words is None:
        return None
    groups = layer.geometry.groups
    present = (np.asarray(weight) != 0).reshape(groups, weight.shape[0] // groups, -1).sum(axis=1)
    # drivers as wide as the code make one pulse of every nonzero element
    driven = active_rows(layer, dac_bits=operand.bits)
    return float(driven @ present.reshape(-1))


def _both_nonzero(layer: LayerTrace) -> float | None:
    """Products of elements of two run-time operands that are both nonzero, per sample; None if not recorded."""
    left, right = layer.operands
    if left.words is None or right.words is None:
        return None
    shape, done = layer.geometry, 0.0
    for step in range(left.steps):
        driven = _nonzero(left, step).reshape(-1, shape.positions, shape.groups, shape.fan_in).sum(axis=1)
        written = _nonzero(right, step).reshape(-1, shape.groups, shape.fan_in, shape.fan_out).sum(axis=3)
        done += float((driven * written).sum()) / len(driven)
    return done


def _nonzero(operand: Operand, step: int) -> Any:
    """Which elements are not zero at a step, ``[B, *shape]``."""
    words: Any = operand.words
    if operand.coding in ("spikes", "signed"):
        return (words >> words.dtype.type(step)) & 1
    return (words[:, step] if operand.per_step else words) != 0


def _accuracy(record: Record) -> _Metric:
    found = record.facts.get("accuracy")
    if not found:
        return _Metric(None, "not filled: accuracy was not measured")
    return _Metric(
        float(found["float"]),
        f"share of {found['images']} test images classified right, 0..1, by the network whose activity was recorded "
        "(32-bit floats); on the chip: see modelled_system",
    )


def _system(record: Record) -> dict[str, Any]:
    chip = (record.facts.get("accuracy") or {}).get("analog")
    return {
        "note": "modelled by axbar, not measured on hardware: no entry for NeuroBench's system track",
        "accuracy": chip,
        "energy_J": record.total("energy_J"),
        "latency_s": record.total("latency_s"),
        "area_m2": record.total("area_m2"),
        "leakage_W": record.total("leakage_W"),
    }


def _render(record: Record) -> str:
    return json.dumps(metrics(record), indent=1, allow_nan=False) + "\n"


FORMAT = Format("neurobench", "neurobench.json", "metrics of the NeuroBench algorithm track as JSON", _render)
