"""Designs that the literature proposes, on the default chip: few bits, mixed devices, a search, shared neurons.

Each function answers one question with figures from ``estimate``; what the accuracy does is said by the study.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost import Estimate, estimate
from axbar.published.snn_imc_sweeps import CHIP, Table, device_changes
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec
from axbar.workload import Workload

__all__ = ["HYBRID", "few_bits", "hybrid", "search", "shared_membranes", "stored_bits"]

#: devices that a chip may mix (HyDe mixes the same three kinds)
HYBRID = ("pcm-hermes", "fefet-2bit", "sram")
_BITS = ((8, 32), (4, 22), (4, 4), (2, 2))  # weights, membranes
_WEIGHTS = np.geomspace(1e-3, 1e3, 61)
#: fields that leave what an array computes as it is: as many rows and bits per conversion as in the preset, and
#: no column longer
_FREE: dict[str, tuple[Any, ...]] = {
    "crossbar.cols": (16, 32, 64),
    "adc.kind": ("sar", "flash"),
    "adc.cols_per_adc": (1, 2, 4, 8, 16),
    "tile.pes_per_tile": (2, 4, 8),
    "mapping.order": ("step", "layer"),
    "mapping.duplication": (1, 2, 4),
    "chip.power_gating": ("tile", "array"),
}


def _chip(**changes: Any) -> ImcSpec:
    spec = load_hardware(CHIP, {key.replace("__", "."): value for key, value in changes.items()})
    assert isinstance(spec, ImcSpec)
    return spec


def stored_bits(workload: Workload, weight_bits: int, membrane_bits: int) -> float:
    """Return the bits that weights and membranes take: one membrane per output of every layer but the last."""
    weights, membranes = _counts(workload)
    return float(weight_bits * sum(weights) + membrane_bits * sum(membranes[:-1]))


def _counts(workload: Workload) -> tuple[list[int], list[int]]:
    shapes = [layer.geometry for layer in workload.matmuls]
    return (
        [s.fan_in * s.fan_out * s.groups for s in shapes],
        [int(np.prod(s.out_shape)) for s in shapes],
    )


def few_bits(workload: Workload) -> list[dict[str, float]]:
    """Return storage, energy, power and area by bits of weights and membranes (W, U), and storage of 32-bit numbers."""
    found: list[dict[str, float]] = []
    for W, U in _BITS:
        cell_bits = min(3, W - 1)
        spec = _chip(crossbar__weight_bits=W, crossbar__cell_bits=cell_bits, neuron__membrane_bits=U)
        result = estimate(workload, spec)
        energy, latency = (float(result.total(q)[0]) for q in ("energy_J", "latency_s"))
        found.append({
            "weight_bits": W, "membrane_bits": U, "stored_B": stored_bits(workload, W, U) / 8,
            "weights_B": stored_bits(workload, W, 0) / 8, "membranes_B": stored_bits(workload, 0, U) / 8,
            "float_B": stored_bits(workload, 32, 32) / 8, "energy_J": energy, "power_W": energy / latency,
            "area_m2": float(result.total("area_m2")[0]),
        })  # fmt: skip
    return found


def hybrid(workload: Workload) -> dict[str, Any]:
    """Choose one device of ``HYBRID`` per layer for the least energy-delay-area product; compare with one for all.

    Layers lie on tiles of their own, so that energies, latencies and areas of layers add up to those of the chip.
    Of all weights between energy, time and area the best sum is kept: a linear objective is solved layer by layer.

    Returns:
        ``chosen`` by layer; by device, and for ``hybrid``: ``energy_J``, ``latency_s``, ``area_m2``, ``edap_Jsm2``.
    """
    results = [estimate(workload, load_hardware(CHIP, device_changes(name))) for name in HYBRID]
    E, L, A = (
        np.array([r.by_layer(q)[0] for r in results]) for q in ("energy_J", "latency_s", "area_m2")
    )  # each [devices, layers]
    chosen = _best_choice(E, L, A)
    layers = np.arange(E.shape[1])
    found: dict[str, Any] = {name: _sums(E[i], L[i], A[i]) for i, name in enumerate(HYBRID)}
    found["hybrid"] = _sums(E[chosen, layers], L[chosen, layers], A[chosen, layers])
    found["chosen"] = {layer: HYBRID[i] for layer, i in zip(results[0].layers, chosen, strict=True)}
    return found


def _sums(E: NDArray[np.float64], L: NDArray[np.float64], A: NDArray[np.float64]) -> dict[str, float]:
    e, t, a = float(E.sum()), float(L.sum()), float(A.sum())
    return {"energy_J": e, "latency_s": t, "area_m2": a, "edap_Jsm2": e * t * a}


def _best_choice(E: NDArray[np.float64], L: NDArray[np.float64], A: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return one device per layer, ``[layers]``."""
    layers = np.arange(E.shape[1])
    relative = [x / x.sum(1).min() for x in (E, L, A)]
    options = [
        (relative[0] + w_time * relative[1] + w_area * relative[2]).argmin(0)
        for w_time, w_area in itertools.product((0.0, *_WEIGHTS), repeat=2)
    ]
    return min(
        options, key=lambda pick: float(np.prod([x[pick, layers].sum() for x in (E, L, A)]))
    )  # fmt: skip


def search(workload: Workload) -> dict[str, Any]:
    """Return the least energy-delay-area product over all values of the fields that leave results as they are.

    Returns:
        ``preset`` and ``best``: totals with throughput and efficiency, ``points``: how many designs were compared,
        ``changes``: the fields that the best one changes.
    """
    grid = list(itertools.product(*_FREE.values()))
    sweep = {path: np.array([point[i] for point in grid]) for i, path in enumerate(_FREE)}
    result = estimate(workload, _chip(), sweep=sweep)
    edap = result.total("energy_J") * result.total("latency_s") * result.total("area_m2")
    at = int(np.argmin(np.where(result.feasible, edap, np.inf)))
    return {
        "preset": _merits(estimate(workload, _chip()), 0),
        "best": _merits(result, at),
        "points": len(grid),
        "changes": {path: _plain(column[at]) for path, column in sweep.items()},
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _merits(result: Estimate, point: int) -> dict[str, float]:
    names = ("edap_Jsm2", "tops_per_W", "tops_per_mm2")
    return {
        **{q: float(result.total(q)[point]) for q in ("energy_J", "latency_s", "area_m2")},
        **{name: float(np.asarray(result.metrics[name].value)[point]) for name in names},
    }


def shared_membranes(workload: Workload, channels: Sequence[int]) -> Table:
    """Return membranes by how many channels share one, with neighbouring layers of one shape sharing theirs.

    Returns:
        ``channels``, ``membranes`` and ``saved``: membranes of the network without sharing over these.
    """
    _, outputs = _counts(workload)
    once = [n for i, n in enumerate(outputs[:-1]) if i == 0 or outputs[i - 1] != n]
    whole = float(sum(outputs[:-1]))
    table = Table(channels=[0.0], membranes=[whole], saved=[1.0])
    for c in channels:
        left = sum(once) / c
        for name, value in (("channels", float(c)), ("membranes", left), ("saved", whole / left)):
            table[name].append(value)
    return table
