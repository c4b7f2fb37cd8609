"""How long the parts of a search take: making a million design points, and keeping a hundred thousand results.

Space: three chips with six, two and no parameters of their own and one that all share. Store: records of about 500
bytes with eight floats each, checked line by line when the folder is opened. Printed: process CPU time, best and median
of several runs on one thread, beside plain ``json`` over the same text.

    python benchmarks/explore.py [--points 1000000] [--records 100000] [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from axbar.search.space import load_space
from axbar.search.store import Record, Store, key_of

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


def timed(what: str, work: Callable[[], object], runs: int) -> None:
    """Print the CPU time of ``work``."""
    spent = []
    for _ in range(runs):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    print(f"{what:44} best {min(spent):6.2f} s   median {statistics.median(spent):6.2f} s")


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
    asked = parser.parse_args()

    space = load_space(SPACE)
    assert space.size is not None
    index = np.random.default_rng(0).integers(0, space.size, asked.points)
    columns = space.columns(index)
    timed(f"{asked.points:,} grid numbers to columns", lambda: space.columns(index), asked.runs)
    timed("  which of them are the first copy", lambda: space.canonical(columns), asked.runs)
    unit = np.random.default_rng(1).random((asked.points, len(space.parameters)))
    timed(f"{asked.points:,} points of the unit cube to columns", lambda: space.decode(unit), asked.runs)

    kept = records(asked.records)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Store(place / "study") as store:
            timed(f"{asked.records:,} records written", lambda: store.put_all(kept), 1)
        lines = (place / "study" / "records.jsonl").read_text().splitlines()
        timed("  json.loads of the same lines", lambda: [json.loads(line) for line in lines], asked.runs)
        timed("  opened, every line checked", lambda: Store(place / "study").close(), asked.runs)
        with Store(place / "study", read_only=True) as view:
            timed("  all read", lambda: sum(1 for _ in view.records()), asked.runs)


if __name__ == "__main__":
    main()
