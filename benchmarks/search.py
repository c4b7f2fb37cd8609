"""How much of the true front each sampler finds with few evaluations, and what its proposals cost.

Problems whose whole grid is known: ZDT1 and ZDT2 on a grid (41,472 designs), a space of kinds with conditions and three
objectives (80,640), and the costs of VGG9 on an RRAM chip, two and three objectives (62,208 designs). Share: of the
true front's hypervolume, against a reference a tenth of the front's range beyond its worst. ``stock`` is Optuna's
NSGA-II as it comes: conditional parameters suggested where they count, repetitions counted once but told again; nsga2
is the same with all genes of a design. Printed: least and median share over seeds after so many different designs, and
process CPU time of a search on one thread. TPE is slow with many trials; leave --evaluations small for it.

    python benchmarks/search.py [--seeds 5] [--first 5] [--evaluations 100 200 400 800 2000]
        [--samplers sobol nsga2 evolve] [--problems zdt1 zdt2 mixed chip2 chip3] [--batch 10]
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from axbar.search.propose import find
from axbar.search.propose import guide as _optuna

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "search"))
from fronts import Problem, chip, mixed, zdt

PROBLEMS: dict[str, Callable[[], Problem]] = {
    "zdt1": lambda: zdt(1),
    "zdt2": lambda: zdt(2),
    "mixed": mixed,
    "chip2": lambda: chip("energy_J", "latency_s"),
    "chip3": lambda: chip("energy_J", "latency_s", "area_m2"),
}


class Stock(_optuna.Guide):
    """NSGA-II that is given only the genes that count."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)
        self._all = False


def searched(problem: Problem, sampler: str, count: int, batch: int, seed: int) -> np.ndarray:
    """Values of ``count`` designs in the order in which a sampler proposed them."""
    from axbar.search.propose import sources as _sources

    guide = _sources.Guide
    _sources.Guide = Stock if sampler == "stock" else guide
    try:
        kind = "nsga2" if sampler == "stock" else sampler
        found = find(
            problem.space, problem.evaluate, sampler=kind, generations=count // batch, batch=batch, seed=seed
        )
    finally:
        _sources.Guide = guide
    return found.values


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=5, help="first seed; those of the tests are 0 to 4")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[100, 200, 400, 800, 2000])
    parser.add_argument("--samplers", nargs="+", default=["sobol", "stock", "nsga2", "evolve"])
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    asked = parser.parse_args()
    for name in asked.problems:
        problem = PROBLEMS[name]()
        print(f"{name}: {problem.count:,} designs, {len(problem.front)} on the front", flush=True)
        for sampler in asked.samplers:
            start = time.process_time()
            shares = []
            for seed in range(asked.first, asked.first + asked.seeds):
                values = searched(problem, sampler, max(asked.evaluations), asked.batch, seed)
                shares.append([problem.share(values[:n]) for n in asked.evaluations])
            least, middle = np.min(shares, axis=0), np.median(shares, axis=0)
            told = "  ".join(
                f"{n}: {low:.3f} {mid:.3f}"
                for n, low, mid in zip(asked.evaluations, least, middle, strict=True)
            )
            print(f"  {sampler:7} {told}  {(time.process_time() - start) / asked.seeds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
