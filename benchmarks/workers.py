"""What running the tasks of a study costs beside the tasks, in process and on worker processes of this machine.

Printed: wall time until the first worker serves and until all of them do; wall time of 10^4 trivial tasks for several
sizes of batches; from these, by least squares, what a batch and a task cost; and the CPU time that the driver's process
(its own part and Dask's scheduler in it) spends on a batch, which bounds how many workers it can keep busy. torch is
loaded by every worker with its first task and not counted in the throughput.

With these costs, a simulation of more workers than there are here: each has one batch to work on and one waiting, times
of batches are lognormal (a coefficient of variation of 0.5), and the driver takes one batch after the other. Printed:
the share of time that workers work.

    python benchmarks/workers.py [--workers 4] [--tasks 10000] [--batches 10 50 250] [--simulated 10 100 1000]
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import heapq
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from axbar.search.work import Executor, executor

#: s that a batch of a study takes, and how many tasks it has
BATCH_S, BATCH = (1.0, 2.0, 5.0, 10.0, 30.0), 10


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


def busy(workers: int, batch_s: float, driver_s: float, rounds: int = 30) -> float:
    """Share of time that simulated workers work, until the last batch is sent.

    Args:
        workers: how many.
        batch_s: mean time of a batch on a worker.
        driver_s: of the driver for a batch that came back, until the next one is on its way.
        rounds: batches a worker.
    """
    rng, variance = np.random.default_rng(0), np.log(1.25)
    times = iter(
        rng.lognormal(np.log(batch_s) - variance / 2, np.sqrt(variance), 2 * workers * rounds).tolist()
    )
    waiting, idle_since = [1] * workers, [np.inf] * workers
    idle_s = driver_free_s = now_s = 0.0
    ends = [(next(times), worker, True) for worker in range(workers)]
    heapq.heapify(ends)
    for _ in range(2 * workers * (rounds - 2)):
        now_s, worker, done = heapq.heappop(ends)
        if done:  # the driver takes what came back and sends another
            driver_free_s = max(driver_free_s, now_s) + driver_s
            heapq.heappush(ends, (driver_free_s, worker, False))
            idle_since[worker] = now_s
        else:
            waiting[worker] += 1
        if waiting[worker] and idle_since[worker] < np.inf:
            idle_s += now_s - idle_since[worker]
            waiting[worker], idle_since[worker] = waiting[worker] - 1, np.inf
            heapq.heappush(ends, (now_s + next(times), worker, True))
    idle_s += sum(now_s - since for since in idle_since if since < np.inf)
    return 1 - idle_s / (workers * now_s)


def simulate(workers: list[int], driver_s: float) -> None:
    """Print what share of time simulated workers work."""
    print(
        f"  simulated, {1e3 * driver_s:.1f} ms of the driver for a batch of {BATCH}; share of time that workers work"
    )
    for count in workers:
        shares = "  ".join(
            f"{batch_s:g} s: {100 * busy(count, batch_s, driver_s):3.0f} %" for batch_s in BATCH_S
        )
        print(f"    {count:5d} workers, batches of {shares}")


def measure(workers: int, count: int, sizes: list[int], simulated: list[int]) -> None:
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
            simulate(simulated, max(cpu_batch, 0.0) + BATCH * max(cpu_task, 0.0))
        close_s = time.perf_counter()
    print(f"  closed in {time.perf_counter() - close_s:.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--batches", type=int, nargs="+", default=[10, 50, 250])
    parser.add_argument("--simulated", type=int, nargs="+", default=[10, 100, 1000])
    options = parser.parse_args()
    for workers in (0, options.workers):
        measure(workers, options.tasks, options.batches, options.simulated)


if __name__ == "__main__":
    main()
