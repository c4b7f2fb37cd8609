"""How long the parts of a search take: making design points, costing them, and keeping results.

Points: three chips with six, two and no parameters of their own and one that all share. Sweep: all of 10^5 designs of
one chip, of which rows, columns, bits and tiles change what events are counted for (1,200 and 12,000 ways), each with
the share of every group of components, the front of three costs and the candidates of every class; VGG9 by its shapes,
and a spiking network traced on images. Nothing is counted before. Store: records of about 500 bytes with eight floats
each, checked line by line when the folder is opened. Printed: process CPU time, best and median of several runs on one
thread, beside plain ``json`` over the same text. Slow store: a driver that puts a batch of ten records every 50 ms, on
a disk whose every sync takes 0, 100 and 1,000 ms longer; printed: the share of wall time that it waits.

    python benchmarks/explore.py [--points 1000000] [--records 100000] [--runs 5] [--only points sweep store slow]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

from axbar.search.space import load_space
from axbar.search.store import Record, Store, key_of
from axbar.search.sweep import sweep
from axbar.spec import load_hardware
from axbar.workload import Workload, shapes

SPACE = {
    "space": {
        "hardware": ["imc-rram-65nm", "sata", "loas"],
        "crossbar.rows": [32, 64, 128, 256],
        "crossbar.cols": [32, 64, 128, 256],
        "adc.bits": "3..8",
        "adc.cols_per_adc": [1, 2, 4, 8, 16],
        "tile.pes_per_tile": [2, 4, 8, 16],
        "array.rows": [8, 16, 32],
        "array.cols": [8, 16, 32],
        "neuron.membrane_bits": "4..16",
        "model.steps": "1..8",
    },
    "objectives": ["energy_J min", "latency_s min"],
}


CHIP = "imc-rram-65nm"
#: 96,000 designs, 1,200 of which differ in what is counted; and 96,000 with 12,000
FEW_COUNTS = {
    "crossbar.rows": [32, 64, 128, 256, 512],
    "crossbar.cols": [32, 64, 128, 256, 512],
    "crossbar.cell_bits": [1, 2, 3],
    "crossbar.weight_bits": [4, 5, 6, 8],
    "tile.pes_per_tile": [4, 8],
    "tile.arrays_per_pe": [4, 9],
    "adc.bits": "3..6",
    "adc.cols_per_adc": [1, 2, 4, 8, 16],
    "technology.vdd_V": [0.9, 1.0, 1.1, 1.2],
}
MANY_COUNTS = FEW_COUNTS | {
    "crossbar.rows": "64..512 step 64",
    "crossbar.cols": "64..512 step 64",
    "tile.pes_per_tile": [2, 4, 8, 16],
    "tile.arrays_per_pe": [2, 4, 9, 16],
    "adc.bits": "3..6",
    "adc.cols_per_adc": [4, 16],
    "technology.vdd_V": [1.0],
}
ASKED = {
    "objectives": ["accuracy max", "energy_J min", "latency_s min", "area_m2 min"],
    "constraints": ["area_m2 <= 1000 mm²"],
}


def traced() -> Workload:
    """A spiking VGG9 whose neurons fire, on eight random images."""
    import torch

    from axbar import trace
    from axbar.nn import build_model

    made = build_model("spiking-vgg9", steps=4, seed=0).eval()
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.weight.mul_(2)
    return trace(made, torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)))


def uncounted(workload: Workload) -> Workload:
    """The same workload, of which nothing is known yet."""
    layers = tuple(dataclasses.replace(layer) for layer in workload.layers)
    return dataclasses.replace(workload, layers=layers)


def swept(name: str, known: Workload, parameters: dict, runs: int) -> None:
    """Sweep a space with a workload of which nothing was counted."""
    chip = load_hardware(CHIP)
    space = load_space({"space": parameters, **ASKED}, chip)
    found = []

    def run() -> None:
        workload = uncounted(known)
        found.append(sweep(space, chip, lambda variant, spec: workload))

    timed(f"{space.count:,} designs swept, {name}", run, runs)
    last = found[-1]
    print(
        f"  on the front {last.front.sum():,}, candidates {last.candidate.sum():,}, removed {last.infeasible}"
    )


def timed(what: str, work: Callable[[], object], runs: int) -> None:
    """Print the CPU time of ``work``."""
    spent = []
    for _ in range(runs):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    print(f"{what:56} best {min(spent):6.2f} s   median {statistics.median(spent):6.2f} s")


def records(count: int) -> list[Record]:
    """Results of random points."""
    rng = np.random.default_rng(0)
    made: list[Record] = []
    for number in range(count):
        asked = {"point": {"adc.bits": number % 6 + 3, "crossbar.rows": 64}, "number": number}
        values = {f"figure_{k}_J": float(v) for k, v in enumerate(rng.random(8))}
        key = key_of(workload="w", spec=asked["point"], techniques=[], fidelity=0, seed=number)
        made.append(Record(key, asked, values))
    return made


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=("points", "sweep", "store", "slow"))
    asked = parser.parse_args()
    parts = asked.only or ("points", "sweep", "store", "slow")
    if "points" in parts:
        time_points(asked.points, asked.runs)
    if "sweep" in parts:
        for name, workload in (("VGG9 by shapes", shapes.vgg9()), ("spiking VGG9, traced", traced())):
            swept(f"few counts, {name}", workload, FEW_COUNTS, asked.runs)
            swept(f"many counts, {name}", workload, MANY_COUNTS, asked.runs)
    if "store" in parts:
        time_store(asked.records, asked.runs)
    if "slow" in parts:
        for sync_s in (0.0, 0.1, 1.0):
            time_slow_store(sync_s)


def time_points(points: int, runs: int) -> None:
    """Make points by number and from the unit cube."""
    space = load_space(SPACE)
    assert space.size is not None
    index = np.random.default_rng(0).integers(0, space.size, points)
    columns = space.columns(index)
    timed(f"{points:,} grid numbers to columns", lambda: space.columns(index), runs)
    timed("  which of them are the first copy", lambda: space.canonical(columns), runs)
    unit = np.random.default_rng(1).random((points, len(space.parameters)))
    timed(f"{points:,} points of the unit cube to columns", lambda: space.decode(unit), runs)


def time_store(count: int, runs: int) -> None:
    """Write records, open the folder again, read them."""
    kept = records(count)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Store(place / "study") as store:
            timed(f"{count:,} records written", lambda: store.put_all(kept), 1)
        lines = (place / "study" / "records.jsonl").read_text().splitlines()
        timed("  json.loads of the same lines", lambda: [json.loads(line) for line in lines], runs)
        timed("  opened, every line checked", lambda: Store(place / "study").close(), runs)
        with Store(place / "study", read_only=True) as view:
            timed("  all read", lambda: sum(1 for _ in view.records()), runs)


def time_slow_store(sync_s: float, lasting_s: float = 10.0) -> None:
    """Put a batch every 50 ms for a while, on a disk that takes ``sync_s`` longer to sync."""
    kept, waited, put, real = records(5000), 0.0, 0, os.fsync

    def slow(file: int) -> None:
        time.sleep(sync_s)
        real(file)

    with tempfile.TemporaryDirectory() as folder, mock.patch("os.fsync", slow), Store(folder) as store:
        start = time.perf_counter()
        while time.perf_counter() - start < lasting_s:
            time.sleep(0.05)
            before = time.perf_counter()
            store.put_all(kept[put : put + 10])
            waited, put = waited + time.perf_counter() - before, put + 10
        share = waited / (time.perf_counter() - start)
    print(
        f"sync {1000 * sync_s:4.0f} ms longer: {put} records in {lasting_s:.0f} s, {100 * share:4.1f} % of it waiting"
    )


if __name__ == "__main__":
    main()
