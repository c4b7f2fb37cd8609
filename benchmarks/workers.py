"""What running the tasks of a study costs beside the tasks, in process and on worker processes of this machine.

Printed: wall time until the first worker serves and until all of them do; wall time of 10^4 trivial tasks for several
sizes of batches; from these, by least squares, what a batch and a task cost; and the CPU time that the driver's process
(its own part and Dask's scheduler in it) spends on a batch, which bounds how many workers it can keep busy. torch is
loaded by every worker with its first task and not counted in the throughput.

    python benchmarks/workers.py [--workers 4] [--tasks 10000] [--batches 10 50 250]
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from axbar.search.work import Executor, executor

#: s that a batch of a study takes, for the number of workers that one driver keeps busy
BATCH_S = 10.0


def trivial(task: int, load: Callable[[str], Any]) -> int:
    """The least of work."""
    return task


def who(task: float, load: Callable[[str], Any]) -> int:
    """Wait, and say which process did."""
    time.sleep(task)
    return os.getpid()


def all_there(made: Executor, workers: int) -> None:
    """Return when every worker has done a task."""
    seen: set[int] = set()
    while len(seen) < workers:
        seen |= {done.value for done in made.run(who, [0.05] * 2 * workers, {}, 1)}


def spent(made: Executor, count: int, batch: int) -> tuple[float, float]:
    """Wall time and CPU time of this process for trivial tasks."""
    start_s, cpu_s = time.perf_counter(), time.process_time()
    done = sum(1 for outcome in made.run(trivial, range(count), {}, batch) if outcome.failure is None)
    assert done == count
    return time.perf_counter() - start_s, time.process_time() - cpu_s


def measure(workers: int, count: int, sizes: list[int]) -> None:
    """Print the figures of an executor."""
    start_s = time.perf_counter()
    with executor(workers) as made:
        first_s = time.perf_counter() - start_s
        all_there(made, max(workers, 1))
        ready_s = time.perf_counter() - start_s
        print(
            f"{workers} workers: first there after {first_s:.2f} s, all with torch after {ready_s:.2f} s",
            flush=True,
        )
        rows, cpus = [], []
        for size in sizes if workers else sizes[:1]:
            wall_s, cpu_s = spent(made, count, size)
            rows.append((count / size, wall_s))
            cpus.append(cpu_s)
            print(f"  {count} tasks by {size:4d}: {wall_s:7.2f} s, {count / wall_s:8.0f} tasks/s", flush=True)
        if len(rows) > 1:
            fit = np.array([[batches, count] for batches, _ in rows])
            (wall_batch, wall_task), *_ = np.linalg.lstsq(
                fit, np.array([wall for _, wall in rows]), rcond=None
            )
            (cpu_batch, cpu_task), *_ = np.linalg.lstsq(fit, np.array(cpus), rcond=None)
            print(f"  wall: {wall_batch * 1e3:.2f} ms a batch, {wall_task * 1e3:.3f} ms a task")
            print(f"  CPU of the driver: {cpu_batch * 1e3:.2f} ms a batch, {cpu_task * 1e6:.0f} µs a task")
            print(
                f"  one driver keeps {BATCH_S / max(cpu_batch, 1e-9):.0f} workers busy with batches of {BATCH_S:g} s"
            )
        close_s = time.perf_counter()
    print(f"  closed in {time.perf_counter() - close_s:.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--batches", type=int, nargs="+", default=[10, 50, 250])
    options = parser.parse_args()
    for workers in (0, options.workers):
        measure(workers, options.tasks, options.batches)


if __name__ == "__main__":
    main()
