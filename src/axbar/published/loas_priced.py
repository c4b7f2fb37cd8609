"""Energy of dual-sparse accelerators: the published sum, the same with units mended, and axbar's own components.

The published sum and its defects: ``axbar.published.loas_energy``. Own: ``estimate`` of the presets, kind
``sparse``, on the same spikes and weights; layers of the published networks become linear layers on M positions, as
the published traffic is that of unfolded maps. Efficiency is energy of SparTen over energy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from axbar.cost import Estimate, estimate
from axbar.cost.sparse import LayerTensors
from axbar.published.loas_counts import CIRCUITS
from axbar.published.loas_energy import MODES, energy_nJ
from axbar.published.loas_facts import PUBLISHED
from axbar.spec import load_hardware
from axbar.workload import Operand, Workload

__all__ = [
    "PARTS", "PRESETS", "as_workload", "circuit_costs", "efficiencies", "layer_table", "presets", "published_sums",
]  # fmt: skip

#: name here -> preset, and whether single spikes are masked
PRESETS: Final[Mapping[str, tuple[str, bool]]] = {
    "sparten": ("sparten", False), "gospa": ("gospa", False), "gamma": ("gamma", False),
    "loas-nmtk": ("loas-nmtk", False), "loas": ("loas", False), "loas-ft": ("loas", True), "ptb": ("ptb", False),
}  # fmt: skip

#: part of an energy -> components of the kind ``sparse``
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "joins and sums": ("prefix_sums", "accumulators", "corrections", "masks", "merger", "pe_buffers"),
    "control and neurons": ("control", "lif"),
    "cache": ("cache",),
    "DRAM": ("dram",),
    "leakage": ("leakage",),
}
_CIRCUIT_PARTS: Final = ("prefix_sums", "accumulators", "corrections", "masks", "pe_buffers")


def published_sums() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return network -> mode -> accelerator -> nJ by part and in ``total``, from the published totals."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for network, rows in PUBLISHED.items():
        for mode in MODES:
            for name, row in rows.items():
                one = energy_nJ(
                    "loas" if name == "loas-ft" else name, cycles=row.cycles, ops=row.ops,
                    dram_bytes=1024 * row.dram_KB, sram_bytes=1024 * row.sram_KB, mode=mode,
                )  # fmt: skip
                found.setdefault(network, {}).setdefault(mode, {})[name] = {
                    "compute": one.compute_nJ, "SRAM": one.sram_nJ, "DRAM": one.dram_nJ, "leakage": one.leakage_nJ,
                    "total": one.total_nJ,
                }  # fmt: skip
    return found


def efficiencies(table: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return SparTen's total over each one's.

    >>> efficiencies({"sparten": {"total": 4.0}, "loas": {"total": 2.0}})
    {'sparten': 1.0, 'loas': 2.0}
    """
    return {name: table["sparten"]["total"] / row["total"] for name, row in table.items()}


def as_workload(name: str, layers: Sequence[LayerTensors]) -> Workload:
    """Return unfolded layers as a workload of linear layers on M positions, one sample."""
    shapes: list[dict[str, Any]] = []
    for number, at in enumerate(layers):
        steps, rows, inputs, outputs = at.shape
        shapes.append(
            {"name": f"layer{number + 1}", "op": "linear", "in_channels": inputs, "out_channels": outputs,
             "in_size": rows, "steps": steps}
        )  # fmt: skip
    empty = Workload.from_layers(shapes, name=name, steps=layers[0].steps)
    given = iter(layers)
    filled = tuple(
        _filled(layer, next(given)) if layer.is_matmul else layer for layer in empty.layers
    )  # fmt: skip
    return replace(empty, layers=filled, samples=1)


def _filled(layer: Any, tensors: LayerTensors) -> Any:
    operand: Operand = replace(layer.operands[0], words=tensors.words[np.newaxis], rate=None)
    return replace(layer, operands=(operand,), weight=tensors.weights.T.astype(np.float32))


def presets(plain: Workload, masked: Workload, fidelity: str) -> dict[str, dict[str, float]]:
    """Return accelerator -> energy by part and in ``total``, nJ; ``latency_us`` and ``area_mm2``."""
    found: dict[str, dict[str, float]] = {}
    for name, (preset, on_masked) in PRESETS.items():
        chip = load_hardware(preset, {"fidelity": fidelity})
        found[name] = _priced(estimate(masked if on_masked else plain, chip))
    return found


def _priced(found: Estimate) -> dict[str, float]:
    energy = _by_component(found, "energy_J")
    parts = {part: 1e9 * sum(energy[name] for name in names) for part, names in PARTS.items()}
    return {
        **parts,
        "total": 1e9 * float(found.total("energy_J")[0]),
        "latency_us": 1e6 * float(found.total("latency_s")[0]),
        "area_mm2": 1e6 * float(found.total("area_m2")[0]),
    }


def _by_component(found: Estimate, quantity: str) -> dict[str, float]:
    values = found.by_component(quantity)[0]
    return {name: float(value) for name, value in zip(found.components, values, strict=True)}


def circuit_costs(workload: Workload) -> dict[str, dict[str, float]]:
    """Return prefix sums -> area of one PE and of its prefix sums (mm2), their energy and the chip's (nJ).

    A unit that holds a tile's addresses is not offered by the kind: its prefix sums are those of ``fast-laggy``.
    """
    found: dict[str, dict[str, float]] = {}
    for prefix in dict.fromkeys(prefix for prefix, _ in CIRCUITS.values()):
        spec = load_hardware("loas", {"fidelity": "pipeline", "prefix": prefix})
        result, pes = estimate(workload, spec), float(spec.values()["pe.count"])
        area, energy = _by_component(result, "area_m2"), _by_component(result, "energy_J")
        found[prefix] = {
            "pe_mm2": 1e6 * sum(area[name] for name in _CIRCUIT_PARTS) / pes,
            "prefix_mm2": 1e6 * area["prefix_sums"] / pes,
            "prefix_nJ": 1e9 * energy["prefix_sums"],
            "pe_nJ": 1e9 * sum(energy[name] for name in _CIRCUIT_PARTS),
            **{
                key: value
                for key, value in _priced(result).items()
                if key in ("total", "latency_us", "area_mm2")
            },
        }
    return found


def layer_table(workload: Workload, preset: str, fidelity: str) -> list[dict[str, Any]]:
    """Return energy (nJ) and time (us) of every layer on a preset."""
    found = estimate(workload, load_hardware(preset, {"fidelity": fidelity}))
    energy, time = found.by_layer("energy_J")[0], found.by_layer("latency_s")[0]
    return [
        {"layer": name, "energy_nJ": 1e9 * float(e), "latency_us": 1e6 * float(t)}
        for name, e, t in zip(found.layers, energy, time, strict=True)
    ]
