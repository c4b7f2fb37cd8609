"""How long a network takes on five dual-sparse dataflows, per fidelity level: cycles, traffic and check of the sums.

Workload: the 19 layers of the spiking ResNet19 of LoAS (CIFAR-10, T = 4) with synthetic spikes and weights of the
published non-zero counts; dataflows loas, loas-nmtk, sparten, gospa and gamma. Packing the spikes is included, making
the tensors is not. Printed: process CPU time on one thread, best and median of several runs, and each dataflow's
share of the median run.

    python benchmarks/sparse.py [--runs 5] [--fidelity published join pipeline]
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import statistics
import time

import numpy as np

from axbar.cost.sparse import check_inputs, simulate_tensors
from axbar.cost.sparse.counters import FIDELITIES
from axbar.cost.sparse.dataflow import find
from axbar.published.loas_layers import RESNET19
from axbar.published.loas_tensors import synthetic

FLOWS = ("loas", "loas-nmtk", "sparten", "gospa", "gamma")
Layers = list[tuple[np.ndarray, np.ndarray]]


def cpu_s(layers: Layers, fidelity: str) -> dict[str, float]:
    """Process CPU time of one run, by dataflow; ``packing`` is shared by all."""
    spent = dict.fromkeys(("packing", *FLOWS), 0.0)
    for x, w in layers:
        start = time.process_time()
        tensors = check_inputs(x, w)
        spent["packing"] += time.process_time() - start
        for name in FLOWS:
            start = time.process_time()
            simulate_tensors(tensors, find(name), fidelity)
            spent[name] += time.process_time() - start
    return spent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--fidelity", nargs="+", default=list(FIDELITIES), choices=FIDELITIES)
    options = parser.parse_args()
    layers = [synthetic(layer) for layer in RESNET19]
    cpu_s(layers[:1], "published")  # imports
    for fidelity in options.fidelity:
        runs = sorted(
            (cpu_s(layers, fidelity) for _ in range(options.runs)), key=lambda run: sum(run.values())
        )
        totals = [sum(run.values()) for run in runs]
        parts = "  ".join(f"{name} {1e3 * s:.0f}" for name, s in runs[len(runs) // 2].items())
        print(
            f"{fidelity:10s} best {min(totals):6.3f} s  median {statistics.median(totals):6.3f} s   (ms: {parts})"
        )


if __name__ == "__main__":
    main()
