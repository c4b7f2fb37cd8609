"""How long estimates take: one VGG9 from its recorded spikes, and a sweep with every point broken down.

Workload: spiking VGG9 (seven convolutions, two linear layers, 5.9 M weights) on 32x32 images, T = 5, random
spikes of 16 samples and random weights. ``fresh``: nothing was counted before; ``again``: events are known.
The sweep varies four structural and five other quantities at random; each point gets energy, latency, area and
leakage of 9 layers x 21 components. Printed: process CPU time, best and median of several runs on one thread.

    python benchmarks/estimate.py [--points 10000] [--runs 7]
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable

import numpy as np

from axbar.cost import estimate
from axbar.spec import load_hardware
from axbar.workload import LayerTrace, Operand, Workload, shapes

STEPS, SAMPLES = 5, 16


def recorded(seed: int) -> Workload:
    """VGG9 by shape, with random spikes and weights in place of rates."""
    rng = np.random.default_rng(seed)
    blank = shapes.vgg9(steps=STEPS)
    layers = tuple(_recorded(layer, rng) if layer.is_matmul else layer for layer in blank.layers)
    return dataclasses.replace(blank, layers=layers, samples=SAMPLES)


def _recorded(layer: LayerTrace, rng: np.random.Generator) -> LayerTrace:
    operand, where = layer.operands[0], layer.geometry
    words = rng.integers(
        0, 2**8 if operand.coding == "real" else 2**STEPS, (SAMPLES, *operand.shape), dtype=np.uint8
    )
    if operand.coding != "real":
        words &= rng.integers(0, 2**STEPS, words.shape, dtype=np.uint8)
    shape = (where.fan_out, where.fan_in)
    if layer.op == "conv2d":
        shape = (where.fan_out, where.in_shape[0], *where.kernel)
    weight = rng.normal(size=shape).astype(np.float32)
    known: Operand = dataclasses.replace(operand, words=words, rate=None)
    return dataclasses.replace(layer, operands=(known,), weight=weight)


def columns(points: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random columns over structural and other quantities."""
    rng = np.random.default_rng(seed)
    return {
        "crossbar.rows": rng.choice([32, 64, 128, 256], points),
        "crossbar.cols": rng.choice([32, 64, 128, 256], points),
        "crossbar.cell_bits": rng.choice([1, 2, 3], points),
        "tile.pes_per_tile": rng.choice([4, 8], points),
        "adc.bits": rng.integers(3, 9, points),
        "adc.cols_per_adc": rng.choice([1, 4, 8, 16], points),
        "technology.vdd_V": rng.uniform(0.8, 1.2, points),
        "technology.node_m": rng.uniform(14e-9, 90e-9, points),
        "read.v_read_V": rng.uniform(0.05, 0.3, points),
    }


def cpu_s(work: Callable[[], object]) -> float:
    """Process CPU time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    spec = load_hardware("imc-rram-65nm")
    sweep = columns(options.points)
    estimate(shapes.vgg9(steps=2), spec)  # imports and registry
    rows: dict[str, list[float]] = {
        "one point, fresh": [],
        "one point, again": [],
        "sweep, fresh": [],
        "sweep, again": [],
    }
    for run in range(options.runs):
        workload = recorded(run)
        rows["one point, fresh"].append(cpu_s(lambda w=workload: estimate(w, spec)))
        rows["one point, again"].append(cpu_s(lambda w=workload: estimate(w, spec)))
        other = recorded(run + options.runs)
        rows["sweep, fresh"].append(cpu_s(lambda w=other: estimate(w, spec, sweep)))
        rows["sweep, again"].append(cpu_s(lambda w=other: estimate(w, spec, sweep)))
    for name, seconds in rows.items():
        best, median = min(seconds), statistics.median(seconds)
        rate = f"  {options.points / median:10.0f} points/s" if name.startswith("sweep") else ""
        print(f"{name:18s} best {best * 1e3:7.1f} ms  median {median * 1e3:7.1f} ms{rate}")


if __name__ == "__main__":
    main()
