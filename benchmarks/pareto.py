"""How long the Pareto front of a large table takes, at once and as a stream, and the hypervolume of a front.

Tables: 10^6 x 4, all minimised: ``uniform`` independent values; ``correlated`` (what is good is good in everything);
``anti`` anti-correlated in the manner of Börzsönyi, Kossmann and Stocker, ICDE 2001 (the mean of a row is normal, its
parts about it are uniform); ``thin`` anti-correlated within 5 % of a plane, so that two rows of five are on the front;
``plane`` exactly on it: every row is on the front, which is the worst there is. Streams come in 100 portions. Making
tables is not counted. Printed: rows on the front and process CPU time on one thread, best and median of several runs.

    python benchmarks/pareto.py [--runs 5] [--rows 1000000] [--tables uniform correlated anti thin plane]
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from axbar.search.front.pareto import Front, contributions, hypervolume, nondominated

M = 4
SENSES = [False] * M
PORTIONS = 100


def uniform(rng: np.random.Generator, n: int) -> np.ndarray:
    """Independent values."""
    return rng.random((n, M))


def correlated(rng: np.random.Generator, n: int) -> np.ndarray:
    """One common value and a third as much of each objective's own."""
    return rng.normal(size=(n, 1)) + rng.normal(scale=0.3, size=(n, M))


def anti(rng: np.random.Generator, n: int) -> np.ndarray:
    """Uniform parts about a mean that hardly varies."""
    parts = rng.random((n, M))
    return parts - parts.mean(axis=1, keepdims=True) + rng.normal(0.5, 0.05, size=(n, 1))


def plane(rng: np.random.Generator, n: int) -> np.ndarray:
    """Uniform on the plane where the objectives sum to 1."""
    parts = rng.exponential(size=(n, M))
    return parts / parts.sum(axis=1, keepdims=True)


def thin(rng: np.random.Generator, n: int) -> np.ndarray:
    """Up to 5 % beyond that plane."""
    return plane(rng, n) * (1 + 0.05 * rng.random((n, 1)))


TABLES = {table.__name__: table for table in (uniform, correlated, anti, thin, plane)}


def streamed(values: np.ndarray) -> int:
    """Rows on the front of a table that comes in portions."""
    front = Front(SENSES)
    for part in np.array_split(np.arange(len(values)), PORTIONS):
        front.add(values[part], part)
    return len(front)


def timed(what: Callable[[], object], runs: int) -> str:
    """Best and median process CPU time."""
    spent: list[float] = []
    for _ in range(runs):
        start = time.process_time()
        what()
        spent.append(time.process_time() - start)
    return f"best {min(spent):6.3f} s  median {statistics.median(spent):6.3f} s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    options = parser.parse_args()
    nondominated(np.zeros((2, M)), SENSES)  # imports
    for name in options.tables:
        values = TABLES[name](np.random.default_rng(0), options.rows)
        size = int(nondominated(values, SENSES).sum())
        for how, filter_rows in (("at once", lambda v: nondominated(v, SENSES)), ("stream", streamed)):
            spent = timed(lambda v=values, f=filter_rows: f(v), options.runs)
            print(f"{name:10s} {how:8s} {size:8d} on the front  {spent}", flush=True)
    for size in (200, 1000):
        front = plane(np.random.default_rng(0), size)
        for measure in (hypervolume, contributions):
            spent = timed(lambda f=front, m=measure: m(f, SENSES, [1.0] * M), options.runs)
            print(f"{measure.__name__:14s} of {size:5d} x {M}  {spent}", flush=True)


if __name__ == "__main__":
    main()
