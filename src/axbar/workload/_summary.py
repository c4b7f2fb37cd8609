"""A workload as rows for reports: plain numbers and lists, ready for JSON."""

from __future__ import annotations

from typing import Any

from axbar.workload._activity import macs, spike_rate, synops
from axbar.workload._gradients import df_rate, du_rate
from axbar.workload._types import GradTrace, LayerTrace, Workload

__all__ = ["summary"]


def summary(workload: Workload) -> list[dict[str, Any]]:
    """Return one dict per layer; see ``Workload.summary``."""
    grad = workload.grad or {}
    return [
        _row(layer) | (_rates(grad[layer.name]) if layer.name in grad else {}) for layer in workload.layers
    ]


def _row(layer: LayerTrace) -> dict[str, Any]:
    rates = spike_rate(layer)
    shape = layer.geometry
    return {
        "name": layer.name,
        "op": layer.op,
        "kind": layer.kind,
        "inputs": list(layer.inputs),
        "in_shape": list(shape.in_shape),
        "out_shape": list(shape.out_shape),
        "steps": len(layer.steps),
        "params": _params(layer),
        "macs": macs(layer),
        "synops": synops(layer) if layer.is_matmul else None,
        "coding": layer.operands[0].coding if layer.operands else None,
        "spike_rate": None if rates is None else [float(r) for r in rates],
    }


def _rates(grad: GradTrace) -> dict[str, Any]:
    slopes = df_rate(grad)
    return {
        "du_rate": [float(r) for r in du_rate(grad)],
        "df_rate": None if slopes is None else [float(r) for r in slopes],
    }


def _params(layer: LayerTrace) -> int:
    if not layer.is_matmul or layer.at_run_time:
        return 0
    shape = layer.geometry
    weights = shape.fan_in * shape.fan_out * shape.groups
    return weights + (0 if layer.bias is None else int(layer.bias.size))
