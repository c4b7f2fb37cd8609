"""What the study of spiking chips computes: one function per question, each a table of figures from ``estimate``.

All chips are the default preset but for what a function changes. Lists are aligned: one entry per value of the axis
that the function names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from axbar import registry
from axbar.cost import Estimate, estimate
from axbar.cost.fair import ann_bits, as_ann
from axbar.crossbar import effective_conductance
from axbar.published.snn_imc_networks import Twin, with_rates
from axbar.spec import load_hardware
from axbar.workload import Workload

__all__ = [
    "CHIP", "DEVICES", "Table", "adcs", "array_sizes", "crossover", "device_changes", "devices", "membranes", "modules",
    "movement", "rates", "steps", "totals",
]  # fmt: skip

CHIP = "imc-rram-65nm"
DEVICES = ("rram-neurram", "pcm-hermes", "fefet-2bit", "stt-mram", "sram")
Table = dict[str, list[float]]
_MOVERS = ("input_buffer", "output_buffer", "global_buffer", "dram", "interconnect", "die_link", "membrane")


def _figures(found: Estimate) -> dict[str, float]:
    return {
        "energy_J": float(found.total("energy_J")[0]),
        "latency_s": float(found.total("latency_s")[0]),
        "area_m2": float(found.total("area_m2")[0]),
        "edp_Js": float(found.edp_Js[0]),
    }


def totals(workload: Workload) -> dict[str, float]:
    """Return energy, latency, area and energy-delay product on the default chip."""
    return _figures(estimate(workload, load_hardware(CHIP)))


def _add(table: Table, row: Mapping[str, float]) -> None:
    for name, value in row.items():
        table.setdefault(name, []).append(value)


def modules(workload: Workload) -> dict[str, dict[str, float]]:
    """Return the share of each component group in energy, latency and area, 0..1."""
    found = estimate(workload, load_hardware(CHIP))
    return {
        quantity: {
            group: float(value[0]) / float(found.total(quantity)[0])
            for group, value in found.by_group(quantity).items()
        }
        for quantity in ("energy_J", "latency_s", "area_m2")
    }


def steps(twins: Sequence[Twin]) -> Table:
    """Return totals of the spiking networks by T."""
    chip, table = load_hardware(CHIP), Table()
    for twin in twins:
        _add(table, {"T": float(twin.steps), **_figures(estimate(twin.workload, chip))})
    return table


def array_sizes(workload: Workload, sizes: Sequence[int]) -> Table:
    """Return totals by array size, and what an array's farthest row still delivers through 1 ohm wires."""
    found = estimate(
        workload,
        load_hardware(CHIP),
        sweep={"crossbar.rows": np.array(sizes), "crossbar.cols": np.array(sizes)},
    )
    columns = {q: list(map(float, found.total(q))) for q in ("energy_J", "latency_s", "area_m2")}
    return {"size": [float(n) for n in sizes], **columns, "held": [_held(n) for n in sizes]}


def _held(size: int) -> float:
    """Share of the ideal current of a column of conducting cells, all rows on, behind 1 ohm wires."""
    on = load_hardware(CHIP).values()["device.g_on_S"]
    G = np.full((size, size), 0.5 * on)
    return float(effective_conductance(G, 1.0, 1.0).sum(0)[-1] / G.sum(0)[-1])


def adcs(workload: Workload, bits: Sequence[int]) -> dict[str, Table]:
    """Return totals by converter kind and bits; ``sense`` has one bit and an amplifier per column."""
    found: dict[str, Table] = {}
    for kind in ("sar", "flash", "ramp", "sense"):
        for b in bits if kind != "sense" else (1,):
            own = {"adc.cols_per_adc": 1} if kind == "sense" else {}
            chip = load_hardware(CHIP, {"adc.kind": kind, "adc.bits": b, **own})
            _add(found.setdefault(kind, {}), {"bits": float(b), **_figures(estimate(workload, chip))})
    return found


def device_changes(name: str) -> dict[str, Any]:
    """Return the device with as many bits per cell as it holds and the chip's weights need."""
    most = registry.get("devices", name).max_cell_bits
    return {"device": name, "crossbar.cell_bits": min(3, most)}


def devices(workload: Workload) -> dict[str, dict[str, float]]:
    """Return totals by device, with as many bits per cell as it holds and the chip's weights need."""
    found: dict[str, dict[str, float]] = {}
    for name in DEVICES:
        found[name] = _figures(estimate(workload, load_hardware(CHIP, device_changes(name))))
    return found


def membranes(workload: Workload, bits: Sequence[int]) -> dict[str, Table]:
    """Return the share of neurons and membranes in energy and area by bits of a membrane, for both orders of steps."""
    found: dict[str, Table] = {}
    for order in ("step", "layer"):
        for b in bits:
            chip = load_hardware(CHIP, {"neuron.membrane_bits": b, "mapping.order": order})
            result = estimate(workload, chip)
            own = {
                f"{q}_share": float(result.by_group(q)["neuron"][0]) / float(result.total(q)[0])
                for q in ("energy_J", "area_m2")
            }
            _add(found.setdefault(order, {}), {"bits": float(b), **own, **_figures(result)})
    return found


def crossover(twins: Sequence[Twin], ann: Twin, bits: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return totals of the spiking networks and of the conventional one with b-bit inputs, on one chip.

    ``behind_J`` leaves out the layer that reads the image, of which spiking networks see 8 bits.
    """
    chip = load_hardware(CHIP)
    found = {twin.name: _behind(estimate(twin.workload, chip)) for twin in twins}
    for b in sorted({*bits, *(ann_bits(twin.steps) for twin in twins)}):
        found[f"ANN {b} bit"] = _behind(estimate(ann.workload, load_hardware(CHIP, {"input.bits": b})))
    return found


def _behind(found: Estimate) -> dict[str, float]:
    _, *rest = found.by_layer("energy_J")[0].tolist()
    return {**_figures(found), "behind_J": sum(rest)}


def rates(workload: Workload, values: Sequence[float], bits: int) -> dict[str, Any]:
    """Return totals by spike rate at the inputs of spiking layers, for both orders of steps, and of the b-bit twin.

    The twin has the rates of ``workload``.
    """
    found: dict[str, Any] = {"bits": bits}
    for order in ("step", "layer"):
        chip, table = load_hardware(CHIP, {"mapping.order": order}), Table()
        for rate in values:
            every = {layer.name: rate for layer in workload.matmuls}
            _add(table, {"rate": rate, **_behind(estimate(with_rates(workload, every), chip))})
        found[order] = table
    twin = estimate(as_ann(workload, bits), load_hardware(CHIP, {"input.bits": bits}))
    return {**found, "conventional": _behind(twin)}


def movement(workload: Workload, exited: Workload | None = None) -> dict[str, float]:
    """Return the energy of memories and wires: as published chips run (every layer on every step), and mended.

    ``exited`` is the same network with samples that leave early.
    """
    found: dict[str, float] = {}
    cases: list[tuple[str, Workload, dict[str, Any]]] = [
        ("every layer on every step", workload, {"mapping.first_layer": "every_step"}),
        ("first layer once", workload, {}),
        ("all steps of a layer at once", workload, {"mapping.order": "layer"}),
    ]
    if exited is not None:
        cases.append(("and samples leave early", exited, {"mapping.order": "layer"}))
    for name, case, changes in cases:
        result = estimate(case, load_hardware(CHIP, changes))
        parts = result.by_component("energy_J")[0]
        moved = [v for c, v in zip(result.components, parts, strict=True) if c in _MOVERS]
        found[name] = float(sum(moved))
    return found
