"""A report as a VGG9 on the default chip would give, made from formulas instead of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from axbar._report import Accuracy, Change, Report, Step, Waterfall
from axbar.cost import Bottlenecks, Metric, Offer, WhatIf
from axbar.cost.bottlenecks import HELD, Driver, Holder
from axbar.spec import load_hardware

# (name, in channels, out channels, size, spike rate of the input)
SHAPES = [
    ("conv1", 3, 64, 32, None),
    ("conv2", 64, 64, 32, 0.142),
    ("conv3", 64, 128, 16, 0.118),
    ("conv4", 128, 128, 16, 0.093),
    ("conv5", 128, 256, 8, 0.071),
    ("conv6", 256, 256, 8, 0.058),
    ("conv7", 256, 256, 8, 0.043),
    ("fc1", 4096, 1024, 1, 0.036),
    ("fc2", 1024, 10, 1, 0.081),
]
COMPONENTS = (
    "cells", "row_drivers", "mux", "adc", "shift_add", "accumulators", "input_buffer", "output_buffer", "interconnect",
    "lif", "membrane", "leakage",
)  # fmt: skip
#: share of the energy by component
ENERGY = (0.061, 0.032, 0.006, 0.571, 0.043, 0.027, 0.081, 0.052, 0.069, 0.008, 0.036, 0.014)
LATENCY = (0.18, 0.0, 0.0, 0.55, 0.02, 0.01, 0.09, 0.06, 0.07, 0.01, 0.01, 0.0)
AREA = (0.03, 0.05, 0.02, 0.34, 0.06, 0.04, 0.12, 0.10, 0.09, 0.03, 0.12, 0.0)


@dataclass
class FakeEstimate:
    """What the report room reads of an ``Estimate``: P = 1 unless arrays say otherwise."""

    layers: tuple[str, ...]
    components: tuple[str, ...]
    energy_J: np.ndarray
    latency_s: np.ndarray
    area_m2: np.ndarray
    leakage_W: np.ndarray
    mapping: Mapping[str, np.ndarray]
    feasible: np.ndarray = field(default_factory=lambda: np.array([True]))
    reasons: tuple[str, ...] = ("",)
    points: Mapping[str, np.ndarray] = field(default_factory=dict)
    assumed_share: np.ndarray = field(default_factory=lambda: np.array([0.214]))
    conventional: Any = None
    notes: tuple[str, ...] = ("spike rates are those of 16 test images",)
    assumptions: tuple[tuple[Any, float], ...] = ()

    @property
    def programming(self) -> None:
        return None

    @property
    def wear(self) -> None:
        return None

    @property
    def compared_with_silicon(self) -> bool:
        return True

    @property
    def beside_silicon(self) -> str:
        return "Models of kind fake were compared with one chip that nobody made."

    @property
    def warnings(self) -> tuple[str, ...]:
        return ("",) * len(self.feasible)

    @property
    def metrics(self) -> dict[str, Metric]:
        frames = Metric("inferences per second", 1 / self.total("latency_s"), "1/s", "1 / latency")
        tops = Metric("dense-equivalent efficiency", 1e-3 / self.total("energy_J"), "TOPS/W", "made up")
        return {"fps": frames, "tops_per_W": tops, "tsops_per_W": Metric("performed", None, "TSOPS/W", "")}

    def spread(self, quantity: str) -> tuple[np.ndarray, np.ndarray]:
        total = self.total(quantity)
        return 0.62 * total, 1.71 * total

    def explain(self, query: str) -> Any:
        source = "A. Author, B. Author, Journal 2020, Table 1 (a figure made up for tests)"
        return SimpleNamespace(
            constants=(SimpleNamespace(name=f"{query}.c", source=source, confidence="code"),)
        )

    def total(self, quantity: str) -> np.ndarray:
        return getattr(self, quantity).sum(axis=(1, 2))

    def by_component(self, quantity: str) -> np.ndarray:
        return getattr(self, quantity).sum(axis=1)

    def by_layer(self, quantity: str) -> np.ndarray:
        return getattr(self, quantity).sum(axis=2)

    @property
    def edp_Js(self) -> np.ndarray:
        return self.total("energy_J") * self.total("latency_s")


def fake_estimate(
    shapes: list[tuple[str, int, int, int, float | None]] | None = None, **changes: Any
) -> FakeEstimate:
    """Return an estimate whose shares differ from layer to layer but always sum up."""
    shapes = shapes or SHAPES
    work = np.array(
        [c * k * s * s * (r or 0.5) * (9 if s > 1 else 1) for _, c, k, s, r in shapes], dtype=float
    )
    arrays = np.array(
        [-(-c * (9 if s > 1 else 1) // 64) * -(-k // 5) for _, c, k, s, _ in shapes], dtype=float
    )
    fan_in = np.array([c * (9 if s > 1 else 1) for _, c, _, s, _ in shapes], dtype=float)
    wobble = 1 + 0.45 * np.sin(np.arange(len(shapes))[:, None] * 1.7 + np.arange(12)[None] * 2.3)

    def cube(shares: tuple[float, ...], by_layer: np.ndarray, total: float) -> np.ndarray:
        cells = by_layer[:, None] * np.array(shares) * wobble
        return (total * cells / cells.sum())[None]

    values: dict[str, Any] = {
        "layers": tuple(s[0] for s in shapes),
        "components": tuple(COMPONENTS),
        "energy_J": cube(ENERGY, work**0.8, 3.1e-6),
        "latency_s": cube(LATENCY, np.array([float(s[3] ** 2) for s in shapes]), 8.1e-4),
        "area_m2": cube(AREA, arrays, 4.2e-6),
        "leakage_W": cube(AREA, arrays, 1.9e-3),
        "mapping": {
            "arrays": arrays,
            "tiles": np.ceil(arrays / 72),
            "row_tiles": np.ceil(fan_in / 64),
            "col_tiles": np.array([-(-k // 5) for _, _, k, _, _ in shapes], dtype=float),
            "utilisation": fan_in / (64 * np.ceil(fan_in / 64)),
        },
        "conventional": {
            "ac": 1.1e5,
            "mac": 2.2e4,
            "E_AC_J": 9e-13,
            "E_MAC_J": 4.6e-12,
            "energy_J": 1.1e5 * 9e-13 + 2.2e4 * 4.6e-12,
            "source": "M. Horowitz, ISSCC 2014",
            "int8": {"energy_J": 1.1e5 * 5e-14 + 2.2e4 * 3e-13},
        },
        "assumptions": (
            (SimpleNamespace(name="read.t_read_s", confidence="assumed"), 0.153),
            (SimpleNamespace(name="adc.sample_rate_Hz", confidence="user"), 0.061),
        ),
    }
    return FakeEstimate(**{**values, **changes})


def fake_workload(
    shapes: list[tuple[str, int, int, int, float | None]] | None = None, steps: int = 4
) -> tuple[dict[str, Any], ...]:
    """Return rows as ``Workload.summary()`` makes them: layers with weights and the neurons behind them."""
    rows: list[dict[str, Any]] = []
    for i, (name, c, k, size, rate) in enumerate(shapes or SHAPES):
        conv = size > 1
        over_time = (
            None if rate is None else [rate * (0.6 + 0.8 * t / max(1, steps - 1)) for t in range(steps)]
        )
        rows.append(
            {
                "name": name,
                "op": "conv2d" if conv else "linear",
                "kind": "conv 3×3" if conv else "linear",
                "inputs": [],
                "in_shape": [c, size, size] if conv else [c],
                "out_shape": [k, size, size] if conv else [k],
                "steps": 1 if rate is None else steps,
                "params": c * k * (9 if conv else 1),
                "macs": c * k * 9 * size * size,
                "synops": None if rate is None else c * k * 9 * size * size * rate * steps,
                "coding": "real" if rate is None else "spikes",
                "spike_rate": over_time,
            }
        )
        spikes = [0.17 * (0.5 + 0.5 * t / max(1, steps - 1)) / (1 + 0.35 * i) for t in range(steps)]
        rows.append(
            {
                "name": f"lif{i + 1}",
                "op": "neuron",
                "kind": "LIF",
                "inputs": [name],
                "in_shape": [k, size, size],
                "out_shape": [k, size, size],
                "steps": steps,
                "params": 0,
                "macs": 0,
                "synops": None,
                "coding": None,
                "spike_rate": spikes,
            }
        )
    return tuple(rows)


def fake_waterfall(layers: int = 9) -> Waterfall:
    """Return a waterfall with a loss, a gain, a chance result, effects that are off, and a technique."""
    lost = {
        "quantised": (0.39, 0.31), "adc": (1.17, 0.62), "wires": (0.59, 0.44), "faults": None,
        "programming": (3.13, 0.78), "read_noise": (-0.2, 0.28), "drift": (0.0, 0.0), "techniques": (-1.76, 0.55),
    }  # fmt: skip
    share, steps = 0.9141, [Step("float", 0.9141, 0.0175)]
    for name, change in lost.items():
        points, error = change or (0.0, 0.0)
        share -= points / 100
        note = "" if change else "no cell is stuck"
        steps.append(Step(name, share, 0.0183, points, error, change is not None, note))
    without = {
        "adc": (0.78, 0.5),
        "wires": (0.39, 0.4),
        "programming": (2.34, 0.7),
        "read_noise": (-0.2, 0.3),
    }
    return Waterfall(
        steps=tuple(steps),
        leave_one_out=tuple(Change(name, 0.86 + p / 100, p, e) for name, (p, e) in without.items()),
        layers=tuple(
            Change(SHAPES[i % 9][0] + "b" * (i // 9), 0.91 - 0.012 / (i + 1), 1.2 / (i + 1) - 0.15, 0.3)
            for i in range(layers)
        ),
        images=256,
        dies=2,
        seed=0,
    )


def fake_bottlenecks(estimate: FakeEstimate) -> Bottlenecks:
    """Return holders of the fake estimate, changes of every kind, one that does not fit, and a technique."""
    holders, cells = [], []
    for quantity in HELD:
        total, cube = float(estimate.total(quantity)[0]), getattr(estimate, quantity)[0]
        for name, value in zip(estimate.components, cube.sum(axis=0), strict=True):
            driver = Driver("adc.bits", 1.6) if name == "adc" else Driver("clock_Hz", -1.0)
            holders.append(Holder(quantity, name, "", float(value), float(value) / total, "a · b", (driver,)))
        for layer, row in zip(estimate.layers, cube, strict=True):
            pairs = zip(estimate.components, row, strict=True)
            cells += [Holder(quantity, name, layer, float(v), float(v) / total) for name, v in pairs]

    def change(title: str, energy: float, latency: float, area: float, accuracy: Any, why: str) -> WhatIf:
        figures = (energy, latency, area, 1.0, energy * latency, 1 / latency)
        names = ("energy_J", "latency_s", "area_m2", "leakage_W", "edp_Js", "fps")
        return WhatIf(title, "spec", {}, dict(zip(names, figures, strict=True)), True, "", accuracy, why)

    return Bottlenecks(
        components=tuple(sorted(holders, key=lambda h: -h.share)),
        cells=tuple(sorted(cells, key=lambda h: -h.share)),
        changes=(
            change("T 4 → 2", 0.52, 0.5, 1.0, "yes", "the network decides on fewer spikes"),
            change("adc.bits 5 → 4", 0.81, 0.97, 0.88, "yes", "sums are rounded otherwise"),
            change("adc.cols_per_adc 8 → 7", 1.012, 0.9, 1.07, "no", "columns take turns"),
            change("adc.kind sar → flash", 3.1, 0.8, 1.4, "no", "same resolution"),
        ),
        infeasible=(replace(change("device x → sram", 1, 1, 1, "yes", ""), feasible=False, reason="1 bit"),),
        techniques=(Offer("bn-adapt", "chip", note="what it takes is not modelled"),),
        sensitivity=Any,  # type: ignore[arg-type]  # nothing here asks it
    )


def fake_report(**changes: Any) -> Report:
    """Return a VGG9 on the default preset, ADC and array changed, five dies, one technique of each stage."""
    base = load_hardware("imc-rram-65nm")
    values: dict[str, Any] = {
        "model": "spiking-vgg9",
        "data": "fashion-mnist-small",
        "hardware": base.replace({"adc.bits": 5, "crossbar.rows": 128}),
        "base": base,
        "estimate": fake_estimate(),
        "workload": fake_workload(),
        "trace": {
            "name": "spiking-vgg9",
            "steps": 4,
            "samples": 16,
            "spikes_of": "float",
            "hash": "9f31c2aa01b7e6d4",
        },
        "accuracy": Accuracy(2000, 0.912, 0.9085, (0.8795, 0.8885, 0.8915, 0.8825, 0.878)),
        "techniques": (
            {
                "name": "clip-weights",
                "stage": "network",
                "config": {"sigmas": 2.5},
                "cost": {"seconds": 0.02},
            },
            {
                "name": "adc-recalibrate",
                "stage": "chip",
                "config": {"images": 64},
                "cost": {"images": 64, "seconds": 1.31},
            },
        ),
        "notes": ("stays digital: the read-out (mean over time)", "accuracy on 2000 of 2000 test images"),
        "run": {
            "format": 1,
            "command": "axbar evaluate runs/demo/model --data fashion-mnist-small "
            "--set adc.bits=5 --set crossbar.rows=128 --chips 5",
            "arguments": {
                "model": "runs/demo/model",
                "data": "fashion-mnist-small",
                "chips": 5,
                "seed": 0,
                "threads": 2,
            },
            "versions": {"python": "3.11.9", "axbar": "0.1.0", "torch": "2.13.0", "numpy": "2.1.0"},
            "inputs": {
                "weights": "1c0f7e55d2a94b10",
                "data": "77b1e0c9ab24de31",
                "hardware": "5fe2",
                "workload": "9f31",
            },
        },
        "waterfall": fake_waterfall(),
    }
    values |= changes
    return Report(**{"bottlenecks": fake_bottlenecks(values["estimate"]), **values})
