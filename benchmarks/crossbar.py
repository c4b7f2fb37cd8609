"""How long wire parasitics take: effective conductance, currents per vector, a whole chip, and peers.

Arrays of uniform random cells between 1 uS and 100 uS, inputs between 0 V and 0.2 V, row and column segments of the
stated resistance. Printed: process CPU time of one thread, best and median of several runs.

- solvers: the ladder once per array (float64), conjugate gradients per vector (float32, 64 vectors), and the product
  with the effective conductance per vector (float32, 1,000 vectors), with the largest difference from the float64
  ladder relative to the largest current;
- programming: 64x64 arrays of 1 uS to 40 uS per second at 1 ohm, float32, in one batch;
- peers: one array and 1,000 vectors, from conductances to currents, by axbar and by badcrossbar and CrossSim where
  these are installed, in one process.

    OMP_NUM_THREADS=1 python benchmarks/crossbar.py [--runs 5] [--sizes 64 128 256]
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from axbar.crossbar import effective_conductance, read_currents

Array = NDArray[Any]
VECTORS, FEW, PROGRAMMED = 1000, 64, 512


def array(size: int, vectors: int, seed: int = 0) -> tuple[Array, Array]:
    """Conductances in S and input voltages in V."""
    rng = np.random.default_rng(seed)
    return rng.uniform(1e-6, 1e-4, (size, size)), rng.uniform(0, 0.2, (vectors, size))


def cpu_ms(work: Callable[[], object], runs: int) -> list[float]:
    """Process CPU time of each of several calls; one more goes before and does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - start))
    return times


def shown(times: list[float], per: int = 1) -> str:
    """Best and median."""
    return f"best {min(times) / per:10.4f} ms  median {statistics.median(times) / per:10.4f} ms"


def error(currents: Array, exact: Array) -> float:
    """Largest difference, relative to the largest current."""
    return float(np.abs(currents - exact).max() / np.abs(exact).max())


def solvers(size: int, ohm: float, runs: int) -> None:
    """Ladder, conjugate gradients, product."""
    G, V = array(size, VECTORS)
    single_G, single_V = G.astype(np.float32), V.astype(np.float32)
    seen = effective_conductance(single_G, ohm, ohm)
    exact = V @ effective_conductance(G, ohm, ohm)
    by_cg = read_currents(single_G, single_V[:FEW], ohm, ohm, method="cg")
    ladder = cpu_ms(lambda: effective_conductance(G, ohm, ohm), runs)
    cg = cpu_ms(lambda: read_currents(single_G, single_V[:FEW], ohm, ohm, method="cg"), runs)
    product = cpu_ms(lambda: single_V @ seen, runs)
    print(f"{size:4d} {ohm:4.1f} ohm  ladder f64, once      {shown(ladder)}")
    print(f"{'':14s}cg f32, per vector    {shown(cg, FEW)}  error {error(by_cg, exact[:FEW]):.1e}")
    print(
        f"{'':14s}product f32, per vec. {shown(product, VECTORS)}  error {error(single_V @ seen, exact):.1e}"
    )


def programming(runs: int) -> None:
    """A chip's arrays at once."""
    G = np.random.default_rng(0).uniform(1e-6, 4e-5, (PROGRAMMED, 64, 64)).astype(np.float32)
    times = cpu_ms(lambda: effective_conductance(G, 1.0, 1.0), runs)
    rate = 1e3 * PROGRAMMED / statistics.median(times)
    exact = effective_conductance(G[:8].astype(np.float64), 1.0, 1.0)
    wrong = error(effective_conductance(G[:8], 1.0, 1.0), exact)
    print(
        f"  64  1.0 ohm  ladder f32, batched   {shown(times, PROGRAMMED)}  error {wrong:.1e}  {rate:.0f} arrays/s"
    )


def badcrossbar_currents() -> Callable[[Array, Array, float], Array] | None:
    """The peer as a function, or None where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where its plots lack a library
            import badcrossbar  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    logging.getLogger().setLevel(logging.WARNING)

    def currents(G: Array, V: Array, ohm: float) -> Array:
        found = badcrossbar.compute(V.T, 1 / G, ohm, node_voltages=False, all_currents=False)
        return found.currents.output

    return currents


def crosssim_currents() -> Callable[[Array, Array, float], Array] | None:
    """The peer as a function, or None where it is not installed."""
    try:
        from simulator import AnalogCore, CrossSimParameters  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    from simulator.parameters.core_parameters import CoreStyle  # pyright: ignore[reportMissingImports]

    def currents(G: Array, V: Array, ohm: float) -> Array:
        most, volt = float(G.max()), float(V.max())
        params = CrossSimParameters()
        params.core.style = CoreStyle.OFFSET
        params.core.rows_max, params.core.cols_max = G.shape
        params.xbar.device.Rmin, params.xbar.device.Rmax = 1 / most, 1e3 / most
        params.xbar.device.infinite_on_off_ratio = True
        params.xbar.array.parasitics.enable = True
        params.xbar.array.parasitics.Rp_row = params.xbar.array.parasitics.Rp_col = ohm
        core = AnalogCore(G.T / most, params)
        return (core @ (V.T / volt)).T * most * volt

    return currents


def peers(size: int, ohm: float, runs: int) -> None:
    """One array and 1,000 vectors."""
    G, V = array(size, VECTORS)
    exact = V @ effective_conductance(G, ohm, ohm)
    ours = cpu_ms(lambda: read_currents(G, V, ohm, ohm), runs)
    print(f"{size:4d} {ohm:4.1f} ohm  {VECTORS} vectors, axbar f64   {shown(ours)}")
    for name, peer in (("badcrossbar", badcrossbar_currents()), ("CrossSim", crosssim_currents())):
        if peer is None:
            print(f"{'':14s}{VECTORS} vectors, {name:11s} not installed")
            continue
        found = peer(G, V, ohm)
        times = cpu_ms(lambda peer=peer: peer(G, V, ohm), 1)
        ratio = statistics.median(times) / statistics.median(ours)
        print(
            f"{'':14s}{VECTORS} vectors, {name:11s} {shown(times)}  {ratio:.0f}x, difference {error(found, exact):.1e}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    options = parser.parse_args()
    torch.set_num_threads(1)
    for size in options.sizes:
        for ohm in (0.1, 1.0, 5.0):
            solvers(size, ohm, options.runs)
    programming(options.runs)
    for size in options.sizes:
        peers(size, 1.0, options.runs)


if __name__ == "__main__":
    main()
